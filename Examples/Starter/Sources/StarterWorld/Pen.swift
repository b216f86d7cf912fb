/// How a glyph's strokes are drawn: this and the forms of the strokes make the typefaces.
struct Pen {
    var stem: Double  // width of upright strokes, in units of the glyph's height
    var hair: Double  // width of level strokes
    var serif: Double  // half the length of the bars at the ends of strokes; 0 for none
    var round: Bool  // ends are round, not cut straight

    /// A typeface of its own for every glyph.
    init(_ random: inout Random) {
        stem = random.pick(weighted: [
            (0.6, random.number(0.10, 0.17)), (0.2, random.number(0.06, 0.10)), (0.2, random.number(0.17, 0.24)),
        ])
        let serifs = random.chance(0.4)
        hair = stem * (serifs ? random.number(0.35, 1) : random.number(0.75, 1))
        serif = serifs ? random.number(0.07, 0.15) + stem / 2 : 0
        round = !serifs && random.chance(0.3)
    }

    /// Outlines to fill one by one; strokes are in units of the glyph's height.
    func outlines(of strokes: [Polyline]) -> [Polyline] {
        var result: [Polyline] = []
        for stroke in strokes {
            for (p, q) in zip(stroke, stroke.dropFirst()) { result += segment(p, q) }
            for p in stroke.dropFirst().dropLast() { result.append(joint(p)) }
            guard stroke.count > 1 else { continue }
            for (end, inner) in [(stroke[0], stroke[1]), (stroke[stroke.count - 1], stroke[stroke.count - 2])] {
                if round { result.append(joint(end)) }
                if serif > 0 { result += bar(at: end, from: inner) }
            }
        }
        return result
    }

    private func joint(_ p: Point) -> Polyline {
        let radius = min(stem, hair) / 2
        return arc(p, max(radius, stem * 0.4), max(radius, hair * 0.4), from: 0, to: 1)
    }

    private func segment(_ p: Point, _ q: Point) -> [Polyline] {
        let (dx, dy) = (q.x - p.x, q.y - p.y)
        let length = (dx * dx + dy * dy).squareRoot()
        guard length > 1e-9 else { return [] }
        let half = (hair + (stem - hair) * abs(dy) / length) / 2
        let (nx, ny) = (-dy / length * half, dx / length * half)
        return [
            [
                Point(p.x + nx, p.y + ny), Point(q.x + nx, q.y + ny), Point(q.x - nx, q.y - ny),
                Point(p.x - nx, p.y - ny),
            ]
        ]
    }

    /// A serif where a straight stroke ends at the top or the base line, a short tick where a level one ends.
    private func bar(at end: Point, from inner: Point) -> [Polyline] {
        let (dx, dy) = (abs(end.x - inner.x), abs(end.y - inner.y))
        guard dx + dy > 0.2, end.y < 0.02 || end.y > 0.98 else { return [] }
        if dy > dx {
            return segment(Point(end.x - serif, end.y), Point(end.x + serif, end.y))
        }
        let inward = end.y < 0.5 ? serif : -serif
        return segment(Point(end.x, end.y), Point(end.x, end.y + inward))
    }
}
