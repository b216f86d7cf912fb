/// Whether text looks like UTF-8 that was decoded as something else: the heuristic of ftfy 6, by Robyn Speer.
///
/// A few hundred characters occur in mojibake. Each belongs to classes, and some sequences of classes, such as a
/// lower-case accented letter before a currency sign, are far likelier in mojibake than in text.
struct MojibakeClasses: OptionSet, Sendable {
    let rawValue: UInt32

    static let common = MojibakeClasses(rawValue: 1 << 0)
    static let c1 = MojibakeClasses(rawValue: 1 << 1)
    static let bad = MojibakeClasses(rawValue: 1 << 2)
    static let law = MojibakeClasses(rawValue: 1 << 3)
    static let currency = MojibakeClasses(rawValue: 1 << 4)
    static let start = MojibakeClasses(rawValue: 1 << 5)
    static let end = MojibakeClasses(rawValue: 1 << 6)
    static let numeric = MojibakeClasses(rawValue: 1 << 7)
    static let kaomoji = MojibakeClasses(rawValue: 1 << 8)
    static let upper = MojibakeClasses(rawValue: 1 << 9)
    static let lower = MojibakeClasses(rawValue: 1 << 10)
    static let upperCommon = MojibakeClasses(rawValue: 1 << 11)
    static let lowerCommon = MojibakeClasses(rawValue: 1 << 12)
    static let box = MojibakeClasses(rawValue: 1 << 13)
    /// Characters that a code page gives for the first byte of a UTF-8 sequence of two, three or four.
    static let firstOf2 = MojibakeClasses(rawValue: 1 << 14)
    static let firstOf3 = MojibakeClasses(rawValue: 1 << 15)
    static let firstOf4 = MojibakeClasses(rawValue: 1 << 16)
    /// Characters that a code page gives for a continuation byte, and of those the ones that no text has by itself.
    static let continuation = MojibakeClasses(rawValue: 1 << 17)
    static let strictContinuation = MojibakeClasses(rawValue: 1 << 18)

    private static let table: [UInt32: MojibakeClasses] = {
        let sources: [(StaticString, MojibakeClasses)] = [
            (MojibakeTable.common, .common), (MojibakeTable.c1, .c1), (MojibakeTable.bad, .bad),
            (MojibakeTable.law, .law), (MojibakeTable.currency, .currency),
            (MojibakeTable.startPunctuation, .start), (MojibakeTable.endPunctuation, .end),
            (MojibakeTable.numeric, .numeric), (MojibakeTable.kaomoji, .kaomoji),
            (MojibakeTable.upperAccented, .upper), (MojibakeTable.lowerAccented, .lower),
            (MojibakeTable.upperCommon, .upperCommon), (MojibakeTable.lowerCommon, .lowerCommon),
            (MojibakeTable.box, .box), (MojibakeTable.utf8FirstOf2, .firstOf2),
            (MojibakeTable.utf8FirstOf3, .firstOf3), (MojibakeTable.utf8FirstOf4, .firstOf4),
            (MojibakeTable.utf8Continuation, .continuation),
            (MojibakeTable.utf8ContinuationStrict, .strictContinuation),
        ]
        var table: [UInt32: MojibakeClasses] = [:]
        for (words, classes) in sources {
            for word in TableWord.words(of: words) {
                for scalar in word.range { table[scalar, default: []].formUnion(classes) }
            }
        }
        return table
    }()

    /// The classes of each character of a text.
    static func of(_ text: [UInt32]) -> [MojibakeClasses] {
        let table = table
        return text.map { scalar in
            // No class reaches into Hangul, the ideographs or the supplementary planes.
            if scalar < 0x80 { return scalar == 0x20 ? [.continuation] : [] }
            if (0x2E80...0xF8FE).contains(scalar) || scalar > 0xFFFF { return [] }
            return table[scalar] ?? []
        }
    }

    func has(_ classes: MojibakeClasses) -> Bool { !isDisjoint(with: classes) }
}
