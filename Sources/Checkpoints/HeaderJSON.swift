/// A strict reader of the JSON that safetensors headers hold: objects, arrays, strings and whole numbers. Other values may
/// be there, but nothing is read from them.
///
/// Refused: keys given twice, anything after the value, nesting beyond eight, lists of more than 64, text that
/// is not UTF-8.
enum HeaderJSON {
    case object([(key: String, value: HeaderJSON)])
    case array([HeaderJSON])
    case string(String)
    case integer(Int)
    case null
    /// `true`, `false`, or a number that is negative or has a fraction.
    case other

    /// What is wrong, and at which byte.
    struct Fault: Error {
        var message: String
        var offset: Int
    }

    /// - Parameter limit: Values that there may be; each takes about a hundred bytes of memory.
    static func parse(_ bytes: UnsafeRawBufferPointer, limit: Int) throws(Fault) -> HeaderJSON {
        var reader = Reader(bytes: bytes, limit: limit)
        let value = try reader.value(depth: 0)
        reader.skipSpace()
        if reader.offset < bytes.count { throw reader.fault("something follows the object") }
        return value
    }

    private struct Reader {
        let bytes: UnsafeRawBufferPointer
        /// Values that there may still be.
        var limit: Int
        var offset = 0

        init(bytes: UnsafeRawBufferPointer, limit: Int) {
            self.bytes = bytes
            self.limit = limit
        }

        func fault(_ message: String) -> Fault { Fault(message: message, offset: offset) }

        var next: UInt8? { offset < bytes.count ? bytes[offset] : nil }

        mutating func skipSpace() {
            while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { offset += 1 }
        }

        mutating func take(_ character: Unicode.Scalar) -> Bool {
            skipSpace()
            guard next == UInt8(ascii: character) else { return false }
            offset += 1
            return true
        }

        mutating func value(depth: Int) throws(Fault) -> HeaderJSON {
            guard depth < 8 else { throw fault("nested too deeply") }
            limit -= 1
            if limit < 0 { throw fault("it has more values than a file of this size needs") }
            if take("{") { return try object(depth: depth) }
            if take("[") { return try array(depth: depth) }
            if take("\"") { return .string(try string()) }
            if let next, 48...57 ~= next { return try number() }
            for (word, value) in [("null", HeaderJSON.null), ("true", .other), ("false", .other)] {
                if bytes[offset...].starts(with: word.utf8) {
                    offset += word.utf8.count
                    return value
                }
            }
            guard take("-"), case .some(48...57) = next else { throw fault("a value is expected") }
            _ = try number()
            return .other
        }

        mutating func number() throws(Fault) -> HeaderJSON {
            let value = try integer()
            guard let next, next == UInt8(ascii: ".") || next | 0x20 == UInt8(ascii: "e") else {
                return .integer(value)
            }
            let parts = "+-.eE".utf8
            while let byte = self.next, 48...57 ~= byte || parts.contains(byte) { offset += 1 }
            return .other
        }

        mutating func object(depth: Int) throws(Fault) -> HeaderJSON {
            var entries: [(key: String, value: HeaderJSON)] = []
            var keys: Set<String> = []
            if take("}") { return .object(entries) }
            while true {
                guard take("\"") else { throw fault("a key is expected") }
                let key = try string()
                guard keys.insert(key).inserted else { throw fault("the key '\(key)' is given twice") }
                guard take(":") else { throw fault("':' is expected") }
                entries.append((key, try value(depth: depth + 1)))
                if take("}") { return .object(entries) }
                guard take(",") else { throw fault("',' or '}' is expected") }
            }
        }

        mutating func array(depth: Int) throws(Fault) -> HeaderJSON {
            var values: [HeaderJSON] = []
            if take("]") { return .array(values) }
            while true {
                guard values.count < 64 else { throw fault("a list is too long") }
                values.append(try value(depth: depth + 1))
                if take("]") { return .array(values) }
                guard take(",") else { throw fault("',' or ']' is expected") }
            }
        }

        mutating func integer() throws(Fault) -> Int {
            let start = offset
            var value = 0
            while let byte = next, 48...57 ~= byte {
                let (product, first) = value.multipliedReportingOverflow(by: 10)
                let (sum, second) = product.addingReportingOverflow(Int(byte - 48))
                if first || second { throw fault("the number is too large") }
                value = sum
                offset += 1
            }
            guard offset > start else { throw fault("a number is expected") }
            if offset - start > 1, bytes[start] == 48 { throw fault("a number starts with 0") }
            return value
        }

        mutating func string() throws(Fault) -> String {
            var text: [UInt8] = []
            while let byte = next {
                offset += 1
                switch byte {
                case 0x22:
                    guard let string = String(validating: text, as: UTF8.self) else { throw fault("text is not UTF-8") }
                    return string
                case 0x5C: text += Array(String(try escape()).utf8)
                case 0..<0x20: throw fault("a control character in a string")
                default: text.append(byte)
                }
            }
            throw fault("the header ends inside a string")
        }

        mutating func escape() throws(Fault) -> Unicode.Scalar {
            guard let byte = next else { throw fault("the header ends inside a string") }
            offset += 1
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
            case UInt8(ascii: "n"): return "\n"
            case UInt8(ascii: "t"): return "\t"
            case UInt8(ascii: "r"): return "\r"
            case UInt8(ascii: "b"): return "\u{8}"
            case UInt8(ascii: "f"): return "\u{C}"
            case UInt8(ascii: "u"):
                var unit = try hexadecimal()
                if 0xD800..<0xDC00 ~= unit, next == 0x5C, offset + 1 < bytes.count,
                    bytes[offset + 1] == UInt8(ascii: "u")
                {
                    offset += 2
                    let low = try hexadecimal()
                    guard 0xDC00..<0xE000 ~= low else { throw fault("half of a surrogate pair") }
                    unit = 0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00)
                }
                guard let scalar = Unicode.Scalar(unit) else { throw fault("half of a surrogate pair") }
                return scalar
            default: throw fault("a bad escape in a string")
            }
        }

        mutating func hexadecimal() throws(Fault) -> UInt32 {
            guard offset + 4 <= bytes.count,
                bytes[offset..<offset + 4].allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }),
                let value = UInt32(String(decoding: bytes[offset..<offset + 4], as: UTF8.self), radix: 16)
            else { throw fault("a bad escape in a string") }
            offset += 4
            return value
        }
    }
}
