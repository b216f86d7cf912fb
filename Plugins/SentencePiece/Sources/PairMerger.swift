import Multimodal

/// Merges neighbouring symbols of a text, the pair that comes first each time, leftmost first.
struct PairMerger {
    struct Merge {
        /// The least goes first.
        var priority: Double
        /// The id of the piece that the two make.
        var id: Int32
    }

    private struct Entry: Comparable {
        var priority: Double
        var left: Int
        var id: Int32

        static func < (one: Entry, other: Entry) -> Bool {
            (one.priority, one.left) < (other.priority, other.left)
        }
    }

    /// A stretch of the text; the id is -1 where no piece is spelled so.
    struct Symbol {
        var id: Int32
        var range: Range<Int>
        /// Never merged.
        var isFixed = false
    }

    /// Merges until nothing is left to merge. O(n log n).
    static func merge(_ symbols: inout [Symbol], _ merge: (Symbol, Symbol) -> Merge?) {
        var next = Array(symbols.indices.map { $0 + 1 })
        var previous = symbols.indices.map { $0 - 1 }
        var isGone = [Bool](repeating: false, count: symbols.count)
        var heap = MinimumHeap<Entry>()
        func found(_ left: Int) -> Merge? {
            guard next[left] < symbols.count, !symbols[left].isFixed, !symbols[next[left]].isFixed else { return nil }
            return merge(symbols[left], symbols[next[left]])
        }
        func offer(_ left: Int) {
            guard let pair = found(left) else { return }
            heap.insert(Entry(priority: pair.priority, left: left, id: pair.id))
        }
        for left in symbols.indices { offer(left) }
        while let top = heap.removeMinimum() {
            // Entries of pairs that have changed since are stale.
            guard !isGone[top.left], let pair = found(top.left), pair.id == top.id else { continue }
            let gone = next[top.left]
            symbols[top.left].id = pair.id
            symbols[top.left].range = symbols[top.left].range.lowerBound..<symbols[gone].range.upperBound
            isGone[gone] = true
            next[top.left] = next[gone]
            if next[gone] < symbols.count { previous[next[gone]] = top.left }
            if previous[top.left] >= 0 { offer(previous[top.left]) }
            offer(top.left)
        }
        symbols = symbols.indices.compactMap { isGone[$0] ? nil : symbols[$0] }
    }
}
