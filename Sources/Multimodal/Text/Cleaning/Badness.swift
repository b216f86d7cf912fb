/// The sequences of characters by which ftfy 6 recognises mojibake.
struct Badness {
    private let text: [UInt32]
    private let classes: [MojibakeClasses]

    /// Whether any of the sequences occurs in the text.
    static func isBad(_ text: [UInt32]) -> Bool {
        let badness = Badness(text: text, classes: MojibakeClasses.of(text))
        return text.indices.contains { badness.ascii(at: $0) || badness.classed(at: $0) || badness.literal(at: $0) }
    }

    private func scalar(_ index: Int) -> UInt32? { index < text.count ? text[index] : nil }

    private func `is`(_ index: Int, _ wanted: MojibakeClasses) -> Bool {
        index < text.count && classes[index].has(wanted)
    }

    private func `is`(_ index: Int, in characters: StaticString) -> Bool {
        guard let scalar = scalar(index), let wanted = Unicode.Scalar(scalar) else { return false }
        return characters.withUTF8Buffer { String(decoding: $0, as: UTF8.self).unicodeScalars.contains(wanted) }
    }

    private func letter(_ index: Int) -> Bool {
        guard let scalar = scalar(index) else { return false }
        return (0x41...0x5A).contains(scalar) || lowerLetter(index)
    }

    private func lowerLetter(_ index: Int) -> Bool { scalar(index).map { (0x61...0x7A).contains($0) } ?? false }

    private func aHat(_ index: Int) -> Bool { scalar(index) == 0xC2 || scalar(index) == 0xC3 }

    /// Letters, digits and the underscore: `\w`.
    private func wordCharacter(_ index: Int) -> Bool {
        guard let scalar = scalar(index), let character = Unicode.Scalar(scalar) else { return false }
        switch character.properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter, .decimalNumber,
            .letterNumber, .otherNumber:
            return true
        default: return scalar == 0x5F
        }
    }

    /// Sequences that begin with a plain letter, white space or punctuation, or at the start of the text.
    private func ascii(at i: Int) -> Bool {
        guard let next = scalar(i + 1) else { return false }
        if i == 0, aHat(0), next == 0x20 { return true }
        if WhiteSpace.isPython(text[i]), `is`(i + 1, .upper), `is`(i + 2, .currency) { return true }
        if letter(i), `is`(i + 1, [.lowerCommon, .upperCommon]), `is`(i + 2, .bad) { return true }
        if lowerLetter(i) {
            if `is`(i + 1, .upper), `is`(i + 2, [.start, .currency]) { return true }
            if aHat(i + 1), scalar(i + 2) == 0x20 { return true }
            if WhiteSpace.isPython(next), aHat(i + 2), scalar(i + 3) == 0x20 { return true }
        }
        if next == 0xC2, lowerLetter(i) || `is`(i, in: ".,?!") || `is`(i, .end),
            scalar(i + 2) == 0x20 || `is`(i + 2, [.start, .end])
        {
            return true
        }
        return false
    }

    /// Sequences of classes.
    private func classed(at i: Int) -> Bool {
        let first = classes[i]
        guard text[i] >= 0x80, !first.isEmpty else { return false }
        if first.has(.c1) { return true }
        let second = i + 1 < text.count ? classes[i + 1] : []
        let loud: MojibakeClasses = [.lower, .upper, .box, .start, .end, .currency, .numeric, .law]
        if first.has(loud.union(.bad)), second.has(.bad) { return true }
        if first.has(.bad), second.has(loud) { return true }
        if first.has([.lower, .lowerCommon, .box, .end, .currency, .numeric]), second.has(.upper) { return true }
        if first.has([.box, .end, .currency, .numeric]), second.has(.lower) { return true }
        if first.has([.lower, .box, .end]), second.has(.currency) { return true }
        if first.has([.upper, .box]), second.has([.numeric, .law]) { return true }
        if first.has([.lower, .upper, .box, .currency, .end]), second.has(.start), `is`(i + 2, .numeric) {
            return true
        }
        if first.has([.lower, .upper, .currency, .numeric, .box, .law]), second.has(.end), `is`(i + 2, .start) {
            return true
        }
        if first.has([.currency, .numeric, .box]), second.has(.start) { return true }
        if first.has(.box), second.has([.kaomoji, .end]) { return true }
        if first.has([.lower, .upper, .currency, .numeric, .start, .end, .law]), second.has(.box) { return true }
        if first.has([.lower, .upper]), second.has([.start, .end]), wordCharacter(i + 2) { return true }
        if first.has(.upper), scalar(i + 1) == 0xB0 { return true }
        return false
    }

    /// Sequences that begin with one character in particular, most of them of one code page.
    private func literal(at i: Int) -> Bool {
        switch text[i] {
        case ..<0x80: return false
        case 0x152, 0x153:  // Œ œ
            return i + 1 < text.count && !letter(i + 1)
        case 0xC3 where `is`(i + 1, in: "\u{A0}¡"): return true
        case 0xC2, 0xC3, 0xCE, 0xD0:  // Â Ã Î Ð
            return `is`(i + 1, [.start, .end]) || `is`(i + 1, in: "€œŠš¢£Ÿž\u{A0}\u{AD}®©°·»–—´")
        case 0xD7: return `is`(i + 1, in: "²³")
        case 0xD8, 0xD9:  // Ø Ù, as in Arabic
            let arabic: (Int) -> Bool = {
                `is`($0, [.common, .currency, .bad, .numeric, .start]) || `is`($0, in: "ŸŠ®°µ»")
            }
            return arabic(i + 1) && (scalar(i + 2) == 0xD8 || scalar(i + 2) == 0xD9) && arabic(i + 3)
        case 0xE0: return `is`(i + 1, in: "²µ¹¼½¾")
        case 0x221A: return `is`(i + 1, in: "±∂†≠®™´≤≥¥µø")
        case 0x2248: return `is`(i + 1, in: "°¢")
        case 0x201A:  // ‚
            return (scalar(i + 1) == 0xC4 && `is`(i + 2, in: "ìîïòôúùû†°¢π"))
                || (`is`(i + 1, in: "âó") && `is`(i + 2, in: "àä°ê"))
        case 0x432: return scalar(i + 1) == 0x402  // вЂ
        case 0x412, 0x413, 0x420, 0x421:  // В Г Р С
            if `is`(i + 2, in: "ВГРС"), `is`(i + 1, [.c1, .bad, .start, .end, .currency]) || `is`(i + 1, in: "°µ") {
                return true
            }
            // ГўВЂВ, any character, and a Latin letter or a space
            return text[i...].starts(with: [0x413, 0x45E, 0x412, 0x402, 0x412]) && scalar(i + 5) != 0x0A
                && (letter(i + 6) || scalar(i + 6) == 0x20)
        case 0x3B2: return scalar(i + 1) == 0x20AC && `is`(i + 2, in: "™\u{A0}Ά\u{AD}®°")  // β€
        case 0x392, 0x393, 0x39E, 0x39F:  // Β Γ Ξ Ο
            return `is`(i + 2, in: "ΒΓΞΟ")
                && (`is`(i + 1, [.c1, .bad, .start, .end, .currency]) || scalar(i + 1) == 0xB0)
        case 0x101: return scalar(i + 1) == 0x20AC  // ā€
        default: return false
        }
    }
}
