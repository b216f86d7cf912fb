import CDotProducts
public import Multimodal
import Synchronization

/// One candidate in the ranking of one query.
public struct Match<Candidate: Sendable>: Sendable {
    public var candidate: Candidate
    /// The cosine, -1 to 1.
    public var score: Float
    /// The share of this candidate among all that the query met, 0 to 1; nil without a calibration.
    public var probability: Float?
}

/// Why vectors cannot be ranked.
public enum RankError: Error, Hashable, Sendable, CustomStringConvertible {
    /// A vector without direction, or with a number that is not finite.
    case direction(row: Int)
    case width(Int, expected: Int)
    case spaces(String, String)

    public var description: String {
        switch self {
        case .direction(let row): "vector \(row) has no direction: it is zero or not finite"
        case .width(let width, let expected):
            "vectors of \(width) numbers cannot be compared with vectors of \(expected)"
        case .spaces(let a, let b):
            "vectors of the spaces '\(a)' and '\(b)' come from different models and cannot be compared"
        }
    }
}

/// Exact nearest neighbours: every query meets every candidate, candidates come in blocks.
///
/// Memory grows with queries and `top`, not with candidates: the best so far are kept, and the sum that the softmax
/// needs is kept up to date (streaming log-sum-exp). Cost: queries x candidates x width multiply-adds, vectorised, on
/// `threads` threads. Vectors need not have unit length. For use by one thread at a time.
public final class Ranker<Candidate: Sendable> {
    private let width: Int
    private let paddedWidth: Int
    private let queryCount: Int
    private let queries: FloatRows
    private let calibration: ScoreCalibration?
    private let threads: Int
    private var states: [QueryState]
    private var seen = 0

    private struct QueryState: Sendable {
        var top: TopList<Candidate>
        /// The largest cosine so far, and the sum of exp(scale * (cosine - largest)).
        var largest = -Float.infinity
        var sum = 0.0
    }

    /// - Parameters:
    ///   - queries: rows of `width` numbers.
    ///   - top: how many candidates are kept of each query; nil keeps all, in memory.
    ///   - calibration: the model's; nil leaves probabilities out.
    public init(
        queries: [Float], width: Int, top: Int?, calibration: ScoreCalibration?, threads: Int = 2
    ) throws(RankError) {
        self.width = width
        paddedWidth = FloatRows.padded(width, to: Int(CDP_WIDTH_MULTIPLE))
        queryCount = queries.count / max(width, 1)
        self.queries = try FloatRows(queries, width: width, rowMultiple: Int(CDP_QUERY_MULTIPLE))
        self.calibration = calibration
        self.threads = max(1, threads)
        states = Array(
            repeating: QueryState(top: TopList(limit: max(1, top ?? .max))), count: queryCount)
    }

    /// Candidates met so far.
    public var count: Int { seen }

    /// Lets all queries meet these candidates: `vectors` holds a row of `width` numbers for each.
    public func add(_ vectors: [Float], candidates: [Candidate]) throws(RankError) {
        guard vectors.count == candidates.count * width else {
            throw .width(vectors.count / max(candidates.count, 1), expected: width)
        }
        // Blocks that stay in the second-level cache.
        let rows = max(64, (1 << 16) / paddedWidth)
        var start = 0
        while start < candidates.count {
            let end = min(start + rows, candidates.count)
            let block = try FloatRows(
                Array(vectors[start * width..<end * width]), width: width, rowMultiple: Int(CDP_CANDIDATE_MULTIPLE),
                firstRow: start)
            meet(block, candidates[start..<end], order: seen + start)
            start = end
        }
        seen += candidates.count
    }

    /// The best candidates of each query, in the order of the queries; best first, of equals the earlier first.
    public func matches() -> [[Match<Candidate>]] {
        states.map { state in
            state.top.sorted().map { entry in
                Match(
                    candidate: entry.candidate, score: min(1, max(-1, entry.score)),
                    probability: probability(entry.score, state))
            }
        }
    }

    private func probability(_ score: Float, _ state: QueryState) -> Float? {
        guard let calibration else { return nil }
        switch calibration.link {
        case .softmax: return Float(exponential(Double(calibration.scale) * Double(score - state.largest)) / state.sum)
        case .sigmoid:
            return Float(1 / (1 + exponential(-Double(calibration.scale * score + calibration.bias))))
        }
    }

    // MARK: - Blocks

    private func meet(_ block: FloatRows, _ candidates: ArraySlice<Candidate>, order: Int) {
        let tile = Int(CDP_QUERY_MULTIPLE)
        let tiles = (queryCount + tile - 1) / tile
        let work = queryCount * candidates.count * paddedWidth
        let workers = work < 1 << 21 ? 1 : min(threads, tiles)
        let shared = SharedStates(states)
        states = []
        let next = Atomic(0)
        let update: @Sendable (Int) -> Void = { [queries, queryCount, paddedWidth, calibration] _ in
            let scores = UnsafeMutableBufferPointer<Float>.allocate(capacity: tile * block.paddedCount)
            defer { scores.deallocate() }
            while true {
                let first = next.add(1, ordering: .relaxed).oldValue * tile
                if first >= queryCount { return }
                cdp_scores(
                    queries.base + first * paddedWidth, tile, block.base, block.paddedCount, paddedWidth,
                    scores.baseAddress)
                for query in first..<min(first + tile, queryCount) {
                    let row = UnsafeBufferPointer(
                        rebasing: scores[
                            (query - first) * block.paddedCount..<(query - first) * block.paddedCount + block.count])
                    Self.update(&shared.states[query], row, candidates, order, calibration)
                }
            }
        }
        Threads.run(workers - 1, update) { update(0) }
        states = shared.take()
    }

    private static func update(
        _ state: inout QueryState, _ scores: UnsafeBufferPointer<Float>, _ candidates: ArraySlice<Candidate>,
        _ order: Int,
        _ calibration: ScoreCalibration?
    ) {
        let largest = cdp_maximum(scores.baseAddress, scores.count)
        if let calibration, calibration.link == .softmax {
            if largest > state.largest {
                let shift = Double(calibration.scale) * Double(state.largest - largest)
                state.sum = state.sum == 0 ? 0 : state.sum * exponential(shift)
                state.largest = largest
            }
            state.sum += cdp_sum_of_exponentials(scores.baseAddress, scores.count, calibration.scale, state.largest)
        }
        guard largest > state.top.threshold else { return }
        for (index, score) in scores.enumerated() where score > state.top.threshold {
            state.top.insert(
                .init(score: score, order: order + index, candidate: candidates[candidates.startIndex + index]))
        }
    }

    /// States that threads change, each its own.
    private final class SharedStates: @unchecked Sendable {
        let states: UnsafeMutableBufferPointer<QueryState>

        init(_ initial: [QueryState]) {
            states = .allocate(capacity: initial.count)
            _ = states.initialize(from: initial)
        }

        func take() -> [QueryState] { Array(states) }

        deinit {
            states.deinitialize()
            states.deallocate()
        }
    }
}
