/// Lower case as Python's `str.lower` has it: full mappings of Unicode, with the final sigma of Greek.
public enum LetterCase {
    /// - Parameter finalSigma: whether a capital sigma that ends a word becomes ς. Rust's `to_lowercase` of single
    ///   characters, which the tokenizers library uses, always gives σ.
    public static func lowered(_ text: [UInt32], finalSigma: Bool = true) -> [UInt32] {
        var result: [UInt32] = []
        result.reserveCapacity(text.count)
        for (index, scalar) in text.enumerated() {
            switch scalar {
            case 0x41...0x5A: result.append(scalar | 0x20)
            case ..<0x80: result.append(scalar)
            case 0x3A3 where finalSigma: result.append(endsWord(text, at: index) ? 0x3C2 : 0x3C3)
            // Scripts without case, skipped for speed: Hebrew to Myanmar, and from the CJK radicals to Yi.
            case 0x590...0x109F, 0x2E80...0xA63F, 0xAC00...0xFAFF: result.append(scalar)
            default:
                guard let character = Unicode.Scalar(scalar) else { continue }
                for mapped in character.properties.lowercaseMapping.unicodeScalars { result.append(mapped.value) }
            }
        }
        return result
    }

    /// The condition Final_Sigma of Unicode's SpecialCasing: a cased letter before it and none after, over
    /// case-ignorable characters.
    private static func endsWord(_ text: [UInt32], at index: Int) -> Bool {
        let before = text[..<index].last { !isIgnorable($0) }
        guard let before, isCased(before) else { return false }
        let after = text[(index + 1)...].first { !isIgnorable($0) }
        return after.map { !isCased($0) } ?? true
    }

    private static func isIgnorable(_ scalar: UInt32) -> Bool {
        Unicode.Scalar(scalar)?.properties.isCaseIgnorable ?? false
    }

    private static func isCased(_ scalar: UInt32) -> Bool {
        Unicode.Scalar(scalar)?.properties.isCased ?? false
    }
}
