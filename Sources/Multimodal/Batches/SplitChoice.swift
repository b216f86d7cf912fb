/// How many rows of a batch go through an executable at once: all of them, every step over all threads, or parts that
/// workers take one after the other. Which is faster depends on the model, the batch and the machine, so it is measured
/// on the batches as they come.
///
/// The whole batch is tried first, and three times: a shape that comes seldom is not worth more executables, and a search
/// for the batch size compares whole batches. Then come an equal part for every thread, and parts of a quarter of that, and
/// so on. Every size is measured twice, since other programs may disturb one run, unless the first already says that it is
/// much slower; smaller ones are not tried then. Clocks are the caller's affair.
struct SplitChoice {
    /// Rows at once in the next run.
    private(set) var current: Int
    /// The fastest so far.
    private(set) var best: Int
    /// Whether nothing is left to try.
    private(set) var isFound: Bool
    private var rest: ArraySlice<Int>
    private var runs = 0
    private var seconds = Double.infinity
    private var bestSeconds = Double.infinity

    /// Runs of the whole batch before anything else is tried.
    private static let wholeRuns = 3
    private static let otherRuns = 2
    /// How much faster a part must be than what was tried before.
    private static let gain = 1.02
    /// How much slower ends the search.
    private static let loss = 1.25

    /// For batches of `batch` rows on so many threads.
    init(batch: Int, threads: Int) {
        current = batch
        best = batch
        rest = Self.parts(batch: batch, threads: threads)[...]
        isFound = rest.isEmpty
    }

    /// Rows of the parts that are worth a trial, the largest first.
    static func parts(batch: Int, threads: Int) -> [Int] {
        guard batch > 1 else { return [] }
        let workers = min(max(threads, 1), batch)
        var rows = (batch + workers - 1) / workers
        if workers == 1 { rows = max(1, rows / 4) }
        var parts: [Int] = []
        while rows >= 1 {
            parts.append(rows)
            rows /= 4
        }
        return parts
    }

    /// Takes note of what a run of `current` took.
    mutating func record(seconds measured: Double) {
        guard !isFound else { return }
        runs += 1
        seconds = min(seconds, measured)
        let isMuchSlower = seconds > bestSeconds * Self.loss
        let isWhole = bestSeconds == .infinity
        guard isMuchSlower || runs >= (isWhole ? Self.wholeRuns : Self.otherRuns) else { return }
        if isWhole || seconds * Self.gain < bestSeconds { (best, bestSeconds) = (current, seconds) }
        guard !isMuchSlower, let next = rest.popFirst() else { return stop() }
        (current, runs, seconds) = (next, 0, .infinity)
    }

    /// Keeps to the fastest so far: for what is tried now, memory is too short.
    mutating func stop() {
        current = best
        isFound = true
    }
}
