/// Character references of HTML, read in the two ways the reference reads them.
enum Entities {
    private struct Names {
        /// Names that end in a semicolon, without it.
        var closed: [String: [UInt32]] = [:]
        /// Names that are also read without their semicolon.
        var open: [String: [UInt32]] = [:]
        /// Names in capitals that only ftfy reads.
        var upperCased: [String: [UInt32]] = [:]

        init() {
            for word in TableWord.words(of: EntityTable.named) {
                closed[word.key] = word.scalars
                if word.mark == UInt8(ascii: "?") { open[word.key] = word.scalars }
            }
            for word in TableWord.words(of: EntityTable.upperCased) { upperCased[word.key] = word.scalars }
        }
    }

    private static let names = Names()
    private static let ampersand: UInt32 = 0x26
    private static let semicolon: UInt32 = 0x3B
    private static let numberSign: UInt32 = 0x23

    /// Replaces references as Python's `html.unescape`: HTML's rules, where `&ampfoo` is `&foo`.
    static func unescaped(_ text: [UInt32]) -> [UInt32] {
        replacing(text) { text, start in numeric(text, start) ?? longestName(text, start) }
    }

    /// Replaces only references that end in a semicolon, and some in capitals, as ftfy does.
    static func unescapedStrictly(_ text: [UInt32]) -> [UInt32] {
        replacing(text) { text, start in
            var end = start + 1
            let isNumeric = end < text.count && text[end] == numberSign
            if isNumeric { end += 1 }
            let nameStart = end
            while end < text.count, end - nameStart < 24, isAlphanumeric(text[end]) { end += 1 }
            guard end > nameStart, end < text.count, text[end] == semicolon else { return nil }
            if isNumeric {
                // The reference must take in the semicolon and not stand for one.
                guard let (value, after) = numeric(text, start), after == end + 1, value != [semicolon] else {
                    return nil
                }
                return (value, after)
            }
            let name = string(text[nameStart..<end])
            return (names.closed[name] ?? names.upperCased[name]).map { ($0, end + 1) }
        }
    }

    /// Copies the text, replacing what `read` finds at each ampersand by the value it gives, up to the end it gives.
    private static func replacing(
        _ text: [UInt32], _ read: ([UInt32], Int) -> (value: [UInt32], end: Int)?
    ) -> [UInt32] {
        guard text.contains(ampersand) else { return text }
        var result: [UInt32] = []
        result.reserveCapacity(text.count)
        var index = 0
        while index < text.count {
            if text[index] == ampersand, let (value, end) = read(text, index) {
                result += value
                index = end
            } else {
                result.append(text[index])
                index += 1
            }
        }
        return result
    }

    /// `&#123;` or `&#x7B;`, with or without semicolon.
    private static func numeric(_ text: [UInt32], _ start: Int) -> (value: [UInt32], end: Int)? {
        var index = start + 1
        guard index < text.count, text[index] == numberSign else { return nil }
        index += 1
        let isHexadecimal = index < text.count && text[index] | 0x20 == 0x78
        if isHexadecimal { index += 1 }
        let digitsStart = index
        var number: UInt32 = 0
        while index < text.count, let digit = digit(text[index]), isHexadecimal || digit < 10 {
            // Held above the last scalar, so that any number of digits fits.
            number = min(number * (isHexadecimal ? 16 : 10) + digit, 0x11_0000)
            index += 1
        }
        guard index > digitsStart else { return nil }
        if index < text.count, text[index] == semicolon { index += 1 }
        return (scalars(of: number), index)
    }

    /// HTML's table for numbers that are not what they say: code page 1252 for C1 controls, nothing for controls and
    /// noncharacters, U+FFFD for what is no scalar.
    private static func scalars(of number: UInt32) -> [UInt32] {
        switch number {
        case 0, 0xD800...0xDFFF, 0x11_0000...: [0xFFFD]
        case 0x80...0x9F: [CodePage.windows1252.scalar(UInt8(truncatingIfNeeded: number))]
        case 0x01...0x08, 0x0B, 0x0E...0x1F, 0x7F, 0xFDD0...0xFDEF: []
        case _ where number & 0xFFFE == 0xFFFE: []
        default: [number]
        }
    }

    /// The longest name at `start`, of at most 32 characters, that is a reference.
    private static func longestName(_ text: [UInt32], _ start: Int) -> (value: [UInt32], end: Int)? {
        var end = start + 1
        while end < text.count, end - start <= 32, isNameCharacter(text[end]) { end += 1 }
        guard end > start + 1 else { return nil }
        if end < text.count, text[end] == semicolon, let value = names.closed[string(text[(start + 1)..<end])] {
            return (value, end + 1)
        }
        while end - start > 2 {
            if let value = names.open[string(text[(start + 1)..<end])] { return (value, end) }
            end -= 1
        }
        return nil
    }

    private static func isNameCharacter(_ scalar: UInt32) -> Bool {
        switch scalar {
        case 0x09, 0x0A, 0x0C, 0x20, 0x3C, ampersand, numberSign, semicolon: false
        default: true
        }
    }

    private static func isAlphanumeric(_ scalar: UInt32) -> Bool {
        switch scalar {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        default: false
        }
    }

    private static func digit(_ scalar: UInt32) -> UInt32? {
        switch scalar {
        case 0x30...0x39: scalar - 0x30
        case 0x41...0x46: scalar - 0x37
        case 0x61...0x66: scalar - 0x57
        default: nil
        }
    }

    private static func string(_ scalars: ArraySlice<UInt32>) -> String {
        var result = ""
        for scalar in scalars { result.unicodeScalars.append(Unicode.Scalar(scalar) ?? "\u{FFFD}") }
        return result
    }
}
