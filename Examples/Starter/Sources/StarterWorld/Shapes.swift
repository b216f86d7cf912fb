/// The ten shapes, each drawn in several proportions inside the square from -1 to 1.
enum ShapeName: String, CaseIterable {
    case circle, square, triangle, star, heart, diamond, cross, ring, crescent, hexagon

    /// Closed outlines (even-odd) in random proportions, and how far the shape may turn and keep its name, in turns.
    func outlines(_ random: inout Random) -> (outlines: [Polyline], turn: Double) {
        let origin = Point(0, 0)
        switch self {
        case .circle:
            return ([arc(origin, 1, 1, from: 0, to: 1)], 0)
        case .square:
            let side = 0.88
            return ([[Point(-side, -side), Point(side, -side), Point(side, side), Point(-side, side)]], 0.035)
        case .triangle:
            let turn = random.chance(0.75) ? 0.04 : 0.5
            switch random.index(6) {
            case 0: return ([[Point(-0.9, 0.9), Point(-0.9, -0.9), Point(0.9, 0.9)]], turn)
            case 1: return ([[Point(random.number(-0.6, 0.6), -0.95), Point(0.95, 0.9), Point(-0.95, 0.9)]], turn)
            case 2: return ([[Point(0, -1), Point(0.75, 0.95), Point(-0.75, 0.95)]], turn)
            case 3: return ([[Point(0, -0.8), Point(1, 0.75), Point(-1, 0.75)]], turn)
            default: return ([[Point(0, -1), Point(0.98, 0.75), Point(-0.98, 0.75)]], turn)
            }
        case .star:
            let points = random.chance(0.93) ? 5 : 6
            let inner = points == 6 ? random.number(0.48, 0.6) : random.number(0.36, 0.52)
            let star = (0..<(2 * points)).map { i in
                let (s, c) = sineCosine(turns: Double(i) / Double(2 * points) - 0.25)
                let radius = i % 2 == 0 ? 1.05 : 1.05 * inner
                return Point(radius * c, radius * s + (points == 5 ? 0.05 : 0))
            }
            return ([star], random.chance(0.75) ? 0.04 : 0.5)
        case .heart:
            return (ShapeName.heart(&random), random.chance(0.9) ? 0.04 : 0.12)
        case .diamond:
            let (width, height) = random.chance(0.8) ? (random.number(0.6, 0.95), 1.0) : (1.0, random.number(0.75, 1))
            return ([[Point(0, -height), Point(width, 0), Point(0, height), Point(-width, 0)]], 0.02)
        case .cross:
            let w = random.number(0.2, 0.42)
            let lift = random.chance(0.2) ? random.number(-0.35, 0) : 0  // the bar of a Latin cross sits higher
            let outline = [
                Point(-w, -1), Point(w, -1), Point(w, lift - w), Point(1, lift - w), Point(1, lift + w),
                Point(w, lift + w), Point(w, 1), Point(-w, 1), Point(-w, lift + w), Point(-1, lift + w),
                Point(-1, lift - w), Point(-w, lift - w),
            ]
            return ([outline], random.chance(0.85) ? 0.03 : 0.5)
        case .ring:
            let inner = random.number(0.45, 0.82)
            return ([arc(origin, 1, 1, from: 0, to: 1), arc(origin, inner, inner, from: 0, to: 1)], 0)
        case .crescent:
            return (ShapeName.crescent(&random), 0.5)
        case .hexagon:
            let hexagon = (0..<6).map { i in
                let (s, c) = sineCosine(turns: Double(i) / 6)
                return Point(c, s)
            }
            return ([hexagon], 0.5)
        }
    }

    private static func heart(_ random: inout Random) -> [Polyline] {
        switch random.index(3) {
        case 0:
            // x = 16 sin³ t, y = 13 cos t - 5 cos 2t - 2 cos 3t - cos 4t
            return [
                (0..<48).map { i in
                    let t = Double(i) / 48
                    let (s, c) = sineCosine(turns: t)
                    let y = 13 * c - 5 * sineCosine(turns: 2 * t).cosine - 2 * sineCosine(turns: 3 * t).cosine
                    return Point(s * s * s, -(y - sineCosine(turns: 4 * t).cosine) / 16 - 0.12)
                }
            ]
        case 1:
            // Two half discs on a triangle, as drawing programs make it.
            let depth = random.number(0.85, 1)
            return [
                arc(Point(-0.5, -0.4), 0.5, 0.5, from: 0.45, to: 1)
                    + arc(Point(0.5, -0.4), 0.5, 0.5, from: 0.5, to: 1.05) + [Point(0, depth)]
            ]
        default:
            let dip = random.number(-0.6, -0.35)
            let right =
                cubic(Point(0, dip), Point(0.25, -1.15), Point(1.15, -0.95), Point(0.97, -0.2))
                + cubic(Point(0.97, -0.2), Point(0.85, 0.3), Point(0.3, 0.6), Point(0, 0.97))
            return [right + right.reversed().map { Point(-$0.x, $0.y) } + [Point(0, dip)]]
        }
    }

    /// A disc less a smaller disc that is moved to the right by `shift`.
    private static func crescent(_ random: inout Random) -> [Polyline] {
        let inner = random.number(0.72, 0.98)
        let shift = random.number(max(0.32, 1.08 - inner), 0.62)
        // Where the two circles meet: x from the difference of their equations.
        let x = (1 - inner * inner + shift * shift) / (2 * shift)
        let y = max(0.0001, 1 - x * x).squareRoot()
        let outer = ShapeName.turns(x, y)
        let within = ShapeName.turns(x - shift, y)
        let line =
            arc(Point(0, 0), 1, 1, from: outer, to: 1 - outer)
            + arc(Point(shift, 0), inner, inner, from: 1 - within, to: within)
        return [line.map { Point($0.x + 0.15, $0.y) }]
    }

    /// The angle of (x, y) with y > 0, in turns: found by bisection on the sine and cosine above.
    private static func turns(_ x: Double, _ y: Double) -> Double {
        var low = 0.0
        var high = 0.5
        for _ in 0..<40 {
            let middle = (low + high) / 2
            let (s, c) = sineCosine(turns: middle)
            if x * s - y * c < 0 { low = middle } else { high = middle }  // still short of (x, y)
        }
        return low
    }
}
