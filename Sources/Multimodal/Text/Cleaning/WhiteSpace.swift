/// The two sets of white space that the reference tokenizer uses, and what it does with them.
public enum WhiteSpace {
    /// White space of Python's `str.split`, `str.strip` and `re`'s `\s`: the property White_Space and U+001C...U+001F.
    static func isPython(_ scalar: UInt32) -> Bool {
        switch scalar {
        case 0x09...0x0D, 0x1C...0x20: true
        case ..<0x80: false
        default: isUnicode(scalar)
        }
    }

    /// The property White_Space, which is `\s` in the tokenizer's pattern.
    static func isUnicode(_ scalar: UInt32) -> Bool {
        switch scalar {
        case 0x09...0x0D, 0x20, 0x85, 0xA0, 0x1680, 0x2000...0x200A, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000: true
        default: false
        }
    }

    /// Words joined by single spaces, without space around them: Python's `" ".join(text.split())`.
    public static func collapsed(_ text: [UInt32]) -> [UInt32] {
        var result: [UInt32] = []
        result.reserveCapacity(text.count)
        var pending = false
        for scalar in text {
            if isPython(scalar) {
                pending = !result.isEmpty
            } else {
                if pending { result.append(0x20) }
                pending = false
                result.append(scalar)
            }
        }
        return result
    }
}
