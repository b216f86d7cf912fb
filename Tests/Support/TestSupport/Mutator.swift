import ModelGraph

/// Damages files as disks, downloads and ill will do, the same way in every run.
package struct Mutator {
    private var random: SeededGenerator

    package init(seed: UInt64) { random = SeededGenerator(seed: seed) }

    /// Numbers at which readers go wrong.
    private static let numbers: [UInt64] = [
        0, 1, 2, 7, 8, 127, 128, 255, 0x7FFF, 0xFFFF, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 1 << 32, 1 << 40, 1 << 62,
        0x7FFF_FFFF_FFFF_FFFF, 0x8000_0000_0000_0000, 0xFFFF_FFFF_FFFF_FFFF, 0xFFFF_FFFF_FFFF_FFF8,
    ]

    /// Pieces of JSON and YAML that are valid somewhere and wrong elsewhere.
    private static let pieces = [
        "{", "}", "[", "]", ",", ":", "\"", "\\", "\\u", "\\ud800", "null", "true", "-1", "0", "1e999", "-0.0", ".nan",
        "9223372036854775807", "18446744073709551616", "99999999999999999999999999", "\"F32\"", "\"data_offsets\"",
        "\"__metadata__\"", "\n", "\t", "\u{0}", "- ", "? ", "&a ", "*a", "<<: ", "!!str ",
        "!!python/object:os.system ",
        "| ", "> ", "---\n", "...\n", "%YAML 1.1\n", "#", "'", "\u{FEFF}", "é", "\u{202E}", "[[[[[[[[", "{\"a\":",
    ].map { Array($0.utf8) }

    /// `bytes` with one to six changes, rather few than many, more of them where `dense` is.
    package mutating func damaged(_ bytes: [UInt8], dense: Range<Int>? = nil, isText: Bool) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<Int.random(in: 1...Int.random(in: 1...6, using: &random), using: &random) {
            if bytes.isEmpty { bytes = [0] }
            var place = Int.random(in: 0..<bytes.count, using: &random)
            if let dense, Bool.random(using: &random) {
                place = min(Int.random(in: dense, using: &random), bytes.count - 1)
            }
            if isText, Int.random(in: 0..<3, using: &random) != 0 {
                damageText(&bytes, place)
            } else {
                damage(&bytes, place)
            }
        }
        return bytes
    }

    private mutating func damage(_ bytes: inout [UInt8], _ place: Int) {
        let rest = bytes.count - place
        switch Int.random(in: 0..<20, using: &random) {
        case 0..<4: bytes[place] = UInt8.random(in: 0...255, using: &random)
        case 4..<7: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        case 7..<12:
            let number = Self.numbers.randomElement(using: &random) ?? 0
            for index in 0..<min([2, 4, 8].randomElement(using: &random) ?? 8, rest) {
                bytes[place + index] = UInt8(truncatingIfNeeded: number >> (8 * UInt64(index)))
            }
        case 12..<14:
            let from = Int.random(in: 0..<bytes.count, using: &random)
            for index in 0..<min(Int.random(in: 1...64, using: &random), rest, bytes.count - from) {
                bytes[place + index] = bytes[from + index]
            }
        case 14: bytes.removeSubrange(place..<place + min(Int.random(in: 1...32, using: &random), rest))
        case 15: bytes.insert(contentsOf: bytes[place..<place + min(64, rest)], at: place)
        case 16:
            bytes.insert(
                contentsOf: [UInt8](repeating: 0, count: Int.random(in: 1...32, using: &random)), at: place)
        case 17: bytes.removeSubrange(place...)
        case 18: bytes.removeFirst(min(place, 16))
        default: bytes += bytes.prefix(256)
        }
    }

    private mutating func damageText(_ bytes: inout [UInt8], _ place: Int) {
        let piece = Self.pieces.randomElement(using: &random) ?? []
        switch Int.random(in: 0..<6, using: &random) {
        case 0, 1: bytes.insert(contentsOf: piece, at: place)
        case 2: bytes.replaceSubrange(place..<place + min(piece.count, bytes.count - place), with: piece)
        case 3:
            // Another number in the place of one
            guard let start = bytes[place...].firstIndex(where: { 48...57 ~= $0 }) else { return }
            let end = bytes[start...].firstIndex { !(48...57 ~= $0) } ?? bytes.count
            let number = Self.numbers.randomElement(using: &random) ?? 0
            bytes.replaceSubrange(start..<end, with: Array("\(Bool.random(using: &random) ? "-" : "")\(number)".utf8))
        case 4:
            let depth = Int.random(in: 1...200, using: &random)
            bytes.insert(contentsOf: Array(repeating: piece, count: depth).joined(), at: place)
        default:
            // Two lines change places, or one is there twice
            var lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false).map(Array.init)
            let (from, to) = (
                Int.random(in: 0..<lines.count, using: &random), Int.random(in: 0..<lines.count, using: &random)
            )
            if Bool.random(using: &random) { lines.swapAt(from, to) } else { lines.insert(lines[from], at: to) }
            bytes = Array(lines.joined(separator: [0x0A]))
        }
    }
}
