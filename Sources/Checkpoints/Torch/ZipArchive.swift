/// The records of a zip archive that stores them uncompressed, as PyTorch writes: where each lies in the file.
///
/// Format: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, sections 4.3 and 4.5.3 (zip64). The file need not
/// be trusted. Checksums are not compared: that would read every page, and PyTorch does not do it either.
struct ZipArchive {
    struct Record {
        var name: String
        /// Where its local header begins.
        var header: Int
        /// Bytes in the file. TorchScript compresses its sources and their debugging tables, which are not read.
        var size: Int
        /// 0: stored as it is.
        var method: Int
        var isEncrypted: Bool
    }

    struct Fault: Error {
        var message: String
        init(_ message: String) { self.message = message }
    }

    let records: [String: Record]
    /// Where the central directory begins, and so the records end.
    private let end: Int

    init(_ bytes: UnsafeRawBufferPointer) throws(Fault) {
        let directory = try Self.directory(bytes)
        var records: [String: Record] = [:]
        var place = directory.range.lowerBound
        for _ in 0..<directory.count {
            guard directory.range.upperBound - place >= 46, bytes.number(at: place, UInt32.self) == 0x0201_4B50 else {
                throw Fault("its zip directory is broken at byte \(place); get the file again")
            }
            let (record, next) = try Self.record(bytes, place, directory.range.upperBound)
            guard record.header < directory.range.lowerBound, record.size <= directory.range.lowerBound - record.header
            else {
                throw Fault("the zip record '\(record.name)' does not lie in the file; get the file again")
            }
            guard records.updateValue(record, forKey: record.name) == nil else {
                throw Fault("the zip record '\(record.name)' is there twice")
            }
            place = next
        }
        self.records = records
        end = directory.range.lowerBound
    }

    /// The bytes of a record, after looking at its local header.
    func range(of record: Record, in bytes: UnsafeRawBufferPointer) throws(Fault) -> Range<Int> {
        guard record.method == 0, !record.isEncrypted else {
            throw Fault(
                "the zip record '\(record.name)' is compressed or encrypted; save the file again with torch.save")
        }
        let name = Array(record.name.utf8)
        guard end - record.header >= 30, bytes.number(at: record.header, UInt32.self) == 0x0403_4B50 else {
            throw Fault("the zip record '\(record.name)' has no header at byte \(record.header); get the file again")
        }
        let nameCount = Int(bytes.number(at: record.header + 26, UInt16.self))
        let extraCount = Int(bytes.number(at: record.header + 28, UInt16.self))
        let start = record.header + 30 + nameCount + extraCount
        guard nameCount == name.count, start <= end, record.size <= end - start,
            bytes[(record.header + 30)..<(record.header + 30 + nameCount)].elementsEqual(name)
        else {
            throw Fault("the zip record '\(record.name)' is not what the directory says; get the file again")
        }
        return start..<(start + record.size)
    }

    // MARK: - Directory

    private static func directory(_ bytes: UnsafeRawBufferPointer) throws(Fault) -> (range: Range<Int>, count: Int) {
        guard bytes.count >= 22 else { throw Fault("is too short for a zip archive; get the file again") }
        let first = max(0, bytes.count - 22 - 0xFFFF)
        var place = bytes.count - 22
        while !(bytes.number(at: place, UInt32.self) == 0x0605_4B50
            && Int(bytes.number(at: place + 20, UInt16.self)) == bytes.count - place - 22)
        {
            if place == first { throw Fault("has no zip directory at its end; is the download complete?") }
            place -= 1
        }
        var count = UInt64(bytes.number(at: place + 10, UInt16.self))
        var size = UInt64(bytes.number(at: place + 12, UInt32.self))
        var start = UInt64(bytes.number(at: place + 16, UInt32.self))
        var end = place
        if place >= 20, bytes.number(at: place - 20, UInt32.self) == 0x0706_4B50 {
            let wide = bytes.number(at: place - 12, UInt64.self)
            guard let wide = Int(exactly: wide), wide <= place - 20, place - 20 - wide >= 56,
                bytes.number(at: wide, UInt32.self) == 0x0606_4B50
            else { throw Fault("its zip64 directory is broken; get the file again") }
            count = bytes.number(at: wide + 32, UInt64.self)
            size = bytes.number(at: wide + 40, UInt64.self)
            start = bytes.number(at: wide + 48, UInt64.self)
            end = wide
        }
        guard start <= UInt64(end), size <= UInt64(end) - start, count <= size / 46 else {
            throw Fault("its zip directory does not lie in the file; get the file again")
        }
        return (Int(start)..<Int(start + size), Int(count))
    }

    /// The directory's entry at `place`, and where the next begins.
    private static func record(
        _ bytes: UnsafeRawBufferPointer, _ place: Int, _ end: Int
    ) throws(Fault) -> (Record, next: Int) {
        let nameCount = Int(bytes.number(at: place + 28, UInt16.self))
        let extraCount = Int(bytes.number(at: place + 30, UInt16.self))
        let commentCount = Int(bytes.number(at: place + 32, UInt16.self))
        let extra = place + 46 + nameCount
        let next = extra + extraCount + commentCount
        guard next <= end else { throw Fault("its zip directory is broken at byte \(place); get the file again") }
        let name = String(decoding: bytes[(place + 46)..<extra], as: UTF8.self)
        var stored = UInt64(bytes.number(at: place + 20, UInt32.self))
        var size = UInt64(bytes.number(at: place + 24, UInt32.self))
        var header = UInt64(bytes.number(at: place + 42, UInt32.self))
        var field = extra
        while extra + extraCount - field >= 4 {
            let code = bytes.number(at: field, UInt16.self)
            let fieldEnd = field + 4 + Int(bytes.number(at: field + 2, UInt16.self))
            guard fieldEnd <= extra + extraCount else { break }
            if code == 1 {
                var number = field + 4
                func wide(_ value: inout UInt64) {
                    guard value == 0xFFFF_FFFF, fieldEnd - number >= 8 else { return }
                    value = bytes.number(at: number, UInt64.self)
                    number += 8
                }
                wide(&size)
                wide(&stored)
                wide(&header)
            }
            field = fieldEnd
        }
        let method = Int(bytes.number(at: place + 10, UInt16.self))
        guard let stored = Int(exactly: stored), let header = Int(exactly: header),
            method != 0 || size == UInt64(stored)
        else {
            throw Fault("the zip record '\(name)' has sizes that cannot be; get the file again")
        }
        let flags = bytes.number(at: place + 8, UInt16.self)
        return (Record(name: name, header: header, size: stored, method: method, isEncrypted: flags & 1 != 0), next)
    }
}

extension UnsafeRawBufferPointer {
    /// A little-endian number. The bytes must be there.
    func number<T: FixedWidthInteger & BitwiseCopyable>(at place: Int, _ type: T.Type) -> T {
        T(littleEndian: loadUnaligned(fromByteOffset: place, as: type))
    }
}
