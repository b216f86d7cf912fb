/// What is done to a text before it is split into words.
///
/// A model must be given its texts as in its training: another cleaning gives other ids without any error.
public enum TextCleaning: String, Sendable, CaseIterable {
    /// Repairs encoding mistakes (as ftfy), reads HTML entities twice, joins white space, and lowers the case: what
    /// openai/CLIP does, and open_clip by default (`clean: lower`).
    case openai
    /// The same without lowering the case (open_clip's `clean: whitespace`).
    case whitespace
    /// The same as `openai` without ASCII punctuation (open_clip's `clean: canonicalize`).
    case canonicalize
    /// Composes characters (NFC), joins white space, and lowers the case letter by letter: what the fast tokenizer of
    /// Hugging Face transformers does.
    case transformers
    /// Nothing.
    case none

    /// Cleans a text in UTF-8.
    public func cleaned(_ text: [UInt8]) -> [UInt8] {
        if self == .none { return text }
        if let fast = cleanedASCII(text) { return fast }
        var scalars: [UInt32] = []
        scalars.reserveCapacity(text.count)
        for scalar in String(decoding: text, as: UTF8.self).unicodeScalars { scalars.append(scalar.value) }
        var result: [UInt8] = []
        result.reserveCapacity(text.count)
        ByteDecoding.append(cleaned(scalars), to: &result)
        return result
    }

    private func cleaned(_ text: [UInt32]) -> [UInt32] {
        switch self {
        case .openai: LetterCase.lowered(WhiteSpace.collapsed(basic(text)))
        case .whitespace: WhiteSpace.collapsed(basic(text))
        case .canonicalize:
            WhiteSpace.collapsed(
                LetterCase.lowered(basic(text).compactMap { $0 == 0x5F ? 0x20 : isPunctuation($0) ? nil : $0 }))
        case .transformers:
            LetterCase.lowered(joined(Composition.composed(text, asOfUnicode9: true)), finalSigma: false)
        case .none: text
        }
    }

    private func basic(_ text: [UInt32]) -> [UInt32] {
        Entities.unescaped(Entities.unescaped(TextRepair.repaired(text)))
    }

    /// Runs of white space as one space each, also at the ends.
    private func joined(_ text: [UInt32]) -> [UInt32] {
        var result: [UInt32] = []
        result.reserveCapacity(text.count)
        var previous = false
        for scalar in text {
            let isSpace = WhiteSpace.isUnicode(scalar)
            if !isSpace { result.append(scalar) } else if !previous { result.append(0x20) }
            previous = isSpace
        }
        return result
    }

    private func isPunctuation(_ scalar: UInt32) -> Bool {
        switch scalar {
        case 0x21...0x2F, 0x3A...0x40, 0x5B...0x60, 0x7B...0x7E: true
        default: false
        }
    }

    /// The same for plain ASCII without entities, escapes or controls, in one pass; nil for any other text.
    private func cleanedASCII(_ text: [UInt8]) -> [UInt8]? {
        guard self == .openai || self == .transformers || self == .whitespace else { return nil }
        let lowers = self != .whitespace
        var result: [UInt8] = []
        result.reserveCapacity(text.count)
        var pending = false
        for byte in text {
            switch byte {
            case 0x09, 0x0A, 0x0C, 0x0D, 0x20: pending = true
            case 0x00..<0x20, 0x26, 0x7F...: return nil
            default:
                if pending, !result.isEmpty { result.append(0x20) }
                pending = false
                result.append(lowers && byte &- 0x41 < 26 ? byte | 0x20 : byte)
            }
        }
        return result
    }
}
