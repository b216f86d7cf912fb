public import Multimodal
import Synchronization

/// What every tokenizer promises, whatever its vocabulary: ids in range, the same ids each time and on every thread, no
/// text that it cannot take, start and end once and in their places, what is cut told; and start, end and pad for nothing
/// that a text says, but for the spellings that it names (`specialSpellings`, `padIsOrdinary`).
///
///     let report = TokenizerConformance.run(tokenizer)
///     #expect(report.hasPassed, "\(report)")
///
/// The texts are generated: many scripts, emoji, controls, words of three letters, and, where the tokenizer knows them
/// (`text(of:)`), the text of every id.
public enum TokenizerConformance {
    /// - Parameter longText: UTF-8 bytes of the longest texts, and of the generated ones together: prose of that length, and
    ///   a sixteenth of it as one word, over which a merge loop of quadratic cost would take minutes.
    public static func run(_ tokenizer: any Tokenizer, longText: Int = 1 << 20) -> ConformanceReport {
        var report = ConformanceReport()
        let size = Int32(clamping: tokenizer.vocabularySize)
        report.expect(size > 0, "tokenizer.vocabulary", "the vocabulary is empty")
        for (name, id) in tokenizer.specials.named {
            report.expect(
                0 <= id && id < size, "tokenizer.special", "the \(name) token \(id) is outside of 0..<\(size)")
        }
        report.expect(
            tokenizer.startToken != tokenizer.endToken, "tokenizer.special", "start and end are the same id")
        report.expect(!tokenizer.digest.isEmpty, "tokenizer.digest", "the digest is empty")
        report.expect(tokenizer.digest == tokenizer.digest, "tokenizer.digest", "the digest changes")

        let texts = OrdinaryTexts.all(scale: longText) + long(longText)
        let ids = texts.map { tokenizer.encode($0.text) }
        for ((name, text), ids) in zip(texts, ids) {
            report.expect(
                ids.allSatisfy { 0 <= $0 && $0 < size }, "tokenizer.range",
                "\(name): the id \(ids.first { $0 < 0 || $0 >= size } ?? 0) is outside of 0..<\(size)")
            ordinary(tokenizer, name, text, ids, &report)
        }
        for (name, text) in OrdinaryTexts.fixed + long(longText) {
            let count = tokenizer.encode(text).count
            for length in [2, 3, 8, 77, 1 << 24] { checkLength(tokenizer, name, text, count, length, &report) }
        }
        repetition(tokenizer, texts, ids, &report)
        vocabulary(tokenizer, size, &report)
        let (one, other) = (tokenizer.encode("a red circle"), tokenizer.encode("two blue squares"))
        report.expect(one != other && !one.isEmpty, "tokenizer.meaning", "different texts give the same ids")
        return report
    }

    /// No special id stands for anything that a text says.
    private static func ordinary(
        _ tokenizer: any Tokenizer, _ name: String, _ text: String, _ ids: [Int32], _ report: inout ConformanceReport
    ) {
        let specials = tokenizer.specials
        guard !tokenizer.isSpelled(text), let id = ids.first(where: specials.contains) else {
            return report.record("tokenizer.ordinary", nil)
        }
        // The word that it is, for people.
        let word = text.split(separator: " ").first {
            !tokenizer.isSpelled(String($0)) && tokenizer.encode(String($0)).contains(id)
        }
        let part = (word ?? text[...]).prefix(40)
        let remedy =
            name.hasSuffix("spelled") || name.hasSuffix("spelled within")
            ? "name the spelling in `specialSpellings` if that is meant" : "give it an id of its own"
        report.expect(
            false, "tokenizer.ordinary",
            "\(name): \(String(part).debugDescription) gives \(id), the \(specials.name(id)) token; \(remedy)")
    }

    private static func checkLength(
        _ tokenizer: any Tokenizer, _ name: String, _ text: String, _ count: Int, _ length: Int,
        _ report: inout ConformanceReport
    ) {
        let found = tokenizer.tokenize(text, contextLength: length)
        let around = tokenizer.startToken == nil ? 1 : 2
        let expected = min(count + around, length)
        report.expect(
            found.ids.count == expected, "tokenizer.length",
            "\(name): \(found.ids.count) ids, not \(expected), of \(length)")
        report.expect(
            found.truncated == max(0, count + around - length), "tokenizer.truncation",
            "\(name): \(found.truncated) ids told as left out, \(max(0, count + around - length)) were")
        report.expect(
            found.ids.last == tokenizer.endToken, "tokenizer.end", "\(name): the end token is not the last of \(length)"
        )
        report.expect(
            tokenizer.startToken == nil || found.ids.first == tokenizer.startToken, "tokenizer.start",
            "\(name): the start token is not the first of \(length)")
        guard !tokenizer.isSpelled(text) else { return }
        let inside = found.ids.dropFirst(around - 1).dropLast()
        let specials = tokenizer.specials
        report.expect(
            !inside.contains(where: specials.contains), "tokenizer.inside",
            "\(name): the \(inside.first(where: specials.contains).map(specials.name) ?? "") token stands inside of the text"
        )
    }

    /// The same ids a second time, in another order, on several threads at once.
    private static func repetition(
        _ tokenizer: any Tokenizer, _ texts: [(name: String, text: String)], _ expected: [[Int32]],
        _ report: inout ConformanceReport
    ) {
        for ((name, text), ids) in zip(texts, expected).reversed() {
            report.expect(
                tokenizer.encode(text) == ids, "tokenizer.determinism", "\(name): ids differ from call to call")
        }
        let short = texts.indices.filter { texts[$0].text.utf8.count < 1 << 12 }
        let wrong = Mutex<Set<String>>([])
        Threads.run(
            3,
            { thread in
                for index in thread.isMultiple(of: 2) ? short : short.reversed()
                where tokenizer.encode(texts[index].text) != expected[index] {
                    wrong.withLock { _ = $0.insert(texts[index].name) }
                }
            }, meanwhile: {})
        let names = wrong.withLock { $0.sorted() }
        report.expect(
            names.isEmpty, "tokenizer.concurrency",
            "several threads at once: other ids for \(names.prefix(4).joined(separator: ", "))")
    }

    /// Most ids whose text is asked for.
    private static let mostPieces = 20_000

    /// The text of every id, as far as the tokenizer knows them.
    private static func vocabulary(_ tokenizer: any Tokenizer, _ size: Int32, _ report: inout ConformanceReport) {
        let step = max(1, Int(size) / mostPieces)
        let specials = tokenizer.specials
        let ids = Set(stride(from: 0, to: Int(max(size, 0)), by: step).map { Int32($0) } + specials.named.map(\.id))
        for id in ids.sorted() {
            guard let text = tokenizer.text(of: id) else { continue }
            ordinary(tokenizer, "the text of id \(id)", text, tokenizer.encode(text), &report)
        }
    }

    private static func long(_ bytes: Int) -> [(name: String, text: String)] {
        [
            ("long prose", String(repeating: "the quick brown fox jumps, ", count: bytes / 27)),
            ("a long word", String(repeating: "abcdefg", count: bytes / 16 / 7)),
            ("long emoji", String(repeating: "👩🏽‍🚀", count: bytes / 16 / 15)),
        ]
    }
}

/// The ids that frame and fill texts.
private struct SpecialIDs {
    var named: [(name: String, id: Int32)]
    /// Those that no text may give.
    var reserved: Set<Int32>

    func contains(_ id: Int32) -> Bool { reserved.contains(id) }

    func name(_ id: Int32) -> String { named.first { $0.id == id }?.name ?? "special" }
}

extension Tokenizer {
    fileprivate var specials: SpecialIDs {
        let named = [("start", startToken), ("end", endToken), ("pad", padToken)]
            .compactMap { name, id in id.map { (name: name, id: $0) } }
        var reserved = Set(named.map(\.id))
        if padIsOrdinary, padToken != endToken, padToken != startToken { reserved.remove(padToken) }
        return SpecialIDs(named: named, reserved: reserved)
    }

    /// Whether a text holds a spelling that gives a special id on purpose, in any case and with HTML's marks.
    fileprivate func isSpelled(_ text: String) -> Bool {
        let plain = text.lowercased().replacing("&lt;", with: "<").replacing("&gt;", with: ">")
        return specialSpellings.contains { !$0.isEmpty && plain.contains($0.lowercased()) }
    }
}
