/// What is behind the things.
struct Background {
    enum Kind {
        case plain, gradient, noisy
    }

    var kind: Kind
    var from: Color
    var to: Color  // the other end of a gradient; else the same
    var turns: Double  // a gradient's direction
    var radial: Bool
    var noise: Double  // deviation, 0 to 255
    var grain: Int  // pixels of one grain of noise

    /// A background that stands out from `colors`, the shades of the things on it.
    init(apartFrom colors: [Color], _ random: inout Random) {
        kind = random.pick(weighted: [(0.5, .plain), (0.27, .gradient), (0.23, .noisy)])
        turns = random.unit()
        radial = random.chance(0.2)
        noise = kind == .noisy ? random.number(5, 22) : (random.chance(0.15) ? random.number(1, 4) : 0)
        grain = random.pick([1, 1, 1, 2, 4])
        let needed = 150 + noise * 2
        func clear(_ color: Color) -> Bool { colors.allSatisfy { $0.distance(to: color) > needed } }
        var found: (Color, Color)?
        for _ in 0..<200 {
            let a = Background.color(&random)
            let b = kind == .gradient ? Background.color(&random) : a
            // The whole way from one end to the other must be clear of the things' colours.
            if clear(a), kind != .gradient || (1...4).allSatisfy({ clear(a.mixed(with: b, Double($0) / 4)) }) {
                found = (a, b)
                break
            }
        }
        // Of black, white and gray, one is far from any two colours.
        let farthest = [Color(0, 0, 0), Color(255, 255, 255), Color(128, 128, 128)].max { a, b in
            (colors.map { $0.distance(to: a) }.min() ?? 0) < (colors.map { $0.distance(to: b) }.min() ?? 0)
        }
        (from, to) = found ?? (farthest ?? Color(128, 128, 128), farthest ?? Color(128, 128, 128))
    }

    private static func color(_ random: inout Random) -> Color {
        switch random.pick(weighted: [(0.22, 0), (0.10, 1), (0.26, 2), (0.24, 3), (0.12, 4), (0.06, 5)]) {
        case 0:
            let level = random.number(240, 255)
            return Color(level, level, level)
        case 1:
            let level = random.number(0, 30)
            return Color(level, level, level)
        case 2:
            let level = random.number(30, 240)
            return Color(level, level, level)
        case 3:  // pastel
            return Color(random.number(170, 255), random.number(170, 255), random.number(170, 255))
        case 4:  // dark
            return Color(random.number(0, 90), random.number(0, 90), random.number(0, 90))
        default:
            return Color(random.number(0, 255), random.number(0, 255), random.number(0, 255))
        }
    }

    func paint(on canvas: inout Canvas, _ random: inout Random) {
        let side = Double(canvas.side)
        let (s, c) = sineCosine(turns: turns)
        let span = (abs(s) + abs(c)) * side
        canvas.paint { x, y in
            guard kind == .gradient else { return from }
            let (dx, dy) = (Double(x) + 0.5 - side / 2, Double(y) + 0.5 - side / 2)
            let share = radial ? (dx * dx + dy * dy).squareRoot() / (side * 0.707) : (dx * c + dy * s) / span + 0.5
            return from.mixed(with: to, share)
        }
        guard noise > 0 else { return }
        let grains = (canvas.side + grain - 1) / grain
        let gray = random.chance(0.4)
        let values = (0..<(grains * grains)).map { _ in
            let first = random.bell() * noise
            return gray ? (first, first, first) : (first, random.bell() * noise, random.bell() * noise)
        }
        canvas.add { x, y in values[y / grain * grains + x / grain] }
    }

    /// Words for it, where there are good ones.
    func words(_ random: inout Random) -> String? {
        if random.chance(0.4) {
            switch kind {
            case .plain: return "a plain background"
            case .gradient: return "a gradient background"
            case .noisy: return "a noisy background"
            }
        }
        guard kind == .plain else { return nil }
        let spread = max(from.red, from.green, from.blue) - min(from.red, from.green, from.blue)
        guard spread < 12 else { return nil }
        switch from.green {
        case 238...: return "a white background"
        case ..<32: return "a black background"
        case 70..<200: return "a gray background"
        default: return nil
        }
    }
}

extension Canvas {
    /// Adds to every pixel's three values.
    mutating func add(_ change: (_ x: Int, _ y: Int) -> (Double, Double, Double)) {
        var i = 0
        for y in 0..<side {
            for x in 0..<side {
                let (r, g, b) = change(x, y)
                values[i] += r
                values[i + 1] += g
                values[i + 2] += b
                i += 3
            }
        }
    }
}
