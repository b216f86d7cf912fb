import CSimdJSON

/// Bytes on their way out. Grows; keeps its memory.
final class OutputBuffer {
    private(set) var bytes: UnsafeMutableRawBufferPointer
    private(set) var count = 0

    init(capacity: Int) { bytes = .allocate(byteCount: max(capacity, 64), alignment: 16) }

    deinit { bytes.deallocate() }

    var written: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: bytes[..<count]) }

    func array() -> [UInt8] { Array(written) }

    /// Drops what was appended since the buffer had this count.
    func truncate(to count: Int) { self.count = min(count, self.count) }

    /// Empties the buffer; memory beyond `capacity` is given back.
    func removeAll(keeping capacity: Int) {
        count = 0
        if bytes.count > capacity {
            bytes.deallocate()
            bytes = .allocate(byteCount: capacity, alignment: 16)
        }
    }

    /// Lets `body` write at most `room` bytes at the end, and return how many it wrote.
    @inline(__always)
    func append<E: Error>(room: Int, _ body: (UnsafeMutableRawBufferPointer) throws(E) -> Int) throws(E) {
        if bytes.count - count < room { grow(room) }
        count += try body(UnsafeMutableRawBufferPointer(rebasing: bytes[count..<(count + room)]))
    }

    func append(_ byte: UInt8) {
        if count == bytes.count { grow(1) }
        bytes[count] = byte
        count += 1
    }

    func append(_ other: UnsafeRawBufferPointer) {
        if other.isEmpty { return }
        append(room: other.count) {
            $0.copyMemory(from: other)
            return other.count
        }
    }

    func append(_ other: [UInt8]) { other.withUnsafeBytes { append($0) } }

    func append(_ text: StaticString) {
        append(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// A JSON string with its quotes: what JSON demands is escaped, nothing else.
    func appendQuoted(_ string: String) {
        var string = string
        append(UInt8(ascii: "\""))
        string.withUTF8 { appendEscaped(UnsafeRawBufferPointer($0)) }
        append(UInt8(ascii: "\""))
    }

    private func appendEscaped(_ text: UnsafeRawBufferPointer) {
        var clean = 0  // start of the bytes that go as they are
        for (index, byte) in text.enumerated() where byte < 0x20 || byte == 0x22 || byte == 0x5C {
            append(UnsafeRawBufferPointer(rebasing: text[clean..<index]))
            clean = index + 1
            switch byte {
            case 0x22: append("\\\"")
            case 0x5C: append("\\\\")
            case 0x0A: append("\\n")
            case 0x0D: append("\\r")
            case 0x09: append("\\t")
            default:
                append("\\u00")
                append(byte < 0x10 ? 0x30 : 0x31)
                append(Array("0123456789abcdef".utf8)[Int(byte & 0xF)])
            }
        }
        append(UnsafeRawBufferPointer(rebasing: text[clean...]))
    }

    private func grow(_ room: Int) {
        let larger = UnsafeMutableRawBufferPointer.allocate(
            byteCount: max(count + room, bytes.count * 2), alignment: 16)
        larger.copyMemory(from: written)
        bytes.deallocate()
        bytes = larger
    }
}
