/// The directories of a TIFF, of which EXIF data and most RAW files are one, too: tags and where their values lie. Anything
/// that points out of the bytes reads as if it were not there.
struct TIFFDirectories {
    struct Entry {
        let tag: Int
        let type: Int
        let count: Int
        /// Where the values are.
        let offset: Int
    }

    struct Directory {
        var entries: [Entry] = []
        /// Where the next one begins; 0 after the last.
        var next = 0
        /// Whether it ended before all its entries.
        var isCut = false
    }

    private let bytes: UnsafeBufferPointer<UInt8>
    private let isBigEndian: Bool
    /// BigTIFF, with offsets of 64 bits.
    private let isBig: Bool
    /// Where the first directory begins.
    private var first = 0

    /// No honest file has more entries in one directory, or more directories, than are looked at.
    private static let maximumEntries = 1024
    private static let maximumDirectories = 32

    /// Nil where the bytes do not begin like a TIFF's. RAW files with marks of their own have other numbers than 42.
    init?(_ bytes: UnsafeBufferPointer<UInt8>, anyNumber: Bool = false) {
        guard bytes.count >= 8, bytes[0] == bytes[1], bytes[0] == 0x49 || bytes[0] == 0x4D else { return nil }
        self.bytes = bytes
        isBigEndian = bytes[0] == 0x4D
        let number = isBigEndian ? Int(bytes[2]) << 8 | Int(bytes[3]) : Int(bytes[3]) << 8 | Int(bytes[2])
        // 42 turned round is an old mistake, which Pillow takes, too.
        guard anyNumber || [42, 43, 42 << 8].contains(number) else { return nil }
        isBig = number == 43
        guard let start = isBig ? integer(at: 8, bytes: 8) : integer(at: 4, bytes: 4) else { return nil }
        first = start
    }

    /// The first directory.
    var main: Directory { directory(at: first) }

    /// The first directory, those after it, and those inside them, as far as they can be read.
    func all() -> [Directory] {
        var result: [Directory] = []
        var seen: Set<Int> = []
        var waiting = [first]
        while let offset = waiting.popLast(), result.count < Self.maximumDirectories {
            guard offset > 0, seen.insert(offset).inserted else { continue }
            let directory = directory(at: offset)
            result.append(directory)
            waiting.append(directory.next)
            for entry in directory.entries where entry.tag == 330 {  // SubIFDs
                waiting += integers(entry, limit: 8)
            }
        }
        return result
    }

    /// The values of an entry that are whole numbers; none where they are of another type.
    func integers(_ entry: Entry, limit: Int = 1) -> [Int] {
        guard let size = Self.size(entry.type), [1, 3, 4, 6, 8, 9, 13, 16].contains(entry.type) else { return [] }
        return (0..<min(entry.count, limit)).compactMap { integer(at: entry.offset + $0 * size, bytes: size) }
    }

    /// The bytes of an entry.
    func contents(_ entry: Entry) -> UnsafeBufferPointer<UInt8>? {
        guard let size = Self.size(entry.type), entry.count <= bytes.count / size,
            entry.offset <= bytes.count - entry.count * size
        else { return nil }
        return UnsafeBufferPointer(rebasing: bytes[entry.offset..<(entry.offset + entry.count * size)])
    }

    private func directory(at start: Int) -> Directory {
        var result = Directory()
        let countBytes = isBig ? 8 : 2
        let width = isBig ? 8 : 4
        guard let count = integer(at: start, bytes: countBytes) else {
            result.isCut = true
            return result
        }
        var at = start + countBytes
        for _ in 0..<min(count, Self.maximumEntries) {
            guard let tag = integer(at: at, bytes: 2), let type = integer(at: at + 2, bytes: 2),
                let values = integer(at: at + 4, bytes: width), integer(at: at + 4 + width, bytes: width) != nil
            else {
                result.isCut = true
                return result
            }
            var offset = at + 4 + width
            if let size = Self.size(type), values > width / size {
                offset = integer(at: offset, bytes: width) ?? bytes.count
            }
            result.entries.append(Entry(tag: tag, type: type, count: values, offset: offset))
            at += 4 + 2 * width
        }
        if count <= Self.maximumEntries { result.next = integer(at: at, bytes: width) ?? 0 }
        return result
    }

    /// Bytes of a value; nil for an unknown type.
    private static func size(_ type: Int) -> Int? {
        switch type {
        case 1, 2, 6, 7: 1
        case 3, 8: 2
        case 4, 9, 11, 13: 4
        case 5, 10, 12, 16, 17, 18: 8
        default: nil
        }
    }

    /// A number without sign; nil where it is not within the bytes, or is larger than anything here can be.
    private func integer(at offset: Int, bytes count: Int) -> Int? {
        guard offset >= 0, offset <= bytes.count - count else { return nil }
        var value: UInt64 = 0
        for index in 0..<count {
            value = value << 8 | UInt64(bytes[offset + (isBigEndian ? index : count - 1 - index)])
        }
        return value < 1 << 48 ? Int(value) : nil
    }
}
