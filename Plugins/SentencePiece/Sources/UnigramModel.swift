import Multimodal

/// Splits a text into the pieces whose scores have the largest sum (Kudo 2018, arXiv:1804.10959).
///
/// Follows `EncodeOptimized` of google/sentencepiece (src/unigram_model.cc), sums rounded to float32 included, or
/// huggingface/tokenizers (tokenizers/src/models/unigram/model.rs), which copies it in float64: which of two equal
/// splits is taken hangs on it.
struct UnigramModel: Sendable {
    private let pieces: Pieces
    private let isSingle: Bool
    private let unknownScore: Double
    private let largestScore: Float

    /// - Parameter isSingle: whether sums are of float32, as in sentencepiece.
    init(_ pieces: Pieces, isSingle: Bool) {
        self.pieces = pieces
        self.isSingle = isSingle
        let scores = isSingle ? zip(pieces.scores, pieces.kinds).filter { $1 == .normal }.map(\.0) : pieces.scores
        let smallest = scores.min() ?? 0
        unknownScore = isSingle ? Double(Float(smallest) - 10) : smallest - 10
        largestScore = Float(scores.max() ?? 0)
    }

    private struct Node {
        var id: Int32 = -1
        var score = 0.0
        var start = -1
    }

    /// Appends the ids of normalised text, in time linear in its length.
    func encode(_ text: [UInt8], into ids: inout [Int32]) {
        let best = bestPaths(text)
        var path: [(id: Int32, start: Int, end: Int)] = []
        var end = text.count
        while end > 0, best[end].start >= 0 {
            path.append((best[end].id, best[end].start, end))
            end = best[end].start
        }
        var isUnknown = false
        for (id, start, end) in path.reversed() {
            if id == pieces.unknown {
                pieces.appendUnknown(text[start..<end], after: isUnknown, to: &ids)
            } else {
                ids.append(id)
            }
            isUnknown = id == pieces.unknown
        }
    }

    /// For each place the last piece of the best split of what is before it.
    private func bestPaths(_ text: [UInt8]) -> [Node] {
        var best = [Node](repeating: Node(), count: text.count + 1)
        var start = 0
        while start < text.count {
            let before = best[start].score
            let length = characterLength(text, start)
            var hasCharacter = false
            func offer(_ id: Int32, _ score: Double, _ end: Int) {
                let sum = isSingle ? Double(Float(score + before)) : score + before
                guard best[end].start < 0 || sum > best[end].score else { return }
                best[end] = Node(id: id, score: sum, start: start)
            }
            pieces.spellings.forEachPrefix(of: text.span, from: start) { number, end in
                let score: Double
                switch pieces.kinds[number] {
                case .normal: score = pieces.scores[number]
                // Better than any other split.
                case .userDefined: score = Double(Float(end - start) * largestScore) - 0.1
                default: return
                }
                offer(Int32(truncatingIfNeeded: number), score, end)
                if end - start == length { hasCharacter = true }
            }
            if !hasCharacter { offer(pieces.unknown ?? -1, unknownScore, start + length) }
            start += length
        }
        return best
    }
}
