public import Multimodal

/// Runs every op, and small whole networks, forward and gradient, on a backend and on an oracle, over random shapes and
/// values, and says where they differ.
///
///     let report = BackendConformance(MyBackend(), reference: ReferenceBackend()).run()
///     #expect(report.hasPassed, "\(report)")
///
/// A backend may decline float64 (`supports`), which training and embedding do without; such cases are told as skipped.
/// Cases are seeded: a failure names its seed and runs again with it alone.
public struct BackendConformance: Sendable {
    public var candidate: any Backend
    public var reference: any Backend
    public var seeds: Range<UInt64>
    public var options: CompileOptions
    /// Factor on all tolerances; 1 for float32, more for `.bfloat16` precision.
    public var toleranceFactor: Double

    public init(
        _ candidate: any Backend, reference: any Backend, seeds: Range<UInt64> = 0..<3,
        options: CompileOptions = CompileOptions(), toleranceFactor: Double? = nil
    ) {
        self.candidate = candidate
        self.reference = reference
        self.seeds = seeds
        self.options = options
        self.toleranceFactor = toleranceFactor ?? (options.precision == .float32 ? 1 : 4000)
    }

    /// All cases, one name each. What a name starts with is the op: `softmax.view`.
    public static let cases: [ConformanceCase] =
        ConformanceCase.elementwise + ConformanceCase.movement + ConformanceCase.products
        + ConformanceCase.indexing + ConformanceCase.composites + ConformanceCase.structure
        + ConformanceCase.networks

    /// Runs the cases whose name starts with `prefix`, plus, for the whole, the contract of executables.
    public func run(_ prefix: String = "", cases: [ConformanceCase] = BackendConformance.cases) -> ConformanceReport {
        var report = ConformanceReport()
        for conformanceCase in cases where conformanceCase.name.hasPrefix(prefix) {
            for seed in seeds { report.merge(run(conformanceCase, seed: seed)) }
        }
        if prefix.isEmpty {
            let contract = ExecutableContract(backend: candidate, options: options, toleranceFactor: toleranceFactor)
            report.merge(contract.run())
        }
        return report
    }

    private func run(_ conformanceCase: ConformanceCase, seed: UInt64) -> ConformanceReport {
        var report = ConformanceReport()
        let builder = CaseBuilder(conformanceCase.name, seed: seed, float: .float32, limit: 1200)
        conformanceCase.build(builder)
        if conformanceCase.differentiation != .none { builder.outputGradients() }
        do {
            let graph = try builder.graph.finish(builder.outputs)
            report.coveredOps = Set(graph.nodes.map { OpKey.key(of: $0.op) })
            if let beyond = graph.nodes.first(where: { $0.dtype == .float64 && !candidate.supports($0) }) {
                report.skip(conformanceCase.name, "declines \(beyond.op.name) of \(beyond.type)")
                return report
            }
            let expected = try steps(reference, graph, builder)
            try compare(candidate, graph, expected, "", conformanceCase, builder, seed, &report)
            let primitive = try graph.decomposing { _ in false }
            if primitive != graph {
                report.coveredOps.formUnion(primitive.nodes.map { OpKey.key(of: $0.op) })
                try compare(candidate, primitive, expected, "decomposed, ", conformanceCase, builder, seed, &report)
            }
        } catch {
            report.record(
                conformanceCase.name,
                ConformanceFailure(subject: conformanceCase.name, message: "\(error)", seed: seed))
        }
        return report
    }

    private struct Results {
        var outputs: [String: TensorData]
        var parameters: [String: TensorData]
    }

    /// Three runs of a graph that has updates, one of another.
    private func steps(_ backend: any Backend, _ graph: Graph, _ builder: CaseBuilder) throws -> [Results] {
        let (inputs, parameters) = builder.values(for: graph)
        let executable = try backend.compile(graph, parameters: parameters, options: options)
        return try (0..<(graph.updates.isEmpty ? 1 : 3)).map { _ in
            let outputs = try executable.run(inputs)
            let now = try parameters.keys.reduce(into: [:]) { $0[$1] = try executable.parameter($1) }
            return Results(outputs: outputs, parameters: now)
        }
    }

    private func compare(
        _ backend: any Backend, _ graph: Graph, _ expected: [Results], _ how: String,
        _ conformanceCase: ConformanceCase, _ builder: CaseBuilder, _ seed: UInt64, _ report: inout ConformanceReport
    ) throws {
        let found: [Results]
        do {
            found = try steps(backend, graph, builder)
        } catch {
            let failure = ConformanceFailure(
                subject: conformanceCase.name, message: "\(how)cannot run: \(error)", seed: seed)
            return report.record(conformanceCase.name, failure)
        }
        let inputs = graph.inputSignature.map { "\($0.type)" }.joined(separator: " ")
        let tolerances = builder.tolerances(factor: toleranceFactor)
        for (step, (found, expected)) in zip(found, expected).enumerated() {
            let pairs =
                expected.outputs.map { ("output '\($0)'", found.outputs[$0], $1, tolerances[$0]) }
                + expected.parameters.map { ("parameter '\($0)'", found.parameters[$0], $1, nil) }
            for (what, found, expected, tolerance) in pairs.sorted(by: { $0.0 < $1.0 }) {
                let fallback = Tolerance.op(expected.dtype).widened(by: builder.toleranceFactor * toleranceFactor)
                let gap =
                    found.map { difference($0, expected, tolerance ?? fallback) }
                    ?? Difference(
                        position: nil, found: "missing", expected: "\(expected.type)", maximumError: .infinity, count: 0
                    )
                report.record(
                    conformanceCase.name,
                    gap.map {
                        ConformanceFailure(
                            subject: conformanceCase.name,
                            message: "\(how)\(what) of run \(step + 1), \(expected.type) from \(inputs): \($0)",
                            seed: seed, maximumError: $0.maximumError, location: graph.location(of: what))
                    })
            }
            if found.outputs.count != expected.outputs.count {
                report.expect(false, conformanceCase.name, "\(how)gives \(found.outputs.keys.sorted())", seed: seed)
            }
        }
    }
}

extension CaseBuilder {
    /// Adds the gradients of a weighed sum of the outputs as outputs, one for each differentiable input.
    func outputGradients() {
        guard let loss = weighedSum(of: outputs.map(\.tensor)), !differentiable.isEmpty else { return }
        let gradients = loss.gradients(withRespectTo: differentiable.map(\.tensor))
        for ((name, _), gradient) in zip(differentiable, gradients) { output(gradient, "gradient of \(name)") }
    }

    /// An output is compared as its coarsest part allows: where an element passed through bfloat16, so does the error.
    func tolerances(factor: Double) -> [String: Tolerance] {
        var result: [String: Tolerance] = [:]
        for (name, tensor) in outputs {
            let coarsest: DType = tensor.dtype.isFloat && passesThrough16Bits(name) ? .bfloat16 : tensor.dtype
            result[name] = Tolerance.op(coarsest).widened(by: toleranceFactor * factor)
        }
        return result
    }

    /// A gradient through 16-bit products is rounded to 16 bits on its way, and a sum of those may round otherwise.
    private func passesThrough16Bits(_ name: String) -> Bool {
        name.hasPrefix("gradient of")
            && outputs.contains { $0.tensor.dtype == .bfloat16 || $0.tensor.dtype == .float16 }
    }
}

extension Graph {
    fileprivate func location(of what: String) -> SourceLocation? {
        outputs.first { "output '\($0.name)'" == what }.map { self[$0.id].location }
    }
}
