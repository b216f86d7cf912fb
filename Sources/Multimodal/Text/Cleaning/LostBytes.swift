/// Bytes of mojibake that something on the way has changed: A0 to a space, or any to U+FFFD (here 1A) or a question
/// mark.
enum LostBytes {
    private static func isContinuation(_ byte: UInt8) -> Bool { byte & 0xC0 == 0x80 }

    /// Continuation bytes that are neither A0 (it became the space) nor 85 (it became an ellipsis).
    private static func isPlain(_ byte: UInt8) -> Bool { isContinuation(byte) && byte != 0x85 && byte != 0xA0 }

    /// Puts A0 back for spaces inside what would otherwise be UTF-8 of a likely character.
    static func restoringA0(_ bytes: [UInt8]) -> [UInt8] {
        guard bytes.indices.contains(where: { alteredLength(bytes, $0) != nil }) else { return bytes }
        let bytes = separatingAGrave(bytes)
        var result = bytes
        var index = 0
        while index < bytes.count {
            let length = alteredLength(bytes, index)
            if let length {
                for offset in index..<index + length where result[offset] == 0x20 { result[offset] = 0xA0 }
            }
            index += length ?? 1
        }
        return result
    }

    /// `Ã ` is mostly the word `à`, whose A0 ran together with the space after it; so the space stays, except where
    /// Portuguese has à as the beginning of a word.
    private static func separatingAGrave(_ bytes: [UInt8]) -> [UInt8] {
        let joined: [[UInt8]] = [" ", "quele", "quela", "quilo", "s "].map { Array($0.utf8) }
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count)
        var index = 0
        while index < bytes.count {
            if bytes[index] == 0xC3, index + 1 < bytes.count, bytes[index + 1] == 0x20,
                !joined.contains(where: { bytes[(index + 2)...].starts(with: $0) })
            {
                result += [0xC3, 0xA0, 0x20]
                index += 2
            } else {
                result.append(bytes[index])
                index += 1
            }
        }
        return result
    }

    /// The length of a sequence at `index` that would be UTF-8 with A0 for a space.
    private static func alteredLength(_ bytes: [UInt8], _ index: Int) -> Int? {
        let first = bytes[index]
        guard first >= 0xC2, index + 1 < bytes.count else { return nil }
        let second = bytes[index + 1]
        if second == 0x20, [0xC2, 0xC3, 0xC5, 0xCE, 0xD0, 0xD9].contains(first) { return 2 }
        guard index + 2 < bytes.count else { return nil }
        let third = bytes[index + 2]
        if first == 0xE2 || first == 0xE3, second == 0x20, isPlain(third) { return 3 }
        if (0xE0...0xE3).contains(first), isPlain(second), third == 0x20 { return 3 }
        guard first == 0xF0, index + 3 < bytes.count else { return nil }
        let rest = bytes[(index + 1)..<(index + 4)]
        let spaces = rest.count { $0 == 0x20 }
        return spaces == 1 && rest.allSatisfy { $0 == 0x20 || isContinuation($0) } ? 4 : nil
    }

    /// Replaces sequences of UTF-8 that have lost a byte, and any other 1A, by U+FFFD.
    static func replacingLost(_ bytes: [UInt8]) -> [UInt8] {
        guard bytes.contains(where: { $0 == 0x1A || $0 == 0x3F }) else { return bytes }
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count)
        var index = 0
        while index < bytes.count {
            if let length = lostLength(bytes, index) {
                result += [0xEF, 0xBF, 0xBD]
                index += length
            } else {
                result.append(bytes[index])
                index += 1
            }
        }
        return result
    }

    private static func lostLength(_ bytes: [UInt8], _ index: Int) -> Int? {
        func byte(_ offset: Int) -> UInt8 { index + offset < bytes.count ? bytes[index + offset] : 0 }
        func lost(_ offset: Int) -> Bool { byte(offset) == 0x1A || byte(offset) == 0x3F }
        func kept(_ offset: Int) -> Bool { byte(offset) == 0x1A || isContinuation(byte(offset)) }
        let first = byte(0)
        if first == 0x1A { return 1 }
        if (0xC2...0xDF).contains(first), byte(1) == 0x1A { return 2 }
        if first == 0xC2 || first == 0xC3, byte(1) == 0x3F { return 2 }
        if first == 0xED, (0xA0...0xAF).contains(byte(1)), byte(3) == 0xED, (0xB0...0xBF).contains(byte(4)),
            lost(2) && (lost(5) || kept(5)) || kept(2) && lost(5)
        {
            return 6
        }
        if (0xE0...0xEF).contains(first), lost(1) && kept(2) || kept(1) && lost(2) { return 3 }
        if (0xF0...0xF4).contains(first),
            lost(1) && kept(2) && kept(3) || kept(1) && lost(2) && kept(3) || kept(1) && kept(2) && lost(3)
        {
            return 4
        }
        return nil
    }
}
