import Multimodal

/// Runs a graph on every backend that is at hand, forward and as steps that train, and compares with double precision.
struct TowerRuns {
    let subject: String
    let backends: [any Backend]
    let seed: UInt64

    /// How far features in float32 may be, after a tower's many ops, in proportion to the largest of a tensor.
    private static let tolerance = 1e-4
    /// And gradients, after twice as many, and batch norms of few numbers.
    private static let gradientTolerance = 1e-3
    /// Values this much smaller than the largest of all gradients are rounding.
    private static let negligible = 1e-5
    /// How far the parameter moves that moves most, in a step.
    private static let move = 0.01
    private static let steps = 2

    /// Embeds: all outputs of `graph`.
    func forward(
        _ graph: Graph, inputs: [String: TensorData], parameters: [String: TensorData], _ expected: DoubleEvaluation,
        _ report: inout ConformanceReport
    ) {
        for backend in backends {
            attempt(backend, graph, "embed", &report) {
                let executable = try backend.compile(graph, parameters: parameters, options: CompileOptions())
                let (found, again) = (try executable.run(inputs), try executable.run(inputs))
                let largest = expected.outputs.values.reduce(0) { max($0, $1.largest) }
                let faults = expected.outputs.sorted { $0.key < $1.key }.compactMap { name, values in
                    fault(
                        "'\(name)'", found[name]?.doubles, values, Self.tolerance * graph.coarseness,
                        largest * Self.negligible)
                }
                return faults + (found == again ? [] : ["the same batch a second time gives other features"])
            }
        }
    }

    /// Trains: `graph` has the output "loss" and, by the names of `targets`, its gradients. A few steps of gradient descent
    /// are made of it.
    func steps(
        _ graph: Graph, targets: [SlopeCheck.Target], inputs: [String: TensorData], parameters: [String: TensorData],
        _ report: inout ConformanceReport
    ) throws {
        let trained = targets.filter { !$0.isInput }.map(\.name)
        let doubles = inputs.mapValues(\.doubles)
        var now = parameters.mapValues(\.doubles)
        let start = try DoubleEvaluation(graph, inputs: doubles, parameters: now).outputs
        let steepest = trained.reduce(0) { max($0, start[$1]?.largest ?? 0) }
        let step = try graph.descending(trained, rate: steepest > 0 ? Self.move / steepest : 1)
        var expected: [[String: [Double]]] = []
        for _ in 0..<Self.steps {
            let evaluation = try DoubleEvaluation(step, inputs: doubles, parameters: now)
            expected.append(evaluation.outputs)
            now.merge(evaluation.updates) { $1 }
        }
        for backend in backends {
            attempt(backend, step, "train", &report) {
                let executable = try backend.compile(step, parameters: parameters, options: CompileOptions())
                var faults: [String] = []
                for (number, expected) in expected.enumerated() {
                    let found = try executable.run(inputs)
                    let largest = targets.reduce(0) { max($0, expected[$1.name]?.largest ?? 0) }
                    // After a step a sum that is nearly zero may be on the other side of a kink, in single precision.
                    for (name, values) in expected.sorted(by: { $0.key < $1.key }) where number == 0 || name == "loss" {
                        let what = name == "loss" ? "the loss" : "the gradient of '\(name)'"
                        let problem = fault(
                            "\(what) of step \(number + 1)", found[name]?.doubles, values,
                            Self.gradientTolerance * graph.coarseness, largest * Self.negligible)
                        if let problem { faults.append(problem) }
                    }
                }
                for (name, values) in now.sorted(by: { $0.key < $1.key }) {
                    let found = try executable.parameter(name)?.doubles
                    let problem = fault(
                        "the parameter '\(name)' after training", found, values, Self.gradientTolerance, Self.move / 100
                    )
                    if let problem { faults.append(problem) }
                }
                return faults
            }
        }
    }

    private func attempt(
        _ backend: any Backend, _ graph: Graph, _ what: String, _ report: inout ConformanceReport,
        _ body: () throws -> [String]
    ) {
        let name = backend.name
        do {
            let faults = try body()
            for fault in faults.prefix(4) {
                report.record("\(subject).backend", failure("\(what), on \(name): \(fault)"))
            }
            report.record("\(subject).backend", nil)
        } catch {
            report.record(
                "\(subject).backend",
                failure("\(name) cannot \(what): \(error)\(remedy(backend, graph, error: "\(error)"))"))
        }
    }

    /// What to do about an op that a backend declines, where its own error does not say so.
    private func remedy(_ backend: any Backend, _ graph: Graph, error: String) -> String {
        guard !error.contains("decompos"), let rest = graph.undecomposable(unless: backend.supports) else { return "" }
        return "; \(backend.name) declines the op '\(rest.op.name)' of \(rest.location): give the op a decomposition "
            + "(`OpDefinition.decompose`), or \(backend.name) a kernel for it"
    }

    private func failure(_ message: String) -> ConformanceFailure {
        ConformanceFailure(subject: "\(subject).backend", message: message, seed: seed)
    }

    private func fault(
        _ what: String, _ found: [Double]?, _ expected: [Double], _ tolerance: Double, _ floor: Double
    ) -> String? {
        guard let found, found.count == expected.count else { return "\(what) is missing or of another size" }
        let allowed = tolerance * expected.largest + floor
        let worst = zip(found, expected).map { ($0 - $1).magnitude }.enumerated()
            .max { ($0.element.isNaN ? .infinity : $0.element) < ($1.element.isNaN ? .infinity : $1.element) }
        guard let worst, !(worst.element <= allowed) else { return nil }
        return "\(what) is \(found[worst.offset]) at position \(worst.offset), expected \(expected[worst.offset])"
    }
}

extension Backend {
    /// What people call it: `cpu` for `CPUBackend`.
    var name: String {
        let type = "\(type(of: self))"
        let short = type.hasSuffix("Backend") && type != "Backend" ? String(type.dropLast("Backend".count)) : type
        return short.lowercased()
    }
}

extension [Double] {
    var largest: Double { reduce(0) { Swift.max($0, $1.magnitude) } }
}

extension Graph {
    /// Factor on tolerances: more where values pass through 16 bits.
    fileprivate var coarseness: Double {
        nodes.contains { $0.dtype == .bfloat16 || $0.dtype == .float16 } ? 300 : 1
    }

    /// With an update of each parameter in `names` against its gradient, which is the output of that name.
    fileprivate func descending(_ names: [String], rate: Double) throws -> Graph {
        let builder = GraphBuilder(extending: self)
        for (parameter, type) in parameterSignature where names.contains(parameter.name) {
            guard let gradient = outputs.first(where: { $0.name == parameter.name }) else { continue }
            let tensor = builder.parameter(parameter.name, type.shape, parameter.initializer, dtype: type.dtype)
            builder.update(tensor, to: tensor - builder.tensor(gradient.id) * rate)
        }
        return try builder.finish(outputs.map { ($0.name, builder.tensor($0.id)) })
    }

    /// The first op that neither `isSupported` nor its decomposition lets run.
    func undecomposable(unless isSupported: (Node) -> Bool) -> Node? {
        guard let graph = try? decomposing(unless: isSupported) else { return nil }
        return graph.nodes.first { $0.op.definition != nil && !isSupported($0) && $0.op.isCustom }
    }
}
