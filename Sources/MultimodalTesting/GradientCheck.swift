public import Multimodal

/// Compares gradients with central finite differences, all in double precision, on a backend that computes float64.
///
/// The scalar is a random weighing of all outputs. Each input is checked along random directions, which see every
/// element at once, and at single elements. Differences are of fourth order: step `h` gives an error of about `h^4`,
/// and `1e-16 / h` by rounding; 1e-4 keeps both under 1e-11.
public struct GradientCheck: Sendable {
    public var reference: any Backend
    /// Largest difference, relative to the larger of the two slopes and of the tensor's largest gradient.
    public var tolerance: Double
    public var step: Double

    public init(reference: any Backend, tolerance: Double = 1e-6, step: Double = 1e-4) {
        self.reference = reference
        self.tolerance = tolerance
        self.step = step
    }

    /// Checks every smooth case whose name starts with `prefix`. `order` 2 checks gradients of gradients.
    public func run(
        _ prefix: String = "", cases: [ConformanceCase] = BackendConformance.cases, seeds: Range<UInt64> = 0..<1,
        order: Int = 1
    ) -> ConformanceReport {
        var report = ConformanceReport()
        for conformanceCase in cases
        where conformanceCase.differentiation == .smooth && conformanceCase.name.hasPrefix(prefix) {
            for seed in seeds {
                do {
                    try check(conformanceCase, seed, order, &report)
                } catch {
                    report.record(
                        conformanceCase.name,
                        ConformanceFailure(subject: conformanceCase.name, message: "\(error)", seed: seed))
                }
            }
        }
        return report
    }

    private func check(
        _ conformanceCase: ConformanceCase, _ seed: UInt64, _ order: Int, _ report: inout ConformanceReport
    ) throws {
        let builder = CaseBuilder(conformanceCase.name, seed: seed, float: .float64, limit: 60)
        conformanceCase.build(builder)
        let targets = builder.differentiable.map(\.tensor)
        var tensors = builder.outputs.map(\.tensor)
        for _ in 1..<max(order, 1) {
            guard let sum = builder.weighedSum(of: tensors) else { return }
            tensors = sum.gradients(withRespectTo: targets)
        }
        guard let loss = builder.weighedSum(of: tensors), !targets.isEmpty else { return }
        let gradients = loss.gradients(withRespectTo: targets)
        let names = builder.differentiable.map(\.name)
        let graph = try builder.graph.finish([("loss", loss)])
        let gradientGraph = try builder.graph.finish(zip(names, gradients).map { ($0, $1) })
        let slopes = try evaluate(gradientGraph, builder, replacing: nil)
        for (name, tensor) in zip(names, targets) {
            guard let gradient = slopes[name]?.doubles else { continue }
            for direction in directions(gradient.count, &builder.random) {
                let analytic = zip(gradient, direction).reduce(0) { $0 + $1.0 * $1.1 }
                let numeric = try slope(graph, builder, name, direction)
                let scale = max(analytic.magnitude, numeric.magnitude, gradient.map(\.magnitude).max() ?? 0, 1e-2)
                let error = (analytic - numeric).magnitude
                report.expect(
                    error <= tolerance * scale, conformanceCase.name,
                    "gradient of \(name), \(tensor.type): \(analytic), by finite differences \(numeric)", seed: seed,
                    maximumError: error)
            }
        }
    }

    /// Two directions of random signs and up to three single elements.
    private func directions(_ count: Int, _ random: inout SeededGenerator) -> [[Double]] {
        let signs = (0..<2).map { _ in (0..<count).map { _ in random.next() & 1 == 0 ? 1.0 : -1 } }
        let places = Array((0..<count).shuffled(using: &random).prefix(3))
        return signs + places.map { place in (0..<count).map { $0 == place ? 1 : 0 } }
    }

    private func slope(_ graph: Graph, _ builder: CaseBuilder, _ name: String, _ direction: [Double]) throws -> Double {
        func loss(_ offset: Double) throws -> Double {
            try evaluate(graph, builder, replacing: (name, direction.map { $0 * offset }))["loss"]?.doubles[0] ?? .nan
        }
        let h = step
        return try (8 * (loss(h) - loss(-h)) - (loss(2 * h) - loss(-2 * h))) / (12 * h)
    }

    private func evaluate(
        _ graph: Graph, _ builder: CaseBuilder, replacing change: (name: String, offset: [Double])?
    ) throws -> [String: TensorData] {
        var (inputs, parameters) = builder.values(for: graph)
        func moved(_ data: TensorData, _ offset: [Double]) -> TensorData {
            TensorData(data.type, doubles: zip(data.doubles, offset).map { $0 + $1 })
        }
        if let (name, offset) = change {
            inputs[name] = inputs[name].map { moved($0, offset) }
            parameters[name] = parameters[name].map { moved($0, offset) }
        }
        return try reference.compile(graph, parameters: parameters, options: CompileOptions()).run(inputs)
    }
}
