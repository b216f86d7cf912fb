public import YAML

/// The `added_tokens` of a `tokenizer.json`: spellings that are found in a text before it is split otherwise.
///
/// Follows `AddedVocabulary` of huggingface/tokenizers (tokenizers/src/tokenizer/added_vocabulary.rs): tokens that are
/// not `normalized` are found in the text as it is, the others in what normalisation makes of the rest; the leftmost
/// is taken, and of several there the longest.
public struct AddedTokens: Sendable {
    public struct Token: Hashable, Sendable {
        public var content: String
        public var id: Int32
        /// Only between characters that are not part of a word.
        public var isSingleWord = false
        /// Takes the white space before it.
        public var stripsLeft = false
        /// Takes the white space after it.
        public var stripsRight = false
        /// Found after normalisation, spelled as normalisation spells it.
        public var isNormalized = false

        public init(_ content: String, id: Int32) {
            self.content = content
            self.id = id
        }
    }

    /// A stretch of a text.
    public enum Section: Hashable, Sendable {
        case token(Int32)
        case text([UInt8])
    }

    public let tokens: [Token]
    private let plain: Matcher
    private let normalized: Matcher
    private let normalize: @Sendable ([UInt8]) -> [UInt8]

    /// - Parameter normalize: what is done to the text between tokens, in UTF-8.
    public init(_ tokens: [Token], normalize: @escaping @Sendable ([UInt8]) -> [UInt8]) {
        self.tokens = tokens
        self.normalize = normalize
        plain = Matcher(tokens.filter { !$0.isNormalized }) { $0 }
        normalized = Matcher(tokens.filter(\.isNormalized), normalize)
    }

    /// Reads the list as a file has it.
    public static func tokens(_ list: JSONValue?) throws(YAMLError) -> [Token] {
        var tokens: [Token] = []
        guard let list, !list.isNull else { return tokens }
        for entry in try list.elements() {
            guard let content = try entry.member("content"), let id = try entry.member("id") else {
                throw entry.error("an added token needs 'content' and 'id'", remedy: "fetch the file again")
            }
            var token = Token(try content.string(), id: Int32(truncatingIfNeeded: try id.int(in: 0...1 << 24)))
            token.isSingleWord = try entry.member("single_word")?.bool() ?? false
            token.stripsLeft = try entry.member("lstrip")?.bool() ?? false
            token.stripsRight = try entry.member("rstrip")?.bool() ?? false
            token.isNormalized = try entry.member("normalized")?.bool() ?? true
            tokens.append(token)
        }
        return tokens
    }

    /// The text in order: tokens, and what is between them, normalised.
    public func sections(_ text: [UInt8]) -> [Section] {
        var result: [Section] = []
        for section in plain.sections(text) {
            guard case .text(let text) = section else {
                result.append(section)
                continue
            }
            result += normalized.sections(normalize(text))
        }
        return result
    }
}

extension AddedTokens {
    /// Finds tokens by their spelling.
    private struct Matcher: Sendable {
        private var spellings = ByteStringTable(capacity: 16)
        private var tokens: [Token] = []
        /// The bytes that spellings begin with.
        private var begins = [Bool](repeating: false, count: 256)

        init(_ tokens: [Token], _ spell: ([UInt8]) -> [UInt8]) {
            for token in tokens {
                let spelling = spell(Array(token.content.utf8))
                guard let first = spelling.first, spellings.insert(spelling).isNew else { continue }
                self.tokens.append(token)
                begins[Int(first)] = true
            }
        }

        func sections(_ text: [UInt8]) -> [Section] {
            guard !tokens.isEmpty else { return text.isEmpty ? [] : [.text(text)] }
            var result: [Section] = []
            // Up to where the text is taken, and where the next search begins: a token may take white space after it.
            var taken = 0
            var index = 0
            while index < text.count {
                guard begins[Int(text[index])], let (token, end) = longest(in: text.span, at: index) else {
                    index += 1
                    continue
                }
                let start = index
                index = end
                if token.isSingleWord, isWord(before: start, text) || isWord(at: end, text) { continue }
                let left = token.stripsLeft ? max(taken, Self.spaceStart(text, start)) : start
                if taken < left { result.append(.text(Array(text[taken..<left]))) }
                result.append(.token(token.id))
                taken = token.stripsRight ? Self.spaceEnd(text, end) : end
            }
            if taken < text.count { result.append(.text(taken == 0 ? text : Array(text[taken...]))) }
            return result
        }

        private func longest(in text: Span<UInt8>, at index: Int) -> (Token, end: Int)? {
            var found: (Token, Int)?
            spellings.forEachPrefix(of: text, from: index) { number, end in found = (tokens[number], end) }
            return found
        }

        private func isWord(at index: Int, _ text: [UInt8]) -> Bool {
            ByteDecoding.scalar(text, at: index).map(Self.isWord) ?? false
        }

        private func isWord(before index: Int, _ text: [UInt8]) -> Bool {
            ByteDecoding.scalar(text, before: index).map(Self.isWord) ?? false
        }

        /// `\w` of Rust's regex: letters, marks, decimal digits, connectors, joiners.
        private static func isWord(_ scalar: Unicode.Scalar) -> Bool {
            if scalar.properties.isAlphabetic || scalar.properties.isJoinControl { return true }
            switch scalar.properties.generalCategory {
            case .nonspacingMark, .spacingMark, .enclosingMark, .decimalNumber, .connectorPunctuation: return true
            default: return false
            }
        }

        private static func spaceEnd(_ text: [UInt8], _ start: Int) -> Int {
            var end = start
            while let scalar = ByteDecoding.scalar(text, at: end), scalar.properties.isWhitespace {
                end += UTF8.width(scalar)
            }
            return end
        }

        private static func spaceStart(_ text: [UInt8], _ end: Int) -> Int {
            var start = end
            while let scalar = ByteDecoding.scalar(text, before: start), scalar.properties.isWhitespace {
                start -= UTF8.width(scalar)
            }
            return start
        }
    }
}
