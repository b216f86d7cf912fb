import Multimodal

/// What a character is to the pattern that splits text.
enum PieceClass {
    case letter, number, space, other
    /// Matched by no part of the pattern, so that it only separates.
    case dropped

    static func of(_ scalar: Unicode.Scalar) -> PieceClass {
        switch scalar.value {
        case 0x41...0x5A, 0x61...0x7A: return .letter
        case 0x30...0x39: return .number
        case ..<0x80: return scalar.properties.isWhitespace ? .space : .other
        case 0x4E00...0x9FFF, 0xAC00...0xD7A3: return .letter
        default: break
        }
        switch scalar.properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: return .letter
        case .decimalNumber, .letterNumber, .otherNumber: return .number
        default: return scalar.properties.isWhitespace ? .space : .other
        }
    }
}

/// Splits UTF-8 into the pieces that are encoded one by one: special tokens, the endings 's 't 're 've 'm 'll 'd, runs
/// of letters, single digits, and runs of anything else but white space.
///
/// This is the pattern of openai/CLIP's `simple_tokenizer.py`,
/// `<|startoftext|>|<|endoftext|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+`, by hand.
struct PieceScanner {
    private let specials: [[UInt8]]
    private let ignoresCase: Bool
    private var index = 0

    /// - Parameters:
    ///   - specials: tokens in lower case that are pieces by themselves where a piece may begin.
    ///   - ignoresCase: whether tokens and endings match in any case. As in Python's `regex`, that lets U+017F stand
    ///     for s, and leaves U+0345, a mark with letters among its cases, out of every class.
    init(specials: [[UInt8]], ignoresCase: Bool) {
        self.specials = specials
        self.ignoresCase = ignoresCase
    }

    /// The next piece of a text, which is well-formed UTF-8 and the same at each call, or nil at its end.
    mutating func next(in bytes: Span<UInt8>) -> Range<Int>? {
        while index < bytes.count {
            let start = index
            let (first, length) = classify(bytes, at: start)
            index += length
            switch first {
            case .space, .dropped: continue
            case .number: break
            case .letter: skip(.letter, in: bytes)
            case .other:
                if let end = specialEnd(bytes, start) ?? endingEnd(bytes, start) {
                    index = end
                } else {
                    skip(.other, in: bytes)
                }
            }
            return start..<index
        }
        return nil
    }

    private mutating func skip(_ wanted: PieceClass, in bytes: Span<UInt8>) {
        while index < bytes.count {
            let (found, length) = classify(bytes, at: index)
            if found != wanted { return }
            index += length
        }
    }

    private func classify(_ bytes: Span<UInt8>, at index: Int) -> (PieceClass, length: Int) {
        let byte = bytes[index]
        if byte < 0x80 {
            switch byte {
            case 0x61...0x7A, 0x41...0x5A: return (.letter, 1)
            case 0x30...0x39: return (.number, 1)
            case 0x09...0x0D, 0x20: return (.space, 1)
            default: return (.other, 1)
            }
        }
        guard let (value, length) = ByteDecoding.scalar(in: bytes, at: index), let scalar = Unicode.Scalar(value) else {
            return (.other, 1)
        }
        if ignoresCase, value == 0x345 { return (.dropped, length) }
        return (PieceClass.of(scalar), length)
    }

    private func specialEnd(_ bytes: Span<UInt8>, _ start: Int) -> Int? {
        guard bytes[start] == 0x3C else { return nil }
        for special in specials {
            if let end = matched(special, bytes, at: start) { return end }
        }
        return nil
    }

    private static let endings: [[UInt8]] = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d"].map { Array($0.utf8) }

    private func endingEnd(_ bytes: Span<UInt8>, _ start: Int) -> Int? {
        guard bytes[start] == 0x27 else { return nil }
        for ending in Self.endings {
            if let end = matched(ending, bytes, at: start) { return end }
        }
        return nil
    }

    /// The end of `word`, ASCII in lower case, if it stands at `start`.
    private func matched(_ word: [UInt8], _ bytes: Span<UInt8>, at start: Int) -> Int? {
        var index = start
        for wanted in word {
            guard index < bytes.count else { return nil }
            let byte = bytes[index]
            if byte == wanted || (ignoresCase && byte &- 0x41 < 26 && byte | 0x20 == wanted) {
                index += 1
            } else if ignoresCase, wanted == 0x73, byte == 0xC5, index + 1 < bytes.count, bytes[index + 1] == 0xBF {
                index += 2
            } else {
                return nil
            }
        }
        return index
    }
}
