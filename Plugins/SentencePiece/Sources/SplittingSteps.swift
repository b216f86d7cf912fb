import Multimodal

/// The `pre_tokenizer` of a `tokenizer.json` (huggingface/tokenizers, tokenizers/src/pre_tokenizers).
enum SplittingStep: Sendable {
    /// At white space, which is left out.
    case whiteSpace
    /// After each of these strings, if there are any.
    case after([UInt8])
    /// Spaces become a mark, which is also put before a word without it, and words are split before each.
    case metaspace(mark: [UInt8], isPrepended: Bool, splits: Bool)

    /// The steps in their order.
    static func steps(_ value: JSONValue?) throws -> [SplittingStep] {
        guard let value, !value.isNull else { return [] }
        let type = try value.required("type")
        switch try type.string() {
        case "Sequence": return try value.required("pretokenizers").elements().flatMap(steps)
        case "WhitespaceSplit": return [.whiteSpace]
        case "Split":
            let behavior = try value.required("behavior")
            guard try behavior.string() == "MergedWithPrevious" else {
                throw behavior.unsupported("to split '\(try behavior.string())'")
            }
            guard let pattern = try value.required("pattern").member("String"), try !pattern.utf8().isEmpty,
                try value.member("invert")?.bool() != true
            else { throw value.unsupported("to split otherwise than at a string") }
            return [.after(try pattern.utf8())]
        case "Metaspace":
            let isPrepended: Bool
            if let scheme = try value.member("prepend_scheme") {
                switch try scheme.string() {
                case "always": isPrepended = true
                case "never": isPrepended = false
                case let name: throw scheme.unsupported("to prepend '\(name)'")
                }
            } else {
                // As older files say it.
                isPrepended = try value.member("add_prefix_space")?.bool() ?? true
            }
            return [
                .metaspace(
                    mark: try value.member("replacement")?.utf8() ?? SpaceNormalizer.space, isPrepended: isPrepended,
                    splits: try value.member("split")?.bool() ?? true)
            ]
        case let name: throw type.unsupported("the pre-tokenizer \(name)")
        }
    }

    /// The words of a word.
    func split(_ text: [UInt8]) -> [[UInt8]] {
        switch self {
        case .whiteSpace:
            return String(decoding: text, as: UTF8.self).unicodeScalars.split { $0.properties.isWhitespace }
                .map { Array(String($0).utf8) }
        case .after(let mark): return Self.words(text, mark, marksEnd: true)
        case .metaspace(let mark, let isPrepended, let splits):
            var marked = TextPattern(literal: [0x20]).replacing(text, with: mark)
            if isPrepended, !marked.isEmpty, !marked.starts(with: mark) { marked = mark + marked }
            return splits ? Self.words(marked, mark, marksEnd: false) : [marked]
        }
    }

    private static func words(_ text: [UInt8], _ mark: [UInt8], marksEnd: Bool) -> [[UInt8]] {
        var result: [[UInt8]] = []
        var (start, index) = (0, 0)
        while index < text.count {
            guard let first = mark.first, text[index] == first, text[index...].starts(with: mark) else {
                index += 1
                continue
            }
            let end = marksEnd ? index + mark.count : index
            if end > start { result.append(Array(text[start..<end])) }
            start = end
            index += mark.count
        }
        if start < text.count { result.append(Array(text[start...])) }
        return result
    }
}

extension JSONValue {
    func unsupported(_ what: String) -> any Error {
        error(
            "\(what) is not supported",
            remedy: "only tokenizers as SigLIP (T5, unigram) and SigLIP2 (Gemma, BPE) have them are read")
    }

    func required(_ name: String) throws -> JSONValue {
        guard let value = try member(name), !value.isNull else {
            throw error("'\(name)' is missing", remedy: "fetch the file again")
        }
        return value
    }

    /// Refuses a member that is not null, false or empty.
    func refuse(_ name: String) throws {
        guard let value = try member(name), !value.isNull else { return }
        if value.isString ? try value.utf8().isEmpty : (try? value.bool()) == false { return }
        throw value.unsupported("'\(name)'")
    }
}
