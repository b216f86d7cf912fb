import Multimodal

/// A `tokenizer.json` of Hugging Face's tokenizers with a unigram or BPE model, as SigLIP and SigLIP2 have it. What is
/// in the file and not supported is refused by name.
struct TokenizerFile {
    enum Model {
        case unigram(UnigramModel)
        case bpe(RankedBPEModel)
    }

    let model: Model
    let pieces: Pieces
    let normalizer: [NormalizerStep]
    let splitting: [SplittingStep]
    var addedTokens: [AddedTokens.Token]
    let vocabularySize: Int
    /// The ids that end and fill a text, if the file has them.
    private(set) var end: Int32?
    private(set) var pad: Int32?

    /// Whether bytes are of a `tokenizer.json`, and not of a `.model` file.
    static func isOne(_ bytes: [UInt8]) -> Bool {
        let text = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? bytes.dropFirst(3) : bytes[...]
        return text.first { ![0x20, 0x09, 0x0A, 0x0D].contains($0) } == UInt8(ascii: "{")
    }

    init(_ bytes: [UInt8], file: String) throws {
        let root = try JSONDocument(bytes, file: file).root
        normalizer = try NormalizerStep.steps(root.member("normalizer"))
        splitting = try SplittingStep.steps(root.member("pre_tokenizer"))
        let addedTokens = try AddedTokens.tokens(root.member("added_tokens"))
        let description = try root.required("model")
        let type = try description.required("type")
        let pieces: Pieces
        switch try type.string() {
        case "Unigram":
            pieces = try Self.unigramPieces(description)
            model = .unigram(UnigramModel(pieces, isSingle: false))
        case "BPE":
            pieces = try Self.bpePieces(description)
            let merges = try Self.merges(description, pieces)
            try Self.checkMerges(merges, pieces, addedTokens, at: description.required("merges"))
            model = .bpe(
                RankedBPEModel(
                    pieces: pieces, merges: merges,
                    fusesUnknown: try description.member("fuse_unk")?.bool() ?? false))
        case let name: throw type.unsupported("the model \(name)")
        }
        self.pieces = pieces
        self.addedTokens = addedTokens
        vocabularySize = max(pieces.count, (addedTokens.map { Int($0.id) }.max() ?? -1) + 1)
        end = id("</s>") ?? id("<eos>")
        pad = id("<pad>")
    }

    /// The id of a spelling.
    func id(_ spelling: String) -> Int32? {
        addedTokens.first { $0.content == spelling }?.id ?? pieces[Array(spelling.utf8)]
    }

    private static func unigramPieces(_ model: JSONValue) throws -> Pieces {
        let list = try model.required("vocab")
        var pieces = Pieces(capacity: 1 << 15)
        for entry in try list.elements() {
            let values = Array(try entry.elements())
            guard values.count == 2 else {
                throw entry.error("a piece and its score are expected here", remedy: "fetch the file again")
            }
            guard try pieces.append(values[0].utf8(), score: values[1].double(), .normal) else {
                throw entry.error("'\(try values[0].string())' is there a second time", remedy: "fetch the file again")
            }
        }
        let unknown = try model.required("unk_id")
        guard pieces.count > 0 else { throw list.error("the vocabulary is empty", remedy: "fetch the file again") }
        pieces.unknown = Int32(truncatingIfNeeded: try unknown.int(in: 0...pieces.count - 1))
        if try model.member("byte_fallback")?.bool() == true { pieces.bytes = try bytes(pieces, list) }
        return pieces
    }

    private static func bpePieces(_ model: JSONValue) throws -> Pieces {
        for name in ["dropout", "continuing_subword_prefix", "end_of_word_suffix", "ignore_merges"] {
            try model.refuse(name)
        }
        let list = try model.required("vocab")
        var entries: [(id: Int, name: JSONValue)] = []
        for (name, value) in try list.members() { entries.append((try value.int(in: 0...1 << 24), name)) }
        entries.sort { $0.id < $1.id }
        var pieces = Pieces(capacity: entries.count)
        for (index, entry) in entries.enumerated() {
            guard entry.id == index else {
                throw entry.name.error("no piece has the id \(index)", remedy: "fetch the file again")
            }
            guard try pieces.append(entry.name.utf8(), score: 0, .normal) else {
                throw entry.name.error(
                    "'\(try entry.name.string())' is there a second time", remedy: "fetch the file again")
            }
        }
        if let name = try model.member("unk_token"), !name.isNull {
            pieces.unknown = pieces[try name.utf8()]
            if pieces.unknown == nil { throw name.error("the vocabulary lacks it", remedy: "fetch the file again") }
        }
        if try model.member("byte_fallback")?.bool() == true { pieces.bytes = try bytes(pieces, list) }
        return pieces
    }

    private static func bytes(_ pieces: Pieces, _ list: JSONValue) throws -> [Int32] {
        guard let bytes = pieces.byteIDs() else {
            throw list.error("the vocabulary lacks some of the 256 byte pieces", remedy: "fetch the file again")
        }
        return bytes
    }

    /// Refuses merges of which many are missing: nearly every piece of several characters is made by one, but for bytes and
    /// tokens that are found in texts.
    private static func checkMerges(
        _ merges: [RankedBPEModel.Pair: (rank: Int, id: Int32)], _ pieces: Pieces, _ added: [AddedTokens.Token],
        at list: JSONValue
    ) throws {
        var isMade = [Bool](repeating: false, count: pieces.count)
        for merge in merges.values { isMade[Int(merge.id)] = true }
        for id in added.map(\.id) + (pieces.byteIDs() ?? []) where Int(id) < pieces.count { isMade[Int(id)] = true }
        let others = isMade.indices.filter { id in
            let spelling = Array(pieces.spellings[id])
            return !isMade[id] && characterLength(spelling, 0) < spelling.count
        }
        guard others.count * 20 > pieces.count, let first = others.first else { return }
        throw list.error(
            "\(others.count) pieces of \(pieces.count), such as '\(String(decoding: pieces.spellings[first], as: UTF8.self))', "
                + "are made by none of the \(merges.count) merges", remedy: "are the merges whole? Fetch the file again"
        )
    }

    /// Merges are pairs, or in older files pairs in one string.
    private static func merges(
        _ model: JSONValue, _ pieces: Pieces
    ) throws -> [RankedBPEModel.Pair: (rank: Int, id: Int32)] {
        var merges: [RankedBPEModel.Pair: (rank: Int, id: Int32)] = [:]
        for (rank, merge) in try model.required("merges").elements().enumerated() {
            let parts =
                merge.isString
                ? try merge.utf8().split(separator: 0x20, omittingEmptySubsequences: false).map(Array.init)
                : try merge.elements().map { try $0.utf8() }
            guard parts.count == 2, let left = pieces[parts[0]], let right = pieces[parts[1]],
                let id = pieces[parts[0] + parts[1]]
            else {
                throw merge.error(
                    "this is not a merge of two pieces that makes a third", remedy: "fetch the file again")
            }
            merges[RankedBPEModel.Pair(left: left, right: right)] = (rank, id)
        }
        return merges
    }
}
