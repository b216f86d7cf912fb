/// Finds the name that was probably meant.
public enum NearestName {
    /// The candidate nearest to `name`, or nil when none is near enough to be a likely typo: at most one edit for every
    /// three characters (at least one), letter case not counted. Of equally near ones, the first.
    public static func of(_ name: String, among candidates: some Sequence<String>) -> String? {
        let wanted = Array(name.lowercased().unicodeScalars.prefix(200))
        var best: (name: String, distance: Int)?
        for candidate in candidates {
            let other = Array(candidate.lowercased().unicodeScalars.prefix(200))
            let limit = max(1, max(wanted.count, other.count) / 3)
            let distance = distance(wanted, other)
            if distance <= limit, distance < max(wanted.count, other.count), distance < best?.distance ?? .max {
                best = (candidate, distance)
            }
        }
        return best?.name
    }

    /// "did you mean 'x'?" when some candidate is near, else "use one of a, b, c", else empty.
    public static func remedy(for name: String, among candidates: [String]) -> String {
        if let near = of(name, among: candidates) { return "did you mean '\(near)'?" }
        return candidates.isEmpty ? "" : "use one of " + candidates.prefix(40).joined(separator: ", ")
    }

    /// Damerau-Levenshtein distance (optimal string alignment): insertions, deletions, replacements and swaps of
    /// neighbours. Time and memory grow with the product of the lengths.
    static func distance(_ a: [Unicode.Scalar], _ b: [Unicode.Scalar]) -> Int {
        if a.isEmpty || b.isEmpty { return max(a.count, b.count) }
        var rows = [Array(0...b.count)]
        for i in 1...a.count {
            var row = [i]
            for j in 1...b.count {
                let change = rows[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)
                var least = min(rows[i - 1][j] + 1, row[j - 1] + 1, change)
                if i > 1, j > 1, a[i - 1] == b[j - 2], a[i - 2] == b[j - 1] {
                    least = min(least, rows[i - 2][j - 2] + 1)
                }
                row.append(least)
            }
            rows.append(row)
        }
        return rows[a.count][b.count]
    }
}
