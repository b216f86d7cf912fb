import Multimodal

/// The `normalizer` of a `tokenizer.json` (huggingface/tokenizers, tokenizers/src/normalizers).
enum NormalizerStep: Sendable {
    case characterMap(CharacterMap)
    case replace(TextPattern, with: [UInt8])
    case strip(left: Bool, right: Bool)
    case prepend([UInt8])
    case lowercase
    case nfc

    /// The steps in their order.
    static func steps(_ value: JSONValue?) throws -> [NormalizerStep] {
        guard let value, !value.isNull else { return [] }
        let type = try value.required("type")
        switch try type.string() {
        case "Sequence": return try value.required("normalizers").elements().flatMap(steps)
        case "Precompiled":
            let blob = try value.required("precompiled_charsmap")
            guard let bytes = Base64.decoded(try blob.utf8()), let map = CharacterMap(bytes[...]) else {
                throw blob.error("this is no character map of SentencePiece", remedy: "fetch the file again")
            }
            return [.characterMap(map)]
        case "Replace":
            let replacement = try value.required("content").utf8()
            let pattern = try value.required("pattern")
            if let literal = try pattern.member("String") {
                return [.replace(TextPattern(literal: try literal.utf8()), with: replacement)]
            }
            let expression = try pattern.required("Regex")
            guard let pattern = TextPattern(expression: try expression.string()) else {
                throw expression.unsupported("the expression '\(try expression.string())'")
            }
            return [.replace(pattern, with: replacement)]
        case "Strip":
            return [
                .strip(left: try value.required("strip_left").bool(), right: try value.required("strip_right").bool())
            ]
        case "Prepend": return [.prepend(try value.required("prepend").utf8())]
        case "Lowercase": return [.lowercase]
        case "NFC": return [.nfc]
        case let name: throw type.unsupported("the normalizer \(name)")
        }
    }

    func normalized(_ text: [UInt8]) -> [UInt8] {
        switch self {
        case .characterMap(let map): return Self.rewritten(text, map)
        case .replace(let pattern, let replacement): return pattern.replacing(text, with: replacement)
        case .strip(let left, let right): return Self.stripped(text, left, right)
        case .prepend(let prefix): return text.isEmpty ? text : prefix + text
        case .lowercase: return Self.mapped(text) { LetterCase.lowered($0, finalSigma: false) }
        case .nfc: return Self.mapped(text) { Composition.composed($0, asOfUnicode9: true) }
        }
    }

    /// Rewrites whole graphemes of up to five bytes, and the characters of others: normalizers/precompiled.rs.
    private static func rewritten(_ text: [UInt8], _ map: CharacterMap) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(text.count)
        for grapheme in String(decoding: text, as: UTF8.self) {
            let bytes = Array(grapheme.utf8)
            if bytes.count < 6, let string = map.shortest(bytes[...]) {
                result += string
                continue
            }
            var index = 0
            while index < bytes.count {
                let end = index + characterLength(bytes, index)
                result += map.shortest(bytes[index..<end]) ?? bytes[index..<end]
                index = end
            }
        }
        return result
    }

    private static func stripped(_ text: [UInt8], _ left: Bool, _ right: Bool) -> [UInt8] {
        var (start, end) = (0, text.count)
        while left, let scalar = ByteDecoding.scalar(text, at: start), scalar.properties.isWhitespace {
            start += UTF8.width(scalar)
        }
        while right, end > start, let scalar = ByteDecoding.scalar(text, before: end), scalar.properties.isWhitespace {
            end -= UTF8.width(scalar)
        }
        return Array(text[start..<end])
    }

    static func mapped(_ text: [UInt8], _ body: ([UInt32]) -> [UInt32]) -> [UInt8] {
        var result: [UInt8] = []
        ByteDecoding.append(body(String(decoding: text, as: UTF8.self).unicodeScalars.map(\.value)), to: &result)
        return result
    }
}

enum Base64 {
    /// The bytes, or nil where a character is not of the alphabet.
    static func decoded(_ text: [UInt8]) -> [UInt8]? {
        var result: [UInt8] = []
        result.reserveCapacity(text.count / 4 * 3)
        var (bits, count): (UInt32, Int) = (0, 0)
        for byte in text.prefix(while: { $0 != UInt8(ascii: "=") }) {
            let value: UInt8
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"): value = byte - 0x41
            case UInt8(ascii: "a")...UInt8(ascii: "z"): value = byte - 0x61 + 26
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = byte - 0x30 + 52
            case UInt8(ascii: "+"): value = 62
            case UInt8(ascii: "/"): value = 63
            default: return nil
            }
            bits = bits << 6 | UInt32(value)
            count += 6
            if count >= 8 {
                count -= 8
                result.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
            }
        }
        return result
    }
}
