/// How many rows of a batch go through an executable at once: all of them, every step over all threads, or parts that
/// workers take one after the other. Which is faster depends on the model, the batch and the machine, so it is measured
/// on the batches as they come.
///
/// The whole batch is tried first, three times at least, so that a search for the batch size compares whole batches,
/// and until it has taken a second: other ways are compiled in some hundredths of one, which a shape that comes seldom
/// is not worth. Then come an equal part for every thread, parts of a quarter of that, and so on. Every size is run
/// three times, since the first run touches its memory for the first time and other programs may disturb one; what is much
/// slower ends the search, since smaller parts rarely gain that back. Clocks are the caller's affair.
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
    private var spent = 0.0
    private let worth: Double

    /// Runs of a size, at least.
    private static let leastRuns = 3
    /// How much faster a part must be than what was tried before.
    private static let gain = 1.01
    /// How much slower ends the search: in one run, and in the better of two.
    private static let losses = [2, 1.25]

    /// For batches of `batch` rows on so many threads.
    /// - Parameter worth: seconds of whole batches before anything else is tried.
    init(batch: Int, threads: Int, worth: Double = 1) {
        self.worth = worth
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
        spent += measured
        seconds = min(seconds, measured)
        if bestSeconds == .infinity {
            guard runs >= Self.leastRuns, spent >= worth else { return }
            bestSeconds = seconds
        } else {
            let isMuchSlower = seconds > bestSeconds * Self.losses[min(runs, Self.losses.count) - 1]
            guard isMuchSlower || runs >= Self.leastRuns else { return }
            if seconds * Self.gain < bestSeconds { (best, bestSeconds) = (current, seconds) }
            if isMuchSlower { return stop() }
        }
        guard let next = rest.popFirst() else { return stop() }
        (current, runs, seconds) = (next, 0, .infinity)
    }

    /// Keeps to the fastest so far.
    mutating func stop() {
        current = best
        isFound = true
    }
}
