/// Turns text into the integers that a text encoder takes.
public protocol Tokenizer: Sendable {
    /// Number of ids; every id is below it.
    var vocabularySize: Int { get }
    /// Put before the text; nil where the model has no start token.
    var startToken: Int32? { get }
    /// Put after the text; never cut off.
    var endToken: Int32 { get }
    /// Fills a batch's shorter texts.
    var padToken: Int32 { get }
    /// Whether a text encoder may have more ids than the tokenizer: tables are padded. Where ids follow from how many pieces
    /// there are, another number of them is another tokenizer, and this is false.
    var mayBePadded: Bool { get }
    /// Short digest of everything that decides ids; part of a model's space.
    var digest: String { get }

    /// The ids of the whole text, without start and end. Safe to call from several threads at once.
    func encode(_ text: String) -> [Int32]

    /// The ids with start and end, cut to `contextLength` (2 or more) by leaving out ids before the end. Written for every
    /// tokenizer; only one that cuts in another way has its own.
    func tokenize(_ text: String, contextLength: Int) -> TokenizedText

    /// What gives start, end or pad where a text spells it, because its publisher reads texts so: `<|endoftext|>`. Any
    /// other text never gives them. None unless a tokenizer says so.
    var specialSpellings: [String] { get }

    /// Whether texts give `padToken`, too, because its publisher fills with a piece of the vocabulary: CLIP with 0, which
    /// is "!". False unless a tokenizer says so.
    var padIsOrdinary: Bool { get }

    /// A text that gives `id`, or nil where there is none or it is not known. Nil unless a tokenizer says so; conformance
    /// asks for all of them.
    func text(of id: Int32) -> String?
}

extension Tokenizer {
    public var mayBePadded: Bool { true }
}

/// A text as a model takes it.
public struct TokenizedText: Hashable, Sendable {
    /// Start and end included, no padding.
    public var ids: [Int32]
    /// How many tokens did not fit and were left out.
    public var truncated: Int

    public init(ids: [Int32], truncated: Int) {
        self.ids = ids
        self.truncated = truncated
    }
}

extension Tokenizer {
    public var specialSpellings: [String] { [] }
    public var padIsOrdinary: Bool { false }
    public func text(of id: Int32) -> String? { nil }

    public func tokenize(_ text: String, contextLength: Int) -> TokenizedText {
        let body = encode(text)
        let room = max(0, contextLength - (startToken == nil ? 1 : 2))
        let ids = (startToken.map { [$0] } ?? []) + body.prefix(room) + [endToken]
        return TokenizedText(ids: ids, truncated: max(0, body.count - room))
    }
}

/// A tokenizer that huggingface/transformers has, too.
public protocol TransformersTokenizer: Tokenizer {
    /// The files by which transformers knows it: `tokenizer_config.json`, `vocab.json`, `merges.txt`, or others.
    /// - Parameter contextLength: most tokens of a text, start and end included.
    func transformersFiles(contextLength: Int) -> [(name: String, contents: [UInt8])]
}
