import CSimdJSON

/// The kinds of JSON values.
public enum JSONKind: Sendable, Hashable { case object, array, string, number, bool, null }

/// One JSON value as its text was written, known to be valid. It passes through to the output byte for byte.
public struct RawJSON: Sendable, Hashable {
    /// The text, a string with its quotes, without white space around it.
    public let bytes: [UInt8]
    public let kind: JSONKind

    init(unchecked bytes: [UInt8], kind: JSONKind) {
        self.bytes = bytes
        self.kind = kind
    }

    /// A string.
    public init(_ string: String) {
        let buffer = OutputBuffer(capacity: string.utf8.count + 2)
        buffer.appendQuoted(string)
        self.init(unchecked: buffer.array(), kind: .string)
    }

    /// A whole number.
    public init(_ number: Int) { self.init(unchecked: Array("\(number)".utf8), kind: .number) }

    /// The text of a string with its escapes resolved, or nil when this is no string.
    public var string: String? {
        guard kind == .string else { return nil }
        return bytes.withUnsafeBytes { decodedString(UnsafeRawBufferPointer(rebasing: $0.dropFirst().dropLast())) }
    }

    /// The text as it was written.
    public var text: String { String(decoding: bytes, as: UTF8.self) }
}

/// One key with its value, to pass through: the key without its quotes, escapes as they were written.
public struct RawField: Sendable, Hashable {
    public let key: [UInt8]
    public let value: RawJSON

    init(unchecked key: [UInt8], value: RawJSON) {
        self.key = key
        self.value = value
    }

    public init(_ key: String, _ value: RawJSON) {
        self.init(unchecked: Array(RawJSON(key).bytes.dropFirst().dropLast()), value: value)
    }

    /// The key with its escapes resolved.
    public var name: String { key.withUnsafeBytes(decodedString) }
}

/// The text of a valid JSON string, given without its quotes.
func decodedString(_ bytes: UnsafeRawBufferPointer) -> String {
    guard bytes.contains(UInt8(ascii: "\\")) else { return String(decoding: bytes, as: UTF8.self) }
    var out: [UInt8] = []
    out.reserveCapacity(bytes.count)
    var index = 0
    func byte(_ offset: Int) -> UInt8 { offset < bytes.count ? bytes[offset] : 0 }
    func hex(at offset: Int) -> UInt32 {
        (0..<4).reduce(0) { value, i in
            let digit = UInt32(byte(offset + i))
            return value << 4 | (digit <= 0x39 ? digit &- 0x30 : (digit | 0x20) &- 0x57) & 0xF
        }
    }
    while index < bytes.count {
        guard bytes[index] == UInt8(ascii: "\\") else {
            out.append(bytes[index])
            index += 1
            continue
        }
        let escape = byte(index + 1)
        index += 2
        switch escape {
        case UInt8(ascii: "n"): out.append(0x0A)
        case UInt8(ascii: "t"): out.append(0x09)
        case UInt8(ascii: "r"): out.append(0x0D)
        case UInt8(ascii: "b"): out.append(0x08)
        case UInt8(ascii: "f"): out.append(0x0C)
        case UInt8(ascii: "u"):
            var value = hex(at: index)
            index += 4
            if (0xD800..<0xDC00).contains(value), byte(index) == UInt8(ascii: "\\"),
                byte(index + 1) == UInt8(ascii: "u")
            {
                value = 0x10000 + (value - 0xD800) << 10 + ((hex(at: index + 2) &- 0xDC00) & 0x3FF)
                index += 6
            }
            out += Array(String(Unicode.Scalar(value) ?? "\u{FFFD}").utf8)
        default: out.append(escape)  // a quote, a backslash, a slash
        }
    }
    return String(decoding: out, as: UTF8.self)
}
