/// Undoes mojibake as ftfy 6.3.1's `fix_encoding` does: text that looks wrong is written back in each code page, and
/// read as UTF-8 where that works.
enum EncodingRepair {
    /// Repeats single repairs until nothing changes.
    static func repaired(_ text: [UInt32]) -> [UInt32] {
        var text = text
        while true {
            let next = step(text)
            if next == text { return text }
            text = next
        }
    }

    private static func step(_ text: [UInt32]) -> [UInt32] {
        guard text.contains(where: { $0 >= 0x80 }), Badness.isBad(text) else { return text }
        for page in CodePage.all {
            guard var bytes = page.encoded(text) else { continue }
            if page.mayLoseA0 { bytes = LostBytes.restoringA0(bytes) }
            if page.isSloppy { bytes = LostBytes.replacingLost(bytes) }
            let variants = bytes.contains { $0 == 0xED || $0 == 0xC0 }
            if let decoded = ByteDecoding.decoded(bytes, variants: variants) { return decoded }
        }
        let embedded = repairingRuns(text)
        if embedded != text { return embedded }
        // What remains of the controls in 80...9F was meant as code page 1252.
        if text.contains(where: { (0x80...0x9F).contains($0) }) { return text.map(c1Replaced) }
        return text
    }

    /// A control in 80...9F as code page 1252 has it.
    static func c1Replaced(_ scalar: UInt32) -> UInt32 {
        (0x80...0x9F).contains(scalar) ? CodePage.windows1252.scalar(UInt8(scalar)) : scalar
    }

    /// Repairs runs of characters that look like UTF-8, where the whole text is of no single encoding.
    private static func repairingRuns(_ text: [UInt32]) -> [UInt32] {
        let classes = MojibakeClasses.of(text)
        var result: [UInt32] = []
        result.reserveCapacity(text.count)
        var index = 0
        while index < text.count {
            let end = runEnd(classes, from: index)
            if end == index {
                result.append(text[index])
                index += 1
                continue
            }
            let run = Array(text[index..<end])
            result += run.count < text.count && Badness.isBad(run) ? repaired(run) : run
            index = end
        }
        return result
    }

    /// Where a run of sequences that look like UTF-8 ends; `start` itself if none begins there.
    private static func runEnd(_ classes: [MojibakeClasses], from start: Int) -> Int {
        if start > 0, classes[start - 1].has(.strictContinuation) { return start }
        func continues(_ range: Range<Int>) -> Bool {
            range.upperBound <= classes.count && classes[range].allSatisfy { $0.has(.continuation) }
        }
        var end = start
        while end < classes.count {
            if classes[end].has(.firstOf2), continues(end + 1..<end + 2) {
                end += 2
            } else if classes[end].has(.firstOf3), continues(end + 1..<end + 3) {
                end += 3
            } else if classes[end].has(.firstOf4), continues(end + 1..<end + 4) {
                end += 4
            } else {
                break
            }
        }
        return end
    }
}
