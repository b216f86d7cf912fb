import Multimodal

/// The ids that a `vocab.json` gives to the symbols of a merge table.
package struct PublishedIDs: Sendable {
    /// Of each symbol by its number; nil where the vocabulary has neither the byte nor an unknown token.
    let ids: [Int32?]
    let symbols: [Int32: UInt32]
    let start: Int32
    let end: Int32
    /// One more than the largest id.
    let size: Int
}

/// Spellings and their ids, as `vocab.json` and `tokenizer.json` list them.
struct Vocabulary {
    private var spellings = ByteStringTable(capacity: 1 << 16)
    private var ids: [Int32] = []
    private(set) var size = 0

    init(_ object: JSONValue) throws {
        for (name, value) in try object.members() {
            guard try spellings.insert(name.utf8()).isNew else {
                throw name.error("'\(try name.string())' is given twice", remedy: "remove one of them")
            }
            let id = try value.int(in: 0...1 << 24)
            ids.append(Int32(truncatingIfNeeded: id))
            size = max(size, id + 1)
        }
    }

    subscript(spelling: [UInt8]) -> Int32? { spellings.find(spelling).map { ids[$0] } }

    /// The table with the ids of this vocabulary, which must have every symbol that a merge makes. Bytes that it lacks
    /// become `unknown`.
    /// - Parameter list: where the vocabulary is, for messages.
    func applied(
        to table: MergeTable, symbols: ByteStringTable, added: [AddedTokens.Token], unknown: Int32?, list: JSONValue
    ) throws -> MergeTable {
        func special(_ spelling: String) throws -> Int32 {
            guard let id = added.first(where: { $0.content == spelling })?.id ?? self[Array(spelling.utf8)] else {
                throw list.error("the vocabulary lacks '\(spelling)'", remedy: "use the vocabulary of a CLIP tokenizer")
            }
            return id
        }
        var ids: [Int32?] = []
        var numbers: [Int32: UInt32] = [:]
        for number in 0..<symbols.count {
            let id = self[Array(symbols[number])]
            if id == nil, number >= 512 {
                throw list.error(
                    "the vocabulary lacks '\(String(decoding: symbols[number], as: UTF8.self))', which a merge makes",
                    remedy: "use merges and vocabulary of the same tokenizer")
            }
            ids.append(id ?? unknown)
            if let id { numbers[id] = UInt32(truncatingIfNeeded: number) }
        }
        var result = table
        let size = max(size, (added.map { Int($0.id) }.max() ?? -1) + 1)
        let published = PublishedIDs(
            ids: ids, symbols: numbers, start: try special("<|startoftext|>"), end: try special("<|endoftext|>"),
            size: size)
        // Ids that follow from the merges anyway need no second table.
        let isImplied =
            size == table.vocabularySize && published.start == table.startToken && published.end == table.endToken
            && ids.enumerated().allSatisfy { $0.element == Int32(truncatingIfNeeded: $0.offset) }
        if !isImplied { result.published = published }
        return result
    }
}

extension MergeTable {
    /// Reads a merge file and a `vocab.json`, which says the ids, as Hugging Face writes them.
    ///
    /// - Throws: `MergeTableError` about the merges, another error with file, line and column about the vocabulary.
    public init(contentsOf path: String, vocabulary: String, vocabularySize: Int? = nil) throws {
        let (table, symbols) = try Self.read(path, vocabularySize: vocabularySize)
        let list = try JSONDocument(contentsOf: vocabulary).root
        let ids = try Vocabulary(list)
        self = try ids.applied(
            to: table, symbols: symbols, added: [], unknown: ids[Array("<|endoftext|>".utf8)], list: list)
    }
}
