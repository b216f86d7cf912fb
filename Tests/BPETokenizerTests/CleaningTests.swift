import BPETokenizer
import Multimodal
import Testing

@Suite("Cleaning")
struct CleaningTests {
    private func clean(_ text: String, _ cleaning: TextCleaning = .whitespace) -> String {
        String(decoding: cleaning.cleaned(Array(text.utf8)), as: UTF8.self)
    }

    /// Scalars, since `==` of strings holds composed and decomposed text for the same.
    private func scalars(_ text: String) -> [UInt32] { text.unicodeScalars.map(\.value) }

    @Test(
        "mojibake is undone",
        arguments: [
            ("âœ” No problems", "✔ No problems"), ("sÃ³", "só"), ("voilÃ  le travail", "voilà le travail"),
            ("Ã la mode", "à la mode"), ("l’humanitÃ©", "l'humanité"), ("ÐŸÑ€Ð¸Ð²ÐµÑ‚", "Привет"),
            ("â€œ like this â€\u{FFFD}", "\" like this \u{FFFD}"), ("doesnâ€™t", "doesn't"),
            ("1980 â€“ 1990", "1980 – 1990"),
            ("Ãƒâ€šÃ‚Â£10", "£10"),
        ])
    func mojibake(_ broken: String, _ whole: String) { #expect(clean(broken) == whole) }

    @Test(
        "text that only looks odd is left alone",
        arguments: [
            "naïve café", "¿Qué?", "Ångström Å", "ОБЪЯВЛЕНИЕ «Вася»", "5 × 3² = 45", "㊗ ½ ①", "Σ’αγαπώ".replacingQuote,
        ])
    func innocent(_ text: String) { #expect(clean(text) == text) }

    @Test(
        "entities are read as HTML has them",
        arguments: [
            ("&amp;lt;", "<"), ("P&EACUTE;REZ", "PÉREZ"), ("&notit;", "¬it;"), ("&#x80;&#150;", "€–"),
            ("&#xD800;", "\u{FFFD}"),
            ("&unknown; & &#; &", "&unknown; & &#; &"), ("a &lt b", "a < b"), ("&#0000000000000000000000000065;", "A"),
        ])
    func entities(_ text: String, _ read: String) { #expect(clean(text) == read) }

    @Test(
        "characters take their usual form",
        arguments: [
            ("ﬂuﬃest", "fluffiest"), ("ＬＯＵＤ　ＮＯＩＳＥＳ", "LOUD NOISES"), ("“it’s”", "\"it's\""),
            ("\u{1B}[36;44mblue\u{1B}[0m", "blue"), ("a\u{0}b\u{7F}c\u{FEFF}", "abc"), ("Ｕﾀｰﾝ", "Uターン"),
        ])
    func characters(_ text: String, _ usual: String) { #expect(clean(text) == usual) }

    @Test("canonical composition follows Unicode")
    func composition() {
        let cases: [(String, [UInt32])] = [
            ("e\u{301}", [0xE9]), ("a\u{308}\u{323}", [0x1EA1, 0x308]), ("\u{1100}\u{1161}\u{11A8}", [0xAC01]),
            ("\u{212B}", [0xC5]), ("\u{958}", [0x915, 0x93C]),
            ("\u{1100}\u{1161}\u{301}\u{11A8}", [0xAC00, 0x301, 0x11A8]),
            ("\u{344}", [0x308, 0x301]), ("\u{1E9B}\u{323}", [0x1E9B, 0x323]),
        ]
        for (text, expected) in cases { #expect(scalars(clean(text)) == expected) }
    }

    @Test("lower case knows the final sigma and the dotted I")
    func lowerCase() {
        #expect(clean("ΟΔΟΣ ΟΔΟΣ. ΣΑ Σ", .openai) == "οδος οδος. σα σ")
        #expect(scalars(clean("İ", .openai)) == [0x69, 0x307])
        #expect(clean("ΟΔΟΣ", .transformers) == "οδοσ")
    }

    @Test("each kind of cleaning does its part and no more")
    func kinds() {
        let text = " It’s &amp;\u{A0} A_b! "
        #expect(clean(text, .openai) == "it's & a_b!")
        #expect(clean(text, .whitespace) == "It's & A_b!")
        #expect(clean(text, .canonicalize) == "its a b")
        #expect(clean(text, .transformers) == " it’s &amp; a_b! ")
        #expect(clean(text, .none) == text)
    }
}

extension String {
    /// Without curly quotes, which cleaning always straightens.
    fileprivate var replacingQuote: String { String(map { $0 == "’" ? "'" : $0 }) }
}
