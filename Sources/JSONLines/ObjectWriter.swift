import CSimdJSON

/// How vectors are written.
public enum EmbeddingEncoding: String, Sendable, CaseIterable {
    /// An array of numbers, each the shortest text that reads back as the same float32.
    case array
    /// A base64 string of little-endian float32.
    case base64
}

/// Writes the fields of one JSON object, in the order of the calls. The caller gives each key once.
public struct ObjectWriter {
    private let buffer: OutputBuffer
    private var isFirst = true

    init(_ buffer: OutputBuffer) { self.buffer = buffer }

    public mutating func string(_ key: StaticString, _ value: String) {
        name(key)
        buffer.appendQuoted(value)
    }

    public mutating func int(_ key: StaticString, _ value: Int) {
        name(key)
        append(value)
    }

    public mutating func bool(_ key: StaticString, _ value: Bool) {
        name(key)
        buffer.append(value ? "true" : "false")
    }

    /// The shortest text that reads back as the same float32. NaN and infinities are refused: JSON has none.
    public mutating func float(_ key: StaticString, _ value: Float) throws(RecordError) {
        guard value.isFinite else { throw notFinite(key, "\(value)") }
        name(key)
        buffer.append(room: 32) { csj_write_float(value, $0.baseAddress) }
    }

    /// The shortest text that reads back as the same double. NaN and infinities are refused: JSON has none.
    public mutating func double(_ key: StaticString, _ value: Double) throws(RecordError) {
        guard value.isFinite else { throw notFinite(key, "\(value)") }
        name(key)
        buffer.append(room: 32) { csj_write_double(value, $0.baseAddress) }
    }

    public mutating func ints(_ key: StaticString, _ values: [Int]) {
        name(key)
        buffer.append(UInt8(ascii: "["))
        for (index, value) in values.enumerated() {
            if index > 0 { buffer.append(UInt8(ascii: ",")) }
            append(value)
        }
        buffer.append(UInt8(ascii: "]"))
    }

    /// A vector. NaN and infinities are refused in either encoding.
    public mutating func floats(
        _ key: StaticString, _ values: [Float], encoding: EmbeddingEncoding = .array
    ) throws(RecordError) {
        name(key)
        switch encoding {
        case .array:
            var bad = 0
            var isWritten = false
            buffer.append(room: csj_floats_room(values.count)) { room in
                let count = values.withUnsafeBufferPointer {
                    csj_write_floats($0.baseAddress, $0.count, room.baseAddress, &bad)
                }
                isWritten = count > 0
                return count
            }
            guard isWritten else { throw notFinite(key, "\(values[bad]) at index \(bad)") }
        case .base64:
            if let bad = values.firstIndex(where: { !$0.isFinite }) {
                throw notFinite(key, "\(values[bad]) at index \(bad)")
            }
            let length = (values.count * 4 + 2) / 3 * 4
            buffer.append(UInt8(ascii: "\""))
            buffer.append(room: length) { room in
                let words = values.map { $0.bitPattern.littleEndian }
                words.withUnsafeBytes {
                    csj_base64_encode($0.baseAddress, $0.count, room.baseAddress)
                }
                return length
            }
            buffer.append(UInt8(ascii: "\""))
        }
    }

    /// A value as it was read, byte for byte.
    public mutating func raw(_ key: StaticString, _ value: RawJSON) {
        name(key)
        buffer.append(value.bytes)
    }

    /// Fields as they were read, byte for byte, in order.
    public mutating func raw(_ fields: [RawField]) {
        for field in fields {
            separate()
            buffer.append(UInt8(ascii: "\""))
            buffer.append(field.key)
            buffer.append("\":")
            buffer.append(field.value.bytes)
        }
    }

    /// An object within this one.
    public mutating func object<E: Error>(
        _ key: StaticString, _ body: (inout ObjectWriter) throws(E) -> Void
    ) throws(E) {
        name(key)
        try Self.write(to: buffer, body)
    }

    static func write<E: Error>(to buffer: OutputBuffer, _ body: (inout ObjectWriter) throws(E) -> Void) throws(E) {
        var object = ObjectWriter(buffer)
        buffer.append(UInt8(ascii: "{"))
        try body(&object)
        buffer.append(UInt8(ascii: "}"))
    }

    private mutating func name(_ key: StaticString) {
        separate()
        buffer.append(UInt8(ascii: "\""))
        buffer.append(key)
        buffer.append("\":")
    }

    private mutating func separate() {
        if !isFirst { buffer.append(UInt8(ascii: ",")) }
        isFirst = false
    }

    private func append(_ value: Int) {
        var text = String(value)
        text.withUTF8 { buffer.append(UnsafeRawBufferPointer($0)) }
    }

    private func notFinite(_ key: StaticString, _ what: String) -> RecordError {
        RecordError(code: "number.finite", message: "'\(key)' holds \(what), which JSON cannot write")
    }
}
