/// Unicode's normalisation form C (Unicode Standard Annex 15), from the table of canonical decompositions.
///
/// The standard library keeps its own normaliser to itself, and Foundation's would cost start-up time.
public struct Composition {
    private struct Table {
        var parts: [UInt32: [UInt32]] = [:]
        var composites: [UInt64: UInt32] = [:]

        init() {
            for word in TableWord.words(of: DecompositionTable.mappings) {
                parts[word.number] = word.scalars
                if word.mark == UInt8(ascii: "="), word.scalars.count == 2 {
                    composites[pair(word.scalars[0], word.scalars[1])] = word.number
                }
            }
        }
    }

    private static let table = Table()

    private static func pair(_ first: UInt32, _ second: UInt32) -> UInt64 { UInt64(first) << 32 | UInt64(second) }

    /// The text in form C. Everything below U+0300 is in that form already.
    ///
    /// - Parameter asOfUnicode9: whether newer characters are left as they are. That is what huggingface/tokenizers 0.23
    ///   knows.
    public static func composed(_ text: [UInt32], asOfUnicode9: Bool = false) -> [UInt32] {
        guard text.contains(where: { $0 >= 0x300 && !isInert($0) }) else { return text }
        let composition = Composition(asOfUnicode9: asOfUnicode9)
        return composition.recomposed(composition.decomposed(text))
    }

    private let asOfUnicode9: Bool

    private func isKnown(_ scalar: UInt32) -> Bool {
        guard asOfUnicode9 else { return true }
        return Unicode.Scalar(scalar)?.properties.age.map { $0 <= (9, 0) } ?? false
    }

    /// Common scalars that form C leaves alone and that never combine with what stands before them.
    private static func isInert(_ scalar: UInt32) -> Bool {
        switch scalar {
        case 0x2010...0x2027, 0x400...0x482, 0x3041...0x3098, 0x309B...0x3400, 0x4E00...0x9FFF, 0xAC00...0xD7A3: true
        default: false
        }
    }

    private func decomposed(_ text: [UInt32]) -> [UInt32] {
        var result: [UInt32] = []
        result.reserveCapacity(text.count + text.count / 4)
        var classes: [UInt8] = []
        classes.reserveCapacity(result.capacity)
        // A run of marks is put in the order of their classes.
        var runStart = 0
        func closeRun() {
            guard result.count - runStart > 1 else { return }
            let order = (runStart..<result.count).sorted { (classes[$0], $0) < (classes[$1], $1) }
            let sorted = order.map { result[$0] }
            let sortedClasses = order.map { classes[$0] }
            result.replaceSubrange(runStart..., with: sorted)
            classes.replaceSubrange(runStart..., with: sortedClasses)
        }
        func append(_ scalar: UInt32) {
            let combining = combiningClass(scalar)
            if combining == 0 {
                closeRun()
                result.append(scalar)
                classes.append(0)
                runStart = result.count
            } else {
                result.append(scalar)
                classes.append(combining)
            }
        }
        func decompose(_ scalar: UInt32) {
            if scalar < 0xC0 {
                append(scalar)
            } else if (0xAC00...0xD7A3).contains(scalar) {
                let index = scalar - 0xAC00
                append(0x1100 + index / 588)
                append(0x1161 + index % 588 / 28)
                if index % 28 != 0 { append(0x11A7 + index % 28) }
            } else if let parts = Self.table.parts[scalar], isKnown(scalar) {
                for part in parts { decompose(part) }
            } else {
                append(scalar)
            }
        }
        for scalar in text { decompose(scalar) }
        closeRun()
        return result
    }

    private func recomposed(_ text: [UInt32]) -> [UInt32] {
        var result: [UInt32] = []
        result.reserveCapacity(text.count)
        var starter: Int?
        var lastClass: UInt8 = 0
        for scalar in text {
            let combining = combiningClass(scalar)
            if let starter {
                let blocked = result.count - 1 > starter && (lastClass >= combining || lastClass == 0)
                if !blocked, let composite = composite(result[starter], scalar) {
                    result[starter] = composite
                    continue
                }
            }
            if combining == 0 { starter = result.count }
            lastClass = combining
            result.append(scalar)
        }
        return result
    }

    private func composite(_ first: UInt32, _ second: UInt32) -> UInt32? {
        if (0x1100...0x1112).contains(first), (0x1161...0x1175).contains(second) {
            return 0xAC00 + ((first - 0x1100) * 21 + (second - 0x1161)) * 28
        }
        if (0xAC00...0xD7A3).contains(first), (first - 0xAC00) % 28 == 0, (0x11A8...0x11C2).contains(second) {
            return first + (second - 0x11A7)
        }
        return Self.table.composites[Self.pair(first, second)].flatMap { isKnown($0) ? $0 : nil }
    }

    private func combiningClass(_ scalar: UInt32) -> UInt8 {
        guard scalar >= 0x300, !Self.isInert(scalar) else { return 0 }
        let combining = Unicode.Scalar(scalar)?.properties.canonicalCombiningClass.rawValue ?? 0
        return combining == 0 || isKnown(scalar) ? combining : 0
    }
}
