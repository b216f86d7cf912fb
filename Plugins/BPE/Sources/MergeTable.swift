/// The merges of a byte-level vocabulary, and the ids that follow from them or that a `vocab.json` gives.
///
/// Ids: 256 bytes, the same 256 at the end of a word, one for each merge in the order of the file, then the start and
/// the end token. With the 48,894 merges that openai/CLIP uses, that is its vocabulary of 49,408.
public struct MergeTable: Sendable {
    /// Bytes, bytes that end a word, start, end.
    package static let smallestVocabulary = 514
    /// What openai/CLIP takes of the 262,144 merges in `bpe_simple_vocab_16e6.txt.gz`.
    package static let publishedMergeCount = 49152 - 256 - 2

    /// The two symbols that each merge joins, in the order of the ids from 512 on.
    package private(set) var merges: [(left: UInt32, right: UInt32)] = []
    private(set) var pairs: PairTable
    /// What a `vocab.json` says of ids; nil where they are those that follow from the merges.
    package internal(set) var published: PublishedIDs?

    /// A table without merges, with room for so many.
    init(capacity: Int = 64) { pairs = PairTable(capacity: capacity) }

    mutating func append(_ left: UInt32, _ right: UInt32) {
        merges.append((left, right))
        pairs.insert(left, right, UInt32(511 + merges.count))
    }

    /// Merges, 512 byte symbols, and the two special tokens.
    public var vocabularySize: Int { published?.size ?? merges.count + Self.smallestVocabulary }
    public var startToken: Int32 { published?.start ?? Int32(merges.count + 512) }
    public var endToken: Int32 { published?.end ?? Int32(merges.count + 513) }

    /// The symbol in the characters of merge files, such as `in</w>`; nil for a special token or no id at all.
    package func symbol(_ id: Int32) -> [UInt8]? { bytes(id).map(Self.symbol) }

    private static func symbol(_ symbol: (bytes: [UInt8], endsWord: Bool)) -> [UInt8] {
        symbol.bytes.flatMap { ByteAlphabet.symbols[Int(ByteAlphabet.ids[Int($0)])] }
            + (symbol.endsWord ? ByteAlphabet.endOfWord : [])
    }

    /// The bytes that a symbol stands for, and whether it ends a word.
    package func bytes(_ id: Int32) -> (bytes: [UInt8], endsWord: Bool)? {
        if let published { return published.symbols[id].map(bytes(ofSymbol:)) }
        guard id >= 0, Int(id) < merges.count + 512 else { return nil }
        return bytes(ofSymbol: UInt32(id))
    }

    private func bytes(ofSymbol symbol: UInt32) -> (bytes: [UInt8], endsWord: Bool) {
        var result: [UInt8] = []
        var endsWord = false
        var pending = [symbol]
        while let symbol = pending.popLast() {
            if symbol < 512 {
                result.append(ByteAlphabet.bytes[Int(symbol & 0xFF)])
                endsWord = symbol >= 256
            } else {
                let merge = merges[Int(symbol) - 512]
                pending.append(merge.right)
                pending.append(merge.left)
            }
        }
        return (result, endsWord)
    }

    /// The merges as a file: a `#version` line, then one merge a line, in the order of their ids.
    public func fileText() -> [UInt8] {
        var text = Array("#version: 0.2\n".utf8)
        for merge in merges {
            text += Self.symbol(bytes(ofSymbol: merge.left))
            text.append(0x20)
            text += Self.symbol(bytes(ofSymbol: merge.right))
            text.append(0x0A)
        }
        return text
    }
}
