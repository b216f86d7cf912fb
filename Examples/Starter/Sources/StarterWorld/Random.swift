/// A seeded stream of random numbers (SplitMix64: Steele, Lea, Flood 2014), the same on every platform.
struct Random: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    /// A stream of its own for every combination of `keys`, so that block 7 is the same however many blocks are drawn.
    init(keys: [UInt64]) {
        var mixed = Random(seed: 0x5EED_C11B)
        for key in keys { mixed = Random(seed: mixed.next() ^ (key &* 0xD6E8_FEB8_6659_FD93)) }
        self = mixed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// Uniform in [0, 1).
    mutating func unit() -> Double { Double(next() >> 11) * 0x1p-53 }

    /// Uniform in [low, high).
    mutating func number(_ low: Double, _ high: Double) -> Double { low + (high - low) * unit() }

    /// Uniform in 0 ..< count; `count` is at least 1.
    mutating func index(_ count: Int) -> Int { Int(next() % UInt64(count)) }

    mutating func chance(_ probability: Double) -> Bool { unit() < probability }

    /// Roughly normal with deviation 1: four uniforms, which needs no logarithm that differs between platforms.
    mutating func bell() -> Double { (unit() + unit() + unit() + unit() - 2) * 1.732_050_807_568_877_2 }

    /// One of `items`, which are never empty here.
    mutating func pick<T>(_ items: [T]) -> T { items[index(items.count)] }

    /// One of `items`, each as likely as its weight.
    mutating func pick<T>(weighted items: [(weight: Double, item: T)]) -> T {
        var left = unit() * items.reduce(0) { $0 + $1.weight }
        for (weight, item) in items {
            left -= weight
            if left < 0 { return item }
        }
        return items[items.count - 1].item
    }

    /// `count` different ones of `items`, in random order.
    mutating func sample<T>(_ count: Int, of items: [T]) -> [T] {
        var rest = items
        for i in 0..<min(count, rest.count) { rest.swapAt(i, i + index(rest.count - i)) }
        return Array(rest.prefix(count))
    }
}
