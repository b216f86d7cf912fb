import Multimodal

/// Texts as people write them, in many scripts, and as nobody does: what a tokenizer has to take without ever giving
/// start, end or pad for it.
enum OrdinaryTexts {
    /// By what they are for. Seeded: the same each time.
    /// - Parameter scale: about how many bytes the generated ones have together.
    static func all(scale: Int) -> [(name: String, text: String)] {
        fixed + spelled + words(scale / 2) + scalars(scale / 4) + scripts.flatMap(sentences)
    }

    static let fixed: [(name: String, text: String)] = [
        ("empty", ""), ("a space", " "), ("white space", " \t\r\n\u{B}\u{C}\u{85}\u{A0}\u{2028}\u{3000}"),
        ("words", "A photo of a dog."), ("case", "ÀÉÎ İıſẞ ΣΑΣ"),
        ("control characters", String(String.UnicodeScalarView((0..<32).compactMap { Unicode.Scalar($0) }))),
        ("NUL within", "a\u{0}b"), ("lone combining marks", "\u{301}\u{302}\u{20DD}"),
        ("composed and not", "é e\u{301} 각 \u{1100}\u{1161}\u{11A8}"),
        ("many marks", "z" + String(repeating: "\u{301}", count: 300)),
        ("emoji", "👩🏽‍🚀👨‍👩‍👧‍👦🇩🇪🏴󠁧󠁢󠁳󠁣󠁴󠁿❤️"), ("directions", "שלום עליכם \u{202E}abc\u{202C} مرحبا"),
        ("scripts", "日本語 한국어 ไทย हिन्दी ქართული አማርኛ"),
        ("private and unassigned", "\u{E000}\u{10FFFF}\u{378}\u{FFFE}"),
        ("replacement and mark", "\u{FFFD}\u{FEFF}x"), ("punctuation", "!!!...'''\"\"#$%&()*+,-/:;=?@[]^_`{|}~\\"),
        ("digits", "1234567890 3.14 ½ ² ٣ ④"), ("quotes", "it's we're I'LL don’t"),
        ("markup", "<b>bold</b> &amp;&lt;&#39; </w> <br/>"),
        ("English", commonWords.joined(separator: " ")),
        ("languages", sentencesOfPeople.joined(separator: "\n")),
        ("numbers", (0..<1000).map(String.init).joined(separator: " ")),
    ]

    /// As some tokenizers spell their special ids; ordinary to all others.
    private static let spelled: [(name: String, text: String)] = [
        "<|endoftext|>", "<|startoftext|>", "<end_of_text>", "<start_of_text>", "</s>", "<s>", "<pad>", "<unk>",
        "<eos>",
        "<bos>", "[CLS]", "[SEP]", "[PAD]", "[UNK]", "[MASK]", "<mask>", "<|im_end|>", "<|pad|>", "<start_of_turn>",
    ].flatMap { [("'\($0)' spelled", $0), ("'\($0)' spelled within", "a cat \($0)\($0.uppercased())x")] }

    /// Every string of one and two small letters, at a word's end and before another letter, and as many of three and
    /// four as `bytes` hold, and common words with endings: what merges of byte pairs are made of. Of CLIP's first 2,000 ids they reach three in four.
    private static func words(_ bytes: Int) -> [(name: String, text: String)] {
        let letters = "abcdefghijklmnopqrstuvwxyz".map(String.init)
        let vowels = "aeiou".map(String.init)
        let consonants = "bcdfghklmnprstvw".map(String.init)
        func product(_ sets: [String]...) -> [String] {
            sets.reduce([""]) { words, letters in words.flatMap { word in letters.map { word + $0 } } }
        }
        let pairs = product(letters, letters)
        let triples = product(letters, letters, letters)
        let syllables =
            product(consonants, vowels, consonants, vowels) + product(consonants, vowels, consonants, consonants)
            + product(consonants, consonants, vowels, consonants) + product(vowels, consonants, vowels, consonants)
            + product(consonants, vowels, vowels, consonants)
        // Nothing begins with "q" but with a "u" behind it, so what stands before is a piece of its own.
        let many = triples + triples.map { $0 + "q" } + syllables
        let step = max(1, many.count * 5 / max(bytes, 1))
        let all =
            commonWords.flatMap { word in endings.map { word + $0 } } + letters + letters.map { $0.uppercased() }
            + pairs + pairs.map { $0 + "q" }
            + stride(from: 0, to: many.count, by: step).map { many[$0] }
        return chunks(all, of: 128).map { ("words and syllables", $0.joined(separator: " ")) }
    }

    /// Characters of the basic plane and emoji, as many as `bytes` hold.
    private static func scalars(_ bytes: Int) -> [(name: String, text: String)] {
        let codes = Array(0x20..<0xD800) + Array(0xF900..<0xFFFE) + Array(0x1F000..<0x1FB00)
        let step = max(1, codes.count * 3 / max(bytes, 1))
        let scalars = stride(from: 0, to: codes.count, by: step).compactMap { Unicode.Scalar(UInt32(codes[$0])) }
        return chunks(scalars.filter { $0 != "<" }, of: 256).flatMap { chunk in
            [
                ("characters", chunk.map(String.init).joined()),
                ("characters apart", chunk.map(String.init).joined(separator: " ")),
            ]
        }
    }

    /// Words of random letters of one script.
    private static func sentences(_ script: (name: String, letters: ClosedRange<UInt32>)) -> [(
        name: String, text: String
    )] {
        var random = SeededGenerator(seed: 0, stream: script.name)
        let letters = script.letters.compactMap(Unicode.Scalar.init)
        let words = (0..<40).map { _ in
            String(
                String.UnicodeScalarView(
                    (0..<1 + Int(random.next() % 7)).map { _ in letters[Int(random.next() % UInt64(letters.count))] }))
        }
        return [(script.name, words.joined(separator: " "))]
    }

    private static let scripts: [(name: String, letters: ClosedRange<UInt32>)] = [
        ("Latin", 0xC0...0x24F), ("Greek", 0x391...0x3C9), ("Cyrillic", 0x410...0x45F), ("Armenian", 0x561...0x586),
        ("Hebrew", 0x5D0...0x5EA), ("Arabic", 0x627...0x64A), ("Devanagari", 0x904...0x939),
        ("Bengali", 0x985...0x9B9), ("Tamil", 0xB85...0xBB9), ("Thai", 0xE01...0xE2E), ("Tibetan", 0xF40...0xF6C),
        ("Georgian", 0x10D0...0x10F0), ("Ethiopic", 0x1200...0x135A), ("Khmer", 0x1780...0x17B3),
        ("kana", 0x3041...0x30FA), ("Han", 0x4E00...0x9FA5), ("Hangul", 0xAC00...0xD7A3),
        ("mathematics", 0x2200...0x22FF), ("arrows and boxes", 0x2190...0x25FF), ("emoji of faces", 0x1F600...0x1F64F),
        ("emoji of things", 0x1F300...0x1F5FF), ("private", 0xE000...0xE0FF), ("tags", 0xE0020...0xE007F),
    ]

    private static func chunks<T>(_ elements: [T], of size: Int) -> [ArraySlice<T>] {
        stride(from: 0, to: elements.count, by: size).map { elements[$0..<min($0 + size, elements.count)] }
    }

    private static let commonWords = """
        the of and to in is that for it as was with be by on not he his but at are this have from or had an they which one \
        you were all her she there would their we him been has when who will no more if out so up said what its about than \
        into them can only other time new some could these two may first then do any like my now over such our man me even \
        most made after also did many off before must well back through years much where your way down should because long \
        each just state those people too mr how little good world make very year still see own work men day get here old \
        life both between being under three never know same last another while us might great go come since against came \
        right used take himself few house use during without again place around however home small found thought went say \
        part once general high upon school every don't does got united left number course war until always away something \
        fact water less public put think almost hand enough far took head yet better set told nothing night end why didn't \
        photo picture image painting drawing sketch close-up portrait landscape street city beach mountain river forest sky \
        cloud sun moon star snow rain tree flower grass leaf dog cat horse cow sheep bird fish bear elephant zebra giraffe \
        lion tiger monkey rabbit mouse snake frog car bus train truck bicycle motorcycle airplane boat ship bridge road \
        building tower church castle kitchen bedroom table chair sofa bed lamp window door cup bottle glass plate bowl fork \
        knife spoon apple banana orange pizza cake bread cheese meat salad soup coffee tea wine beer red green blue yellow \
        black white gray brown pink purple woman child baby boy girl group crowd person face eye hair smile dress shirt hat \
        shoes bag umbrella ball game player team sport tennis football baseball basketball surfing skiing skateboard kite \
        computer phone screen keyboard camera book newspaper clock watch sign flag map chart art wall floor roof garden
        """.split { $0 == " " || $0 == "\n" }.map(String.init)

    private static let endings = ["s", "es", "ed", "er", "ing", "ly", "y", "man", "ion"]

    private static let sentencesOfPeople = [
        "Ein Hund läuft über eine grüne Wiese.", "Un chat noir dort sur le canapé près de la fenêtre.",
        "Una niña pequeña sostiene un globo rojo.", "Un uomo va in bicicletta lungo il fiume.",
        "Dois cavalos correm na praia.", "Een oude molen bij het water.", "En båt på sjön i solnedgången.",
        "Dwa ptaki siedzą na gałęzi.", "Кошка сидит на окне и смотрит на улицу.", "Η θάλασσα είναι γαλάζια σήμερα.",
        "Bir kedi masanın üstünde uyuyor.", "Một con chó đang chạy trên bãi biển.", "一只猫坐在窗台上。",
        "赤い車が道を走っています。", "빨간 사과가 탁자 위에 있다.", "قطة تنام على الأريكة.", "ילד משחק בכדור.",
        "बच्चा पार्क में खेल रहा है।", "แมวดำนอนอยู่บนโซฟา", "Kucing hitam tidur di atas kursi.",
    ]
}
