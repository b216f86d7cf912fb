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
    /// One more than the largest id.
    private(set) var size = 0
    /// Where it is, for messages.
    let list: JSONValue

    init(_ object: JSONValue) throws {
        list = object
        for (name, value) in try object.members() {
            guard try spellings.insert(name.utf8()).isNew else {
                throw name.error("'\(try name.string())' is given twice", remedy: "remove one of them")
            }
            let id = try value.int(in: 0...1 << 24)
            ids.append(Int32(truncatingIfNeeded: id))
            size = max(size, id + 1)
        }
    }

    var count: Int { ids.count }

    subscript(spelling: [UInt8]) -> Int32? { spellings.find(spelling).map { ids[$0] } }

    /// The ids of a merge table's symbols, which must be those of this vocabulary: it has every symbol that a merge makes,
    /// and nothing else but bytes and `others`.
    func ids(of symbols: ByteStringTable, others: Set<String>, merges: String) throws -> [Int32?] {
        var result: [Int32?] = []
        for number in 0..<symbols.count {
            let id = self[Array(symbols[number])]
            if id == nil, number >= 512 {
                throw list.error(
                    "the vocabulary lacks '\(String(decoding: symbols[number], as: UTF8.self))', which a merge makes",
                    remedy: "use merges and vocabulary of the same tokenizer")
            }
            result.append(id)
        }
        guard result.count(where: { $0 != nil }) < count else { return result }
        for number in 0..<count where symbols.find(Array(spellings[number])) == nil {
            let spelling = String(decoding: spellings[number], as: UTF8.self)
            guard !others.contains(spelling) else { continue }
            throw list.error(
                "the vocabulary has '\(spelling)', which none of the \(max(0, symbols.count - 512)) merges of \(merges) makes",
                remedy: "are the merges whole? Use merges and vocabulary of the same tokenizer")
        }
        return result
    }
}
