/// UTF-8 between bytes and scalars, strictly, and with the two variants that ftfy also reads.
public enum ByteDecoding {
    /// The scalars of well-formed UTF-8, or nil.
    ///
    /// - Parameter variants: whether to read C0 80 as U+0000 (Java) and surrogate pairs of three bytes each (CESU-8).
    package static func decoded(_ bytes: [UInt8], variants: Bool) -> [UInt32]? {
        var result: [UInt32] = []
        result.reserveCapacity(bytes.count)
        var index = 0
        while index < bytes.count {
            if let (scalar, length) = scalar(in: bytes.span, at: index) {
                result.append(scalar)
                index += length
            } else if variants, bytes[index] == 0xC0, index + 1 < bytes.count, bytes[index + 1] == 0x80 {
                result.append(0)
                index += 2
            } else if variants, let scalar = surrogatePair(in: bytes, at: index) {
                result.append(scalar)
                index += 6
            } else {
                return nil
            }
        }
        return result
    }

    /// The scalar at `index` and its length in bytes, or nil where the bytes are not well formed.
    public static func scalar(in bytes: Span<UInt8>, at index: Int) -> (scalar: UInt32, length: Int)? {
        let first = UInt32(bytes[index])
        if first < 0x80 { return (first, 1) }
        let length = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4
        guard (0xC2...0xF4).contains(first), index + length <= bytes.count else { return nil }
        var scalar = first & (0x7F >> UInt32(length))
        for offset in 1..<length {
            let next = bytes[index + offset]
            guard next & 0xC0 == 0x80 else { return nil }
            scalar = scalar << 6 | UInt32(next & 0x3F)
        }
        switch (length, scalar) {
        case (2, _), (3, 0x800..<0xD800), (3, 0xE000...0xFFFF), (4, 0x1_0000...0x10_FFFF): return (scalar, length)
        default: return nil
        }
    }

    /// The scalar that begins at `index` of well-formed UTF-8; nil at its end.
    public static func scalar(_ text: [UInt8], at index: Int) -> Unicode.Scalar? {
        guard index < text.count, let (value, _) = scalar(in: text.span, at: index) else { return nil }
        return Unicode.Scalar(value)
    }

    /// The scalar that ends before `index` of well-formed UTF-8; nil at its beginning.
    public static func scalar(_ text: [UInt8], before index: Int) -> Unicode.Scalar? {
        var start = index - 1
        while start > 0, text[start] & 0xC0 == 0x80 { start -= 1 }
        return start < 0 ? nil : scalar(text, at: start)
    }

    private static func surrogatePair(in bytes: [UInt8], at index: Int) -> UInt32? {
        guard index + 6 <= bytes.count else { return nil }
        let last = bytes[index + 5]
        guard bytes[index] == 0xED, (0xA0...0xAF).contains(bytes[index + 1]), bytes[index + 2] & 0xC0 == 0x80,
            bytes[index + 3] == 0xED, (0xB0...0xBF).contains(bytes[index + 4]),
            // The reference's pattern lets a line break that ends the text stand for the last byte.
            last & 0xC0 == 0x80 || (last == 0x0A && index + 6 == bytes.count)
        else { return nil }
        return 0x1_0000 + (UInt32(bytes[index + 1] & 0x0F) << 16) + (UInt32(bytes[index + 2] & 0x3F) << 10)
            + (UInt32(bytes[index + 4] & 0x0F) << 6) + UInt32(last & 0x3F)
    }

    /// Appends scalars as UTF-8; a number that is no scalar becomes U+FFFD.
    public static func append(_ text: [UInt32], to bytes: inout [UInt8]) {
        for scalar in text {
            if scalar < 0x80 {
                bytes.append(UInt8(scalar))
            } else {
                bytes.append(
                    contentsOf: UTF8.encode(Unicode.Scalar(scalar) ?? "\u{FFFD}") ?? UTF8.encodedReplacementCharacter)
            }
        }
    }
}
