import CSimdJSON

extension JSONRecord {
    /// The vector under `key`, which must be the parser's float key: an array of numbers, or a base64 string of
    /// little-endian float32. Refused when it is absent, empty or anything else, or holds NaN or infinities.
    public func floats(_ key: String = "embedding") throws(RecordError) -> [Float] {
        guard let field = field(key) else {
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
        // Some encoders write '/' as '\/'.
        let decoded =
            text.contains(UInt8(ascii: "\\"))
            ? Base64.decode(Array(bytes.withUnsafeBytes { decodedString(.init(rebasing: $0[text.indices])) }.utf8)[...])
            : Base64.decode(text)
        guard let decoded else {
            throw RecordError(code: "embedding.base64", message: "'\(key)' is a string, but not valid base64")
        }
        guard decoded.count % 4 == 0 else {
            throw RecordError(
                code: "embedding.base64",
                message: "'\(key)' has \(decoded.count) bytes, which are no whole float32 values")
        }
        let values = decoded.withUnsafeBytes { bytes in
            (0..<bytes.count / 4).map { index in
                Float(bitPattern: UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: index * 4, as: UInt32.self)))
            }
        }
        if let index = values.firstIndex(where: { !$0.isFinite }) {
            throw RecordError(code: "embedding.value", message: "'\(key)' holds \(values[index]) at index \(index)")
        }
        return values
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
