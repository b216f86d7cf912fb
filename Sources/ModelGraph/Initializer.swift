/// How a parameter's values are drawn before training.
public enum Initializer: Hashable, Sendable {
    case constant(Double)
    /// Normal with mean 0.
    case normal(standardDeviation: Double)
    /// Uniform on [-bound, bound].
    case uniform(bound: Double)

    public static let zeros = Initializer.constant(0)
    public static let ones = Initializer.constant(1)

    /// Draws values. The stream depends on `seed` and `name` alone, so that adding a parameter changes no other.
    public func draw(_ type: TensorType, name: String, seed: UInt64) -> TensorData {
        var generator = SeededGenerator(seed: seed, stream: name)
        let count = type.shape.count
        let values: [Double] =
            switch self {
            case .constant(let value): [Double](repeating: value, count: count)
            case .normal(let deviation): (0..<count).map { _ in generator.nextNormal() * deviation }
            case .uniform(let bound): (0..<count).map { _ in (generator.nextUnit() * 2 - 1) * bound }
            }
        return TensorData(type, doubles: values)
    }
}

/// SplitMix64 (Steele, Lea, Flood 2014): small, seeded, the same on every platform.
public struct SeededGenerator: RandomNumberGenerator, Sendable {
    private var state: UInt64

    public init(seed: UInt64) { state = seed }

    /// An independent stream for a name: FNV-1a of its UTF-8, mixed with the seed.
    public init(seed: UInt64, stream: String) {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in stream.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        state = seed ^ hash
        _ = next()
    }

    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// Uniform on [0, 1), 53 bits.
    public mutating func nextUnit() -> Double { Double(next() >> 11) * 0x1p-53 }

    /// Standard normal: sum-free polar method (Marsaglia 1964) needs a logarithm, so it comes from the C library.
    public mutating func nextNormal() -> Double {
        while true {
            let x = nextUnit() * 2 - 1
            let y = nextUnit() * 2 - 1
            let radius = x * x + y * y
            if radius > 0, radius < 1 { return x * (-2 * naturalLog(radius) / radius).squareRoot() }
        }
    }
}
