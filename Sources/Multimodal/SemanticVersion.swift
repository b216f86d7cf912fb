/// A version like `1.0.0`, `2.0.0-rc.1` or `1.0.0+build`; see semver.org. Order is that of the three numbers.
struct SemanticVersion: Comparable {
    private let numbers: [Int]

    /// Nil for what is no such version.
    init?(_ text: String) {
        let (core, rest) = Self.cut(Substring(text))
        let parts = core.split(separator: ".", omittingEmptySubsequences: false)
        let numbers = parts.compactMap { Self.isNumber($0) ? Int($0) : nil }
        guard parts.count == 3, numbers.count == 3, rest.allSatisfy(Self.isSuffix) else { return nil }
        self.numbers = numbers
    }

    static func < (a: SemanticVersion, b: SemanticVersion) -> Bool {
        a.numbers.lexicographicallyPrecedes(b.numbers)
    }

    /// The three numbers, and what follows `-` and `+`.
    private static func cut(_ text: Substring) -> (Substring, rest: [Substring]) {
        let build = text.split(separator: "+", maxSplits: 1, omittingEmptySubsequences: false)
        let release = build[0].split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
        return (release[0], Array(release.dropFirst() + build.dropFirst()))
    }

    private static func isNumber(_ text: Substring) -> Bool {
        text.utf8.allSatisfy { (48...57).contains($0) } && (text == "0" || text.first.map { $0 != "0" } == true)
    }

    private static func isSuffix(_ text: Substring) -> Bool {
        text.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { part in
            !part.isEmpty
                && part.utf8.allSatisfy {
                    (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0) || $0 == 45
                }
        }
    }
}
