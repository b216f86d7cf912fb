import Multimodal

/// Byte-pair encoding of SentencePiece, where the pair goes first whose piece has the largest score
/// (google/sentencepiece, src/bpe_model.cc).
struct ScoredBPEModel: Sendable {
    private let pieces: Pieces
    private let userDefined: ByteStringTable

    init(_ pieces: Pieces, userDefined: ByteStringTable) {
        self.pieces = pieces
        self.userDefined = userDefined
    }

    /// Appends the ids of normalised text.
    func encode(_ text: [UInt8], into ids: inout [Int32]) {
        var symbols: [PairMerger.Symbol] = []
        var start = 0
        while start < text.count {
            let whole = userDefined.longestPrefix(of: text, from: start)
            let end = whole ?? start + characterLength(text, start)
            symbols.append(PairMerger.Symbol(id: -1, range: start..<end, isFixed: whole != nil))
            start = end
        }
        // How long the left part of an unused piece was, which is taken apart again.
        var unusedSplits: [Int: Int] = [:]
        PairMerger.merge(&symbols) { left, right in
            let range = left.range.lowerBound..<right.range.upperBound
            guard let number = pieces.spellings.find(text.span, range) else { return nil }
            switch pieces.kinds[number] {
            case .normal, .userDefined: break
            case .unused: unusedSplits[number] = left.range.count
            default: return nil
            }
            return PairMerger.Merge(priority: -pieces.scores[number], id: Int32(truncatingIfNeeded: number))
        }
        var isUnknown = false
        func append(_ range: Range<Int>) {
            var pending = [range]
            while let range = pending.popLast() {
                let number = pieces.spellings.find(text.span, range)
                if let number, pieces.kinds[number] == .unused, let length = unusedSplits[number] {
                    pending.append(range.lowerBound + length..<range.upperBound)
                    pending.append(range.lowerBound..<range.lowerBound + length)
                    continue
                }
                if let number, pieces.kinds[number] != .unknown {
                    ids.append(Int32(truncatingIfNeeded: number))
                    isUnknown = false
                } else {
                    pieces.appendUnknown(text[range], after: isUnknown, to: &ids)
                    isUnknown = true
                }
            }
        }
        for symbol in symbols { append(symbol.range) }
    }
}

/// Byte-pair encoding of a `tokenizer.json`, where the pair goes first that is listed first
/// (huggingface/tokenizers, tokenizers/src/models/bpe).
struct RankedBPEModel: Sendable {
    struct Pair: Hashable {
        var left: Int32
        var right: Int32
    }

    let pieces: Pieces
    let merges: [Pair: (rank: Int, id: Int32)]
    let fusesUnknown: Bool

    /// Appends the ids of a word.
    func encode(_ text: [UInt8], into ids: inout [Int32]) {
        var symbols: [PairMerger.Symbol] = []
        var start = 0
        /// Kept back until a known character follows it, as the reference does: bytes come before it.
        var unknown: PairMerger.Symbol?
        while start < text.count {
            let range = start..<start + characterLength(text, start)
            start = range.upperBound
            if let number = pieces.spellings.find(text.span, range) {
                if let unknown { symbols.append(unknown) }
                unknown = nil
                symbols.append(PairMerger.Symbol(id: Int32(truncatingIfNeeded: number), range: range))
            } else if let bytes = pieces.bytes {
                for index in range {
                    symbols.append(PairMerger.Symbol(id: bytes[Int(text[index])], range: index..<index + 1))
                }
            } else if let id = pieces.unknown, unknown == nil || !fusesUnknown {
                if let unknown { symbols.append(unknown) }
                unknown = PairMerger.Symbol(id: id, range: range)
            }
        }
        if let unknown { symbols.append(unknown) }
        PairMerger.merge(&symbols) { left, right in
            merges[Pair(left: left.id, right: right.id)].map { PairMerger.Merge(priority: Double($0.rank), id: $0.id) }
        }
        for symbol in symbols { ids.append(symbol.id) }
    }
}

extension ByteStringTable {
    /// Where the longest string ends that stands at `start`.
    func longestPrefix(of text: [UInt8], from start: Int) -> Int? {
        guard count > 0 else { return nil }
        var longest: Int?
        forEachPrefix(of: text.span, from: start) { _, end in longest = end }
        return longest
    }
}
