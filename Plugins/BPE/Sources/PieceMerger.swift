import Multimodal

/// Merges the symbols of one piece, always the pair whose merge comes first in the table, leftmost first.
///
/// This is byte-pair encoding as in Sennrich et al. 2016 (arXiv:1508.07909). A symbol exists only after the merge that
/// makes it, so that merging leaves no pair of an earlier merge behind.
struct PieceMerger {
    /// Longer pieces go through a heap: O(n log n), where scanning for the best pair each time is O(n²).
    private static let longestScan = 64

    private var symbols: [UInt32] = []
    /// What each symbol and the next one alive merge into; `none` for nothing.
    private var merged: [UInt32] = []
    private static let none = UInt32.max

    /// Appends the ids of `bytes[range]`, whose last byte ends a word.
    mutating func encode(_ bytes: Span<UInt8>, _ range: Range<Int>, with table: MergeTable, into ids: inout [Int32]) {
        guard !range.isEmpty else { return }
        symbols.removeAll(keepingCapacity: true)
        for index in range { symbols.append(ByteAlphabet.ids[Int(bytes[index])]) }
        symbols[symbols.count - 1] += 256
        merged.removeAll(keepingCapacity: true)
        for index in symbols.indices.dropLast() {
            merged.append(table.pairs[symbols[index], symbols[index + 1]] ?? Self.none)
        }
        merged.append(Self.none)
        if symbols.count <= Self.longestScan { mergeByScan(table) } else { mergeByHeap(table) }
        guard let published = table.published else {
            for symbol in symbols { ids.append(Int32(truncatingIfNeeded: symbol)) }
            return
        }
        for symbol in symbols {
            if let id = published.ids[Int(symbol)] { ids.append(id) }
        }
    }

    private mutating func mergeByScan(_ table: MergeTable) {
        while true {
            var best = 0
            for index in merged.indices where merged[index] < merged[best] { best = index }
            guard merged[best] != Self.none else { return }
            symbols[best] = merged[best]
            symbols.remove(at: best + 1)
            merged.remove(at: best)
            merged[best] =
                best + 1 < symbols.count ? table.pairs[symbols[best], symbols[best + 1]] ?? Self.none : Self.none
            if best > 0 { merged[best - 1] = table.pairs[symbols[best - 1], symbols[best]] ?? Self.none }
        }
    }

    private mutating func mergeByHeap(_ table: MergeTable) {
        var next = Array(1...symbols.count)
        var previous = Array(-1..<(symbols.count - 1))
        var heap = MinimumHeap<UInt64>()
        func key(_ merged: UInt32, _ index: Int) -> UInt64 {
            UInt64(merged) << 32 | UInt64(UInt32(truncatingIfNeeded: index))
        }
        for index in merged.indices where merged[index] != Self.none { heap.insert(key(merged[index], index)) }
        while let top = heap.removeMinimum() {
            let index = Int(top & 0xFFFF_FFFF)
            // Entries of pairs that have changed since are stale.
            guard merged[index] == UInt32(top >> 32) else { continue }
            let gone = next[index]
            symbols[index] = merged[index]
            merged[gone] = Self.none
            symbols[gone] = Self.none
            next[index] = next[gone]
            if next[index] < symbols.count { previous[next[index]] = index }
            for (left, right) in [(previous[index], index), (index, next[index])] where left >= 0 {
                merged[left] =
                    right < symbols.count ? table.pairs[symbols[left], symbols[right]] ?? Self.none : Self.none
                if merged[left] != Self.none { heap.insert(key(merged[left], left)) }
            }
        }
        symbols.removeAll { $0 == Self.none }
    }
}
