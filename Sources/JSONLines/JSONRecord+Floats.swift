import CSimdJSON

extension JSONRecord {
    /// The vector under `key`, which must be the parser's float key: an array of numbers, or a base64 string of
    /// little-endian float32. Refused when it is absent, empty or anything else, or holds NaN or infinities.
    public func floats(_ key: String = "embedding") throws(RecordError) -> [Float] {
        guard let field = field(key), field.kind != .null else {
            throw RecordError(code: "embedding.missing", message: "the record has no '\(key)'")
        }
        let values: [Float]
        switch (field.kind, floats) {
        case (.array, .values(let read)): values = read
        case (.array, .notNumbers(let index)):
            throw RecordError(
                code: "embedding.value", message: "'\(key)' holds something other than a number at index \(index)")
        case (.array, .outOfRange(let index)):
            throw RecordError(
                code: "embedding.value", message: "'\(key)' holds a number beyond float32 at index \(index)")
        case (.string, _): values = try base64Floats(field, key)
        default:
            throw RecordError(
                code: "embedding.type",
                message: "'\(key)' must be an array of numbers or a base64 string, found \(field.kind)")
        }
        guard !values.isEmpty else { throw RecordError(code: "embedding.empty", message: "'\(key)' is empty") }
        return values
    }

    private func base64Floats(_ field: Field, _ key: String) throws(RecordError) -> [Float] {
        let text = bytes[field.value.dropFirst().dropLast()]
        guard let (values, count) = Base64.decodeFloats(text) ?? unescaped(text).flatMap(Base64.decodeFloats) else {
            throw RecordError(code: "embedding.base64", message: "'\(key)' is a string, but not valid base64")
        }
        guard count % 4 == 0 else {
            throw RecordError(
                code: "embedding.base64",
                message: "'\(key)' has \(count) bytes, which are no whole float32 values")
        }
        // All exponent bits are set only where a value is not finite; this takes no branch for each of many values.
        let exponent = values.reduce(0) { max($0, $1.bitPattern & 0x7F80_0000) }
        if exponent == 0x7F80_0000, let index = values.firstIndex(where: { !$0.isFinite }) {
            throw RecordError(code: "embedding.value", message: "'\(key)' holds \(values[index]) at index \(index)")
        }
        return values
    }

    /// The text of a string with escapes, as some encoders write '/': '\/'. Nil where there are none.
    private func unescaped(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        guard text.contains(UInt8(ascii: "\\")) else { return nil }
        return Array(bytes.withUnsafeBytes { decodedString(.init(rebasing: $0[text.indices])) }.utf8)[...]
    }
}

/// Standard base64 with padding.
package enum Base64 {
    package static func encode(_ bytes: [UInt8]) -> String {
        String(unsafeUninitializedCapacity: (bytes.count + 2) / 3 * 4) { out in
            bytes.withUnsafeBufferPointer { bytes in
                out.withMemoryRebound(to: CChar.self) {
                    csj_base64_encode(bytes.baseAddress, bytes.count, $0.baseAddress)
                }
            }
            return (bytes.count + 2) / 3 * 4
        }
    }

    /// Little-endian float32 values, and the number of bytes that they were read from; nil when the text is no padded
    /// base64.
    static func decodeFloats(_ text: ArraySlice<UInt8>) -> (values: [Float], bytes: Int)? {
        var isValid = false
        var count = 0
        let values = [Float](unsafeUninitializedCapacity: text.count / 16 * 3 + 3) { out, initialized in
            isValid = text.withUnsafeBufferPointer {
                csj_base64_decode($0.baseAddress, $0.count, UnsafeMutableRawPointer(out.baseAddress), &count)
            }
            initialized = count / 4
            #if _endian(big)
                for index in 0..<initialized { out[index] = Float(bitPattern: out[index].bitPattern.byteSwapped) }
            #endif
        }
        return isValid ? (values, count) : nil
    }

    /// Nil when the text is no padded base64.
    package static func decode(_ text: ArraySlice<UInt8>) -> [UInt8]? {
        var isValid = false
        let bytes = [UInt8](unsafeUninitializedCapacity: text.count / 4 * 3 + 1) { out, count in
            isValid = text.withUnsafeBufferPointer {
                csj_base64_decode($0.baseAddress, $0.count, out.baseAddress, &count)
            }
        }
        return isValid ? bytes : nil
    }
}
