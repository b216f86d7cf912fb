/// Repairs text as `fix_text` of ftfy 6.3.1 does with its defaults (Robyn Speer, "ftfy", doi:10.5281/zenodo.2591652).
enum TextRepair {
    /// Lines longer than this are repaired in pieces, as in ftfy.
    private static let longestSegment = 1_000_000

    /// Repairs line by line. Entities are read until the first line with `<`: from there on the text counts as HTML.
    static func repaired(_ text: [UInt32]) -> [UInt32] {
        var result: [UInt32] = []
        result.reserveCapacity(text.count)
        var readsEntities = true
        var start = 0
        while start < text.count {
            let limit = min(text.count, start + longestSegment)
            let lineBreak = text[start..<limit].firstIndex(of: 0x0A)
            let end = lineBreak.map { $0 + 1 } ?? limit
            let segment = Array(text[start..<end])
            if segment.contains(0x3C) { readsEntities = false }
            result += repaired(segment: segment, readsEntities: readsEntities)
            start = end
        }
        return result
    }

    private static func repaired(segment: [UInt32], readsEntities: Bool) -> [UInt32] {
        var text = segment
        // Text wrapped many times over ("&amp;amp;amp;…") takes a pass for each wrapping, so a long one could hold up
        // a stream for hours: there is a budget of work, which only such text exhausts.
        var passes = max(64, 10_000_000 / max(1, segment.count))
        while passes > 0 {
            let before = text
            if readsEntities { text = Entities.unescapedStrictly(text) }
            text = EncodingRepair.repaired(text)
            text = Composition.composed(CharacterRepair.repaired(text))
            if text == before { break }
            passes -= 1
        }
        return text
    }
}
