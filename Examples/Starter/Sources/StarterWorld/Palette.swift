/// A colour, each part 0 to 255.
struct Color {
    var red: Double
    var green: Double
    var blue: Double

    init(_ red: Double, _ green: Double, _ blue: Double) {
        self.red = red
        self.green = green
        self.blue = blue
    }

    /// How far apart two colours look, weighted as in the "redmean" approximation of colour difference.
    func distance(to other: Color) -> Double {
        let mean = (red + other.red) / 2
        let (r, g, b) = (red - other.red, green - other.green, blue - other.blue)
        return ((2 + mean / 256) * r * r + 4 * g * g + (2 + (255 - mean) / 256) * b * b).squareRoot()
    }

    func mixed(with other: Color, _ share: Double) -> Color {
        Color(
            red + (other.red - red) * share, green + (other.green - green) * share, blue + (other.blue - blue) * share)
    }
}

/// The ten colours that things have; each name covers many shades.
enum ColorName: String, CaseIterable {
    case red, green, blue, yellow, orange, purple, pink, brown, black, white

    /// Shades that people call so; what is drawn lies between two of them.
    private var shades: [Color] {
        switch self {
        case .red: [Color(255, 0, 0), Color(220, 20, 45), Color(205, 20, 20), Color(235, 50, 45), Color(190, 5, 10)]
        case .green:
            [
                Color(0, 128, 0), Color(0, 200, 0), Color(0, 255, 0), Color(34, 150, 60), Color(60, 180, 75),
                Color(20, 100, 40), Color(100, 190, 60),
            ]
        case .blue:
            [
                Color(0, 0, 255), Color(30, 80, 220), Color(20, 40, 160), Color(65, 105, 225), Color(0, 90, 200),
                Color(30, 130, 250), Color(0, 0, 150),
            ]
        case .yellow: [Color(255, 255, 0), Color(255, 220, 0), Color(250, 230, 60), Color(240, 212, 20)]
        case .orange: [Color(255, 165, 0), Color(255, 140, 0), Color(245, 120, 20), Color(232, 125, 30)]
        case .purple:
            [
                Color(128, 0, 128), Color(140, 40, 200), Color(110, 30, 160), Color(150, 60, 180), Color(148, 0, 211),
                Color(100, 20, 130),
            ]
        case .pink:
            [
                Color(255, 192, 203), Color(255, 105, 180), Color(255, 150, 190), Color(250, 130, 170),
                Color(245, 95, 165), Color(255, 160, 200),
            ]
        case .brown:
            [
                Color(139, 69, 19), Color(150, 60, 35), Color(101, 67, 33), Color(120, 75, 40), Color(155, 95, 45),
                Color(160, 48, 42), Color(110, 55, 20),
            ]
        case .black: [Color(0, 0, 0), Color(20, 20, 20), Color(32, 32, 36)]
        case .white: [Color(255, 255, 255), Color(246, 246, 246), Color(252, 250, 240)]
        }
    }

    /// A shade of this colour.
    func shade(_ random: inout Random) -> Color {
        let jitter = self == .black || self == .white ? 3.0 : 8.0
        let base = random.pick(shades).mixed(with: random.pick(shades), random.unit())
        func part(_ value: Double) -> Double { min(255, max(0, value + random.number(-jitter, jitter))) }
        return Color(part(base.red), part(base.green), part(base.blue))
    }
}
