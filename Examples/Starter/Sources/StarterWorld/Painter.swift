/// Draws scenes: where things stand, how large, in which shades, over which background.
struct Painter {
    static let side = 64

    /// A drawn scene: 64 × 64 × 3 bytes, and the background for its caption.
    static func draw(_ scene: Scene, _ random: inout Random) -> (pixels: [UInt8], background: Background) {
        var shades: [ColorName: Color] = [:]
        for color in scene.colors { shades[color] = color.shade(&random) }
        let background = Background(apartFrom: scene.colors.compactMap { shades[$0] }, &random)
        var canvas = Canvas(side: side)
        background.paint(on: &canvas, &random)
        let samples = random.pick(weighted: [(0.2, 1), (0.15, 2), (0.15, 3), (0.5, 4)])
        func lay(_ color: ColorName, _ place: (inout Mask) -> Void) {
            var mask = Mask(side: side, samples: samples)
            place(&mask)
            canvas.lay(shades[color] ?? Color(0, 0, 0), over: mask)
        }
        switch scene {
        case .single(let thing):
            let radius = radius(thing.size, &random, small: 7...11, medium: 11...17, large: 18...28)
            let center = Point(position(radius, &random), position(radius, &random))
            lay(thing.color) { Painter.fill(thing.shape, center, radius, &random, &$0) }
        case .several(let thing, let count):
            let limit = [0, 0, 13.5, 12, 11][count]
            var radius = radius(thing.size, &random, small: 5.5...7.5, medium: 7.5...9.5, large: 9.5...limit)
            let alike = random.chance(0.6) ? 1.0 : random.number(0.75, 1)
            let places = places(count, &radius, &random)
            for center in places {
                let size = radius * random.number(alike, 1)
                lay(thing.color) { Painter.fill(thing.shape, center, size, &random, &$0) }
            }
        case .related(let first, let relation, let second):
            let a = radius(first.size, &random, small: 6...8, medium: 8...11, large: 11...14.5)
            let b = radius(second.size, &random, small: 6...8, medium: 8...11, large: 11...14.5)
            let (p, q) = places(a, relation, b, &random)
            lay(first.color) { Painter.fill(first.shape, p, a, &random, &$0) }
            lay(second.color) { Painter.fill(second.shape, q, b, &random, &$0) }
        case .glyph(let character, let color):
            lay(color) { Painter.write(character, &random, &$0) }
        }
        if random.chance(0.25) { canvas.blur(random.number(0.1, 0.6)) }
        if random.chance(0.08) {
            let noise = random.number(2, 8)
            canvas.add { _, _ in (random.bell() * noise, random.bell() * noise, random.bell() * noise) }
        }
        return (canvas.bytes(), background)
    }

    private static func radius(
        _ size: Thing.Size, _ random: inout Random, small: ClosedRange<Double>, medium: ClosedRange<Double>,
        large: ClosedRange<Double>
    ) -> Double {
        let range =
            switch size {
            case .small: small
            case .medium: medium
            case .large: large
            }
        return random.number(range.lowerBound, range.upperBound)
    }

    /// Anywhere that leaves the thing whole, near the middle half of the time.
    private static func position(_ radius: Double, _ random: inout Random) -> Double {
        let room = max(0, Double(side) / 2 - radius - 0.5)
        return Double(side) / 2 + random.number(-room, room) * (random.chance(0.4) ? 0.25 : 1)
    }

    /// Centers of `count` discs that do not touch; the radius shrinks where there is no room.
    private static func places(_ count: Int, _ radius: inout Double, _ random: inout Random) -> [Point] {
        if random.chance(0.25) { return row(count, &radius, &random) }
        while true {
            for _ in 0..<20 {
                var found: [Point] = []
                for _ in 0..<40 where found.count < count {
                    let p = Point(
                        random.number(radius + 0.5, Double(side) - radius - 0.5),
                        random.number(radius + 0.5, Double(side) - radius - 0.5))
                    let apart = 2.15 * radius + 1
                    if found.allSatisfy({ ($0.x - p.x) * ($0.x - p.x) + ($0.y - p.y) * ($0.y - p.y) > apart * apart }) {
                        found.append(p)
                    }
                }
                if found.count == count { return found }
            }
            radius *= 0.93
        }
    }

    /// Centers on a row, a column or a grid of two by two.
    private static func row(_ count: Int, _ radius: inout Double, _ random: inout Random) -> [Point] {
        let grid = count == 4 && random.chance(0.6)
        let steps = grid ? 2 : count
        radius = min(radius, (Double(side) - 2) / Double(steps) / 2.2)
        let step = random.number(2.2 * radius + 1, max(2.2 * radius + 1.1, (Double(side) - 2) / Double(steps)))
        let (jitterX, jitterY) = (random.number(-2, 2), random.number(-3, 3))
        let turned = random.chance(0.4)
        return (0..<count).map { i in
            let along = (Double(grid ? i % 2 : i) - Double(steps - 1) / 2) * step
            let across = grid ? (Double(i / 2) - 0.5) * step : jitterY
            let middle = Double(side) / 2
            let (x, y) = turned ? (across, along) : (along, across)
            return Point(middle + x + (turned ? 0 : jitterX / 2), middle + y)
        }
    }

    /// Centers of two things, the first `relation` the second, clearly: the way along is longer than the way across.
    static func places(_ a: Double, _ relation: Relation, _ b: Double, _ random: inout Random) -> (Point, Point) {
        let whole = Double(side)
        let least = a + b + 1.5
        let most = whole - a - b - 1
        let gap = least < most ? random.number(least, random.chance(0.5) ? most : min(most, least + 12)) : least
        // The span of both, centre to centre plus radii, lies somewhere on the axis.
        let start = random.number(0.5 + a, max(0.5 + a, whole - 0.5 - b - gap))
        let (alongA, alongB) = (start, start + gap)
        var acrossA = whole / 2
        var acrossB = whole / 2
        for _ in 0..<50 {
            let p = random.number(a + 0.5, whole - a - 0.5)
            let q = random.chance(0.4) ? p + random.number(-3, 3) : random.number(b + 0.5, whole - b - 0.5)
            if q > b, q < whole - b, abs(p - q) < 0.6 * gap {
                (acrossA, acrossB) = (p, q)
                break
            }
        }
        switch relation {
        case .left: return (Point(alongA, acrossA), Point(alongB, acrossB))
        case .right: return (Point(whole - alongA, acrossA), Point(whole - alongB, acrossB))
        case .above: return (Point(acrossA, alongA), Point(acrossB, alongB))
        case .below: return (Point(acrossA, whole - alongA), Point(acrossB, whole - alongB))
        }
    }

    private static func fill(
        _ shape: ShapeName, _ center: Point, _ radius: Double, _ random: inout Random, _ mask: inout Mask
    ) {
        let (outlines, turn) = shape.outlines(&random)
        let turns = random.chance(0.4) ? 0 : random.number(-turn, turn)
        let stretch = random.number(-0.06, 0.06)
        let map = Affine(
            center: center, width: radius * (1 - max(0, stretch)), height: radius * (1 + min(0, stretch)), turns: turns)
        mask.fill(outlines.map { map($0) })
    }

    private static func write(_ character: String, _ random: inout Random, _ mask: inout Mask) {
        let pen = Pen(&random)
        let strokes = Glyphs.strokes(of: character, &random).map { $0.map { Point($0.x / 100, $0.y / 100) } }
        let xs = strokes.joined().map(\.x)
        guard let left = xs.min(), let right = xs.max() else { return }
        let slant = random.chance(0.25) ? random.number(-0.35, 0.05) : 0
        let widen = random.number(0.78, 1.15)
        let wide = (right - left) * widen + pen.stem + 2 * pen.serif + abs(slant)
        let height = min(
            random.chance(0.9) ? random.number(26, 54) : random.number(16, 26), 60 / max(wide, 1 + pen.stem))
        let (roomX, roomY) = (32 - height * wide / 2, 32 - height * (1 + pen.stem) / 2)
        let near = random.chance(0.6) ? 0.3 : 1.0
        let center = Point(
            32 + random.number(-1, 1) * max(0, roomX) * near, 32 + random.number(-1, 1) * max(0, roomY) * near)
        let map = Affine(
            center: center, width: height, height: height, turns: random.chance(0.6) ? 0 : random.number(-0.02, 0.02),
            slant: slant)
        let middle = (left + right) / 2
        let placed = strokes.map { $0.map { Point(($0.x - middle) * widen, $0.y - 0.5) } }
        for outline in pen.outlines(of: placed.map { $0.map { Point($0.x, $0.y + 0.5) } }) {
            mask.fill([map(outline.map { Point($0.x, $0.y - 0.5) })])
        }
    }
}
