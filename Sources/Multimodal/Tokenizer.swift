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
    /// Short digest of everything that decides ids; part of a model's space.
    var digest: String { get }

    /// The ids of the whole text, without start and end.
    func encode(_ text: String) -> [Int32]
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
    /// The ids with start and end, cut to `contextLength` by leaving out tokens before the end.
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
