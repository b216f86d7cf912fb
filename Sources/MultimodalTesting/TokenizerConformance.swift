public import Multimodal

/// What every tokenizer promises, whatever its vocabulary: ids in range, the same ids each time, no text it cannot
/// take.
public enum TokenizerConformance {
    /// - Parameter longText: UTF-8 bytes of the longest texts: prose of that length, and a sixteenth of it as one word,
    ///   over which a merge loop of quadratic cost would take minutes.
    public static func run(_ tokenizer: any Tokenizer, longText: Int = 1 << 20) -> ConformanceReport {
        var report = ConformanceReport()
        let size = Int32(clamping: tokenizer.vocabularySize)
        report.expect(size > 0, "tokenizer.vocabulary", "the vocabulary is empty")
        let special = [tokenizer.startToken, tokenizer.endToken, tokenizer.padToken].compactMap { $0 }
        for id in special {
            report.expect(0 <= id && id < size, "tokenizer.special", "token \(id) is outside of 0..<\(size)")
        }
        report.expect(!tokenizer.digest.isEmpty, "tokenizer.digest", "the digest is empty")
        report.expect(tokenizer.digest == tokenizer.digest, "tokenizer.digest", "the digest changes")

        for (name, text) in texts + long(longText) {
            let ids = tokenizer.encode(text)
            report.expect(
                ids.allSatisfy { 0 <= $0 && $0 < size }, "tokenizer.range", "\(name): an id is outside of 0..<\(size)")
            report.expect(
                tokenizer.encode(text) == ids, "tokenizer.determinism", "\(name): ids differ from call to call")
            for length in [2, 3, 8, 77] { checkLength(tokenizer, name, text, ids.count, length, &report) }
        }
        let (one, other) = (tokenizer.encode("a red circle"), tokenizer.encode("two blue squares"))
        report.expect(one != other && !one.isEmpty, "tokenizer.meaning", "different texts give the same ids")
        return report
    }

    private static func checkLength(
        _ tokenizer: any Tokenizer, _ name: String, _ text: String, _ count: Int, _ length: Int,
        _ report: inout ConformanceReport
    ) {
        let text = tokenizer.tokenize(text, contextLength: length)
        let specials = tokenizer.startToken == nil ? 1 : 2
        let expected = min(count + specials, length)
        report.expect(
            text.ids.count == expected, "tokenizer.length",
            "\(name): \(text.ids.count) ids, not \(expected), of \(length)")
        report.expect(
            text.truncated == max(0, count + specials - length), "tokenizer.truncation",
            "\(name): \(text.truncated) tokens told as left out, \(max(0, count + specials - length)) were")
        report.expect(text.ids.last == tokenizer.endToken, "tokenizer.end", "\(name): the end token is cut off")
        report.expect(
            tokenizer.startToken == nil || text.ids.first == tokenizer.startToken, "tokenizer.start",
            "\(name): the start token is missing")
    }

    private static let texts: [(String, String)] = [
        ("empty", ""), ("a space", " "), ("white space", " \t\r\n\u{B}\u{C}\u{85}\u{A0}\u{2028}\u{3000}"),
        ("words", "A photo of a dog."), ("case", "ÀÉÎ İıſẞ ΣΑΣ"),
        ("control characters", String(String.UnicodeScalarView((0..<32).compactMap { Unicode.Scalar($0) }))),
        ("NUL within", "a\u{0}b"), ("lone combining marks", "\u{301}\u{302}\u{20DD}"),
        ("composed and not", "é e\u{301} 각 \u{1100}\u{1161}\u{11A8}"),
        ("many marks", "z" + String(repeating: "\u{301}", count: 300)),
        ("emoji", "👩🏽‍🚀👨‍👩‍👧‍👦🇩🇪🏴󠁧󠁢󠁳󠁣󠁴󠁿❤️"), ("directions", "שלום עליכם \u{202E}abc\u{202C} مرحبا"),
        ("scripts", "日本語 한국어 ไทย हिन्दी ქართული አማርኛ"), ("private and unassigned", "\u{E000}\u{10FFFF}\u{378}\u{FFFE}"),
        ("replacement and mark", "\u{FFFD}\u{FEFF}x"), ("punctuation", "!!!...'''\"\"<|endoftext|></w>&amp;&lt;"),
        ("digits", "1234567890 3.14 ½ ² ٣ ④"), ("quotes", "it's we're I'LL don’t"),
    ]

    private static func long(_ bytes: Int) -> [(String, String)] {
        [
            ("long prose", String(repeating: "the quick brown fox jumps, ", count: bytes / 27)),
            ("a long word", String(repeating: "abcdefg", count: bytes / 16 / 7)),
            ("long emoji", String(repeating: "👩🏽‍🚀", count: bytes / 16 / 15)),
        ]
    }
}
