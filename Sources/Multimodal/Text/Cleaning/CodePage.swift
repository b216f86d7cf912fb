/// A single-byte encoding that mojibake passes through, as ftfy reads it.
///
/// The "sloppy" ones read an unassigned byte as the control of its number, and write U+FFFD as byte 1A, so that text
/// that has lost characters can still be repaired around them.
struct CodePage: Sendable {
    /// Whether a space may be a lost A0. Not in Mac Roman, where an en dash before a space would look like one.
    let mayLoseA0: Bool
    let isSloppy: Bool
    /// What the bytes 80...FF mean.
    private let scalars: [UInt32]
    private let bytes: [UInt32: UInt8]

    private init(_ table: StaticString?, isSloppy: Bool = false, mayLoseA0: Bool = true) {
        var scalars = Array(UInt32(0x80)...0xFF)
        for word in table.map(TableWord.words) ?? [] {
            guard let scalar = word.scalars.first, (0x80...0xFF).contains(word.number) else { continue }
            scalars[Int(word.number) - 0x80] = scalar
        }
        var bytes: [UInt32: UInt8] = [:]
        for (index, scalar) in scalars.enumerated() { bytes[scalar] = UInt8(index + 0x80) }
        if isSloppy { bytes[0xFFFD] = 0x1A }
        self.mayLoseA0 = mayLoseA0
        self.isSloppy = isSloppy
        self.scalars = scalars
        self.bytes = bytes
    }

    static let windows1252 = CodePage(CodePageTable.windows1252, isSloppy: true)

    /// In the order in which they are tried.
    static let all: [CodePage] = [
        CodePage(nil),
        windows1252,
        CodePage(CodePageTable.windows1251, isSloppy: true),
        CodePage(CodePageTable.windows1250, isSloppy: true),
        CodePage(CodePageTable.windows1253, isSloppy: true),
        CodePage(CodePageTable.windows1254, isSloppy: true),
        CodePage(CodePageTable.windows1257, isSloppy: true),
        CodePage(CodePageTable.iso88592),
        CodePage(CodePageTable.macroman, mayLoseA0: false),
        CodePage(CodePageTable.cp437),
    ]

    func scalar(_ byte: UInt8) -> UInt32 { byte < 0x80 ? UInt32(byte) : scalars[Int(byte) - 0x80] }

    /// The bytes that mean this text, or nil where a character has none.
    func encoded(_ text: [UInt32]) -> [UInt8]? {
        var result: [UInt8] = []
        result.reserveCapacity(text.count)
        for scalar in text {
            if scalar < 0x80 {
                if isSloppy, scalar == 0x1A { return nil }
                result.append(UInt8(scalar))
            } else if let byte = bytes[scalar] {
                result.append(byte)
            } else {
                return nil
            }
        }
        return result
    }
}
