/// The best of what comes by, in bounded memory: a binary heap with the worst at its top.
package struct TopList<Candidate: Sendable>: Sendable {
    package struct Entry: Sendable {
        package var score: Float
        /// When it came; of equal scores, the earlier is the better.
        package var order: Int
        package var candidate: Candidate

        package init(score: Float, order: Int, candidate: Candidate) {
            self.score = score
            self.order = order
            self.candidate = candidate
        }

        func isWorse(than other: Entry) -> Bool {
            score < other.score || (score == other.score && order > other.order)
        }
    }

    private let limit: Int
    private var entries: [Entry] = []

    /// - Parameter limit: how many are kept.
    package init(limit: Int) { self.limit = limit }

    /// The score that a later one must beat to be kept.
    var threshold: Float {
        guard entries.count >= limit else { return -.infinity }
        return entries.first?.score ?? .infinity
    }

    /// Takes an entry that came after all others so far.
    package mutating func insert(_ entry: Entry) {
        if entries.count < limit {
            entries.append(entry)
            if entries.count == limit { for index in (0..<limit / 2).reversed() { sink(index) } }
        } else if let worst = entries.first, worst.isWorse(than: entry) {
            entries[0] = entry
            sink(0)
        }
    }

    /// Best first.
    package func sorted() -> [Entry] { entries.sorted { $1.isWorse(than: $0) } }

    private mutating func sink(_ start: Int) {
        var index = start
        while true {
            var worst = index
            for child in [2 * index + 1, 2 * index + 2] where child < entries.count {
                if entries[child].isWorse(than: entries[worst]) { worst = child }
            }
            if worst == index { return }
            entries.swapAt(index, worst)
            index = worst
        }
    }
}
