import Multimodal

/// A tokenizer as its files describe it together: merges, the ids of their symbols, and the tokens that have a part to play.
struct TokenizerReading {
    private(set) var table: MergeTable
    /// What is found in a text before it is split; nil where only the special tokens' spellings are.
    private(set) var addedTokens: [AddedTokens.Token]?
    /// The id that fills shorter texts, where a file says it.
    private(set) var padToken: Int32?
    /// Whether a file says the ids; they follow from the merges else.
    private(set) var hasWrittenIDs = false

    private static let (start, end) = ("<|startoftext|>", "<|endoftext|>")

    /// - Parameters:
    ///   - merges: a merge file or a `tokenizer.json`.
    ///   - vocabulary: a `vocab.json`; nil where there is none.
    ///   - side: the files beside them that transformers reads. With them, a `tokenizer.json` gives its vocabulary and
    ///     merges only, as to transformers' CLIPTokenizer; by itself it must have CLIP's normalizer and pattern.
    init(merges: String, vocabulary: String?, vocabularySize: Int?, side: TokenizerSideFiles.Paths) throws {
        let symbols: ByteStringTable
        var list: Vocabulary?
        var root: JSONValue?
        if TokenizerFile.isOne(merges) {
            let file = try TokenizerFile(contentsOf: merges, checksSteps: side.isEmpty)
            (table, symbols, list, root) = (file.table, file.symbols, file.vocabulary, file.root)
        } else {
            (table, symbols) = try MergeTable.read(merges, vocabularySize: vocabularySize)
            list = try vocabulary.map { try Vocabulary(JSONDocument(contentsOf: $0).root) }
        }
        guard list != nil || !side.isEmpty else { return }
        let files = try TokenizerSideFiles(
            side, tokenizer: root,
            defaults: [.start: Self.start, .end: Self.end, .unknown: Self.end, .pad: Self.end])
        try apply(files, symbols, list, merges: merges)
    }

    private mutating func apply(
        _ files: TokenizerSideFiles, _ symbols: ByteStringTable, _ list: Vocabulary?, merges: String
    ) throws {
        let implied = [Self.start: table.startToken, Self.end: table.endToken]
        func known(_ spelling: String) -> Int32? {
            if let list { return list[Array(spelling.utf8)] }
            return symbols.find(Array(spelling.utf8)).map { Int32(truncatingIfNeeded: $0) } ?? implied[spelling]
        }
        let tokens = try files.tokens(count: list?.count ?? table.vocabularySize, vocabulary: known)
        func id(_ role: TokenizerSideFiles.Role) throws -> Int32 {
            guard let spelling = files.spelling(role), let token = tokens.first(where: { $0.content == spelling })
            else {
                throw files.error(
                    role, "\(role.rawValue) is null, and texts need it", file: merges, remedy: "name a token")
            }
            return token.id
        }
        let (start, end) = (try id(.start), try id(.end))
        for (role, id) in [(TokenizerSideFiles.Role.start, start), (.end, end)] {
            // One that no file of ids has is a new one, which no model was trained with.
            guard let list, Int(id) >= list.size, let spelling = files.spelling(role) else { continue }
            throw list.list.error(
                "the vocabulary lacks '\(spelling)'", remedy: "use the vocabulary of a CLIP tokenizer")
        }
        (addedTokens, padToken, hasWrittenIDs) = (tokens, try id(.pad), list != nil)
        let others = Set(tokens.map(\.content))
        let own = try list?.ids(of: symbols, others: others, merges: merges)
        let ids = own ?? (0..<symbols.count).map { Int32(truncatingIfNeeded: $0) }
        let unknown = files.spelling(.unknown).flatMap { known($0) }
        table.publish(
            PublishedIDs(
                ids: ids.map { $0 ?? unknown },
                symbols: Dictionary(
                    ids.enumerated().compactMap { number, id in id.map { ($0, UInt32(truncatingIfNeeded: number)) } },
                    uniquingKeysWith: { first, _ in first }),
                start: start, end: end,
                size: max(list?.size ?? table.vocabularySize, (tokens.map { Int($0.id) }.max() ?? -1) + 1)))
    }
}

extension MergeTable {
    /// Takes the ids that files say; those that follow from the merges anyway need no second table.
    mutating func publish(_ ids: PublishedIDs) {
        let isImplied =
            ids.size == vocabularySize && ids.start == startToken && ids.end == endToken
            && ids.ids.enumerated().allSatisfy { $0.element == Int32(truncatingIfNeeded: $0.offset) }
        if !isImplied { published = ids }
    }
}
