/// The repairs of single characters in ftfy 6.3.1's `fix_text`.
enum CharacterRepair {
    private static let replacements: [UInt32: [UInt32]] = {
        var table: [UInt32: [UInt32]] = [:]
        for words in [ReplacementTable.ligatures, ReplacementTable.widths] {
            for word in TableWord.words(of: words) { table[word.number] = word.scalars }
        }
        return table
    }()

    /// Controls of C1 as code page 1252, ligatures as letters, half and full width forms in their usual width, quotes
    /// straight, line breaks as U+000A; terminal escapes and controls without effect are left out.
    static func repaired(_ text: [UInt32]) -> [UInt32] {
        var result: [UInt32] = []
        result.reserveCapacity(text.count)
        for scalar in text {
            switch scalar {
            case 0x0A:
                // The first half of a line break of two characters is already there.
                if result.last == 0x0D { result[result.count - 1] = 0x0A } else { result.append(0x0A) }
            case 0x0D:
                if result.last == 0x0D { result[result.count - 1] = 0x0A }
                result.append(0x0D)
            case ..<0x80: append(scalar, to: &result)
            case 0xFF01...0xFF5E: append(scalar - 0xFEE0, to: &result)
            default:
                let scalar = EncodingRepair.c1Replaced(scalar)
                if mayBeReplaced(scalar), let replacement = replacements[scalar] {
                    for scalar in replacement { append(scalar, to: &result) }
                } else {
                    append(scalar, to: &result)
                }
            }
        }
        if result.last == 0x0D { result[result.count - 1] = 0x0A }
        if result.contains(0x1B) { result = withoutEscapes(result) }
        result.removeAll(where: isIdleControl)
        return result
    }

    private static func append(_ scalar: UInt32, to result: inout [UInt32]) {
        if result.last == 0x0D { result[result.count - 1] = 0x0A }
        switch scalar {
        case 0x2BC, 0x2018...0x201B: result.append(0x27)
        case 0x201C...0x201F: result.append(0x22)
        case 0x2028, 0x2029, 0x85: result.append(0x0A)
        default: result.append(scalar)
        }
    }

    private static func mayBeReplaced(_ scalar: UInt32) -> Bool {
        switch scalar {
        case 0x132...0x1F3, 0x3000, 0xFB00...0xFB06, 0xFF5F...0xFFEE: true
        default: false
        }
    }

    /// Leaves out sequences like ESC `[1;31m`.
    private static func withoutEscapes(_ text: [UInt32]) -> [UInt32] {
        var result: [UInt32] = []
        result.reserveCapacity(text.count)
        var index = 0
        while index < text.count {
            if text[index] == 0x1B, let end = escapeEnd(text, index) {
                index = end
            } else {
                result.append(text[index])
                index += 1
            }
        }
        return result
    }

    private static func escapeEnd(_ text: [UInt32], _ start: Int) -> Int? {
        guard start + 1 < text.count, text[start + 1] == 0x5B else { return nil }
        var index = start + 2
        while index < text.count, text[index] == 0x3B || isDecimalDigit(text[index]) { index += 1 }
        guard index < text.count else { return nil }
        switch text[index] {
        case 0x41...0x5A, 0x61...0x7A: return index + 1
        default: return nil
        }
    }

    private static func isDecimalDigit(_ scalar: UInt32) -> Bool {
        if scalar < 0x80 { return (0x30...0x39).contains(scalar) }
        return Unicode.Scalar(scalar)?.properties.numericType == .decimal
    }

    private static func isIdleControl(_ scalar: UInt32) -> Bool {
        switch scalar {
        case 0x00...0x08, 0x0B, 0x0E...0x1F, 0x7F, 0x206A...0x206F, 0xFEFF, 0xFFF9...0xFFFC: true
        default: false
        }
    }
}
