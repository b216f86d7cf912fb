public import YAML

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// How the learning rate goes up and comes down over a run.
public struct Schedule: Hashable, Sendable {
    public enum Decay: String, Hashable, Sendable, CaseIterable { case cosine, constant }

    /// Steps over which the rate rises in equal parts from nothing.
    public var warmup = 0
    public var decay = Decay.cosine
    /// The rate that the cosine ends in.
    public var minimum = 0.0

    public init(warmup: Int = 0, decay: Decay = .cosine, minimum: Double = 0) {
        self.warmup = warmup
        self.decay = decay
        self.minimum = minimum
    }

    public init(_ node: YAMLNode) throws {
        var map = try node.mapping()
        warmup = try map.optional("warmup")?.int(in: 0...1 << 40) ?? 0
        decay = try map.optional("decay")?.value(of: Decay.self) ?? .cosine
        if let node = map.optional("minimum") {
            minimum = try node.double()
            if minimum < 0 { throw node.error("the least learning rate is below 0", remedy: "use 0 or more") }
        }
        try map.finish()
    }

    /// The rate of step `step` (from 0) of `steps`; as open_clip's `cosine_lr` and `const_lr` (src/open_clip_train/
    /// scheduler.py), with a minimum.
    public func learningRate(step: Int, of steps: Int, base: Double) -> Double {
        if step < warmup { return base * Double(step + 1) / Double(warmup) }
        switch decay {
        case .constant: return base
        case .cosine:
            let progress = Double(step - warmup) / Double(max(1, steps - warmup))
            return minimum + (base - minimum) * 0.5 * (1 + cos(.pi * min(progress, 1)))
        }
    }
}
