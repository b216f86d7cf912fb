import Multimodal

/// What image and text encoders are checked for alike: everything in double precision by the ops' own definitions, then
/// the same on every backend that is at hand.
struct EncoderChecks {
    let subject: String
    let backends: [any Backend]
    let seed: UInt64
    /// The type of a batch; `length` counts for texts.
    let input: (_ batch: Int, _ length: Int) -> TensorType
    /// Builds the features of a batch.
    let build: (Tensor, ParameterScope) -> EncoderFeatures

    private static let prefix = "tower."
    private static let x = "x"
    /// Between two ways of computing the same in double precision.
    static let tolerance = Tolerance(relative: 1e-8, absolute: 1e-8)

    private func features(_ builder: GraphBuilder, _ batch: Int, _ length: Int, isTraining: Bool) -> EncoderFeatures {
        let scope = ParameterScope(builder: builder, prefix: Self.prefix, isTraining: isTraining)
        return build(builder.input(Self.x, input(batch, length)), scope)
    }

    /// The forward graph of a batch.
    func graph(batch: Int, length: Int) throws -> Graph {
        let builder = GraphBuilder()
        let features = features(builder, batch, length, isTraining: false)
        let outputs = [("pooled", features.pooled), ("tokens", features.tokens), ("penultimate", features.penultimate)]
        return try builder.finish(outputs.compactMap { name, tensor in tensor.map { (name, $0) } })
    }

    /// Parameters drawn from their initialisers and then moved a little where they are trainable: a projection that
    /// starts at zero would hide everything before it.
    func parameters(_ graph: Graph) -> [String: TensorData] {
        let trainable = Set(graph.parameterSignature.filter(\.parameter.isTrainable).map(\.parameter.name))
        return graph.initialParameters(seed: seed).reduce(into: [:]) { result, entry in
            let (name, data) = entry
            guard trainable.contains(name), data.dtype.isFloat else { return result[name] = data }
            let noise = Initializer.normal(standardDeviation: 0.05).draw(data.type, name: name, seed: seed ^ 1)
            result[name] = TensorData(data.type, doubles: zip(data.doubles, noise.doubles).map { $0 + $1 })
        }
    }

    func evaluate(
        _ graph: Graph, _ parameters: [String: TensorData], _ x: TensorData
    ) throws -> DoubleEvaluation {
        try DoubleEvaluation(graph, inputs: [Self.x: x.doubles], parameters: parameters.mapValues(\.doubles))
    }

    func common(batch: Int, length: Int, x: TensorData, other: TensorData, _ report: inout ConformanceReport) throws {
        let graph = try graph(batch: batch, length: length)
        report.expect(
            graph == (try self.graph(batch: batch, length: length)), "\(subject).build",
            "built a second time with the same settings, the graph is another one")
        try declarations(graph, batch, length, &report)
        shapes(graph, batch, &report)
        let parameters = parameters(graph)
        let found = try evaluate(graph, parameters, x)
        for (name, values) in found.outputs.sorted(by: { $0.key < $1.key }) {
            report.expect(
                values.allSatisfy(\.isFinite), "\(subject).finite",
                "'\(name)' is not finite, with parameters near their initial values")
        }
        CustomOpChecks(subject: subject, seed: seed).run(found, differentiable: true, &report)
        let again = try evaluate(graph, parameters, x)
        report.expect(
            found.outputs.allSatisfy { $1.isSame(as: again.outputs[$0] ?? []) }, "\(subject).determinism",
            "the same batch a second time gives other features")
        try rows(found, parameters, batch, length, x, other, &report)
        let runs = TowerRuns(subject: subject, backends: backends, seed: seed)
        runs.forward(graph, inputs: [Self.x: x], parameters: parameters, found, &report)
        try gradients(batch, length, parameters, x, runs, &report)
    }

    /// What is declared is the model's: by names within the scope, the same for every batch, changed by training only.
    private func declarations(
        _ graph: Graph, _ batch: Int, _ length: Int, _ report: inout ConformanceReport
    ) throws {
        for (parameter, _) in graph.parameterSignature {
            report.expect(
                parameter.name.hasPrefix(Self.prefix) && parameter.name != Self.prefix, "\(subject).names",
                "parameter '\(parameter.name)' is not declared through the scope")
        }
        if let update = graph.updates.first, case .parameter(let parameter) = graph[update.parameter].op {
            report.expect(
                false, "\(subject).state",
                "'\(parameter.name)' changes whenever something is embedded, so that features depend on what was embedded "
                    + "before; update it where `scope.isTraining` alone")
        }
        let builder = GraphBuilder()
        let training = features(builder, batch + 1, length, isTraining: true)
        let trained = try builder.finish([("pooled", training.pooled)])
        for update in trained.updates {
            guard case .parameter(let parameter) = trained[update.parameter].op else { continue }
            report.expect(
                !parameter.isTrainable, "\(subject).state",
                "'\(parameter.name)' is trainable and updated by the encoder; only one of the two can be")
        }
        func signature(_ graph: Graph) -> [String: TensorType] {
            graph.parameterSignature.reduce(into: [:]) { $0[$1.parameter.name] = $1.type }
        }
        let (expected, single) = (signature(graph), signature(try self.graph(batch: 1, length: length)))
        for (what, found) in [("one row", single), ("training on another batch", signature(trained))] {
            for (name, type) in found.sorted(by: { $0.key < $1.key }) where expected[name] != type {
                // What only other outputs than the pooled one need is not trained.
                report.expect(
                    false, "\(subject).parameters",
                    "for \(what), parameter '\(name)' is \(type), for a batch of \(batch) "
                        + (expected[name].map { "\($0)" } ?? "there is none"))
            }
            report.record("\(subject).parameters", nil)
        }
    }

    private func shapes(_ graph: Graph, _ batch: Int, _ report: inout ConformanceReport) {
        for output in graph.outputs {
            let type = graph[output.id].type
            let rank = output.name == "pooled" ? 2 : 3
            report.expect(
                type.shape.rank == rank && type.shape.dimensions.first == batch && type.dtype == .float32,
                "\(subject).shape", "\(output.name) is \(type), not float32 of rank \(rank) with \(batch) rows")
        }
    }

    /// `other` has the first row of `x` and other rows else.
    private func rows(
        _ found: DoubleEvaluation, _ parameters: [String: TensorData], _ batch: Int, _ length: Int,
        _ x: TensorData, _ other: TensorData, _ report: inout ConformanceReport
    ) throws {
        let changed = try found.moving(inputs: [Self.x: other.doubles])
        let single = try graph(batch: 1, length: length)
        let alone = try (0..<batch).map { try evaluate(single, parameters, Self.row(x, $0, of: batch)) }
        for (name, values) in found.outputs.sorted(by: { $0.key < $1.key }) where values.count.isMultiple(of: batch) {
            let width = values.count / batch
            func gap(_ values: [Double], _ expected: ArraySlice<Double>) -> Difference? {
                let type = TensorType(.float64, [width])
                guard values.count == width else {
                    return Difference(
                        position: nil, found: "\(values.count) values", expected: "\(width)", maximumError: .infinity,
                        count: 0)
                }
                return difference(
                    TensorData(type, doubles: values), TensorData(type, doubles: Array(expected)), Self.tolerance)
            }
            func row(_ index: Int) -> ArraySlice<Double> { values[index * width..<(index + 1) * width] }
            let after = changed.outputs[name] ?? []
            let first = gap(Array(after.prefix(width)), row(0))
            report.expect(
                first == nil, "\(subject).batch",
                "'\(name)' of the first of a batch depends on the others: \(first?.description ?? "")")
            if name == "pooled" {
                report.expect(
                    gap(Array(after.suffix(width)), row(batch - 1)) != nil, "\(subject).input",
                    "another input gives the same features of width \(width)")
            }
            for (index, evaluation) in alone.enumerated() {
                let gap = gap(evaluation.outputs[name] ?? [], row(index))
                report.expect(
                    gap == nil, "\(subject).batch",
                    "'\(name)' of row \(index) alone differs from that in a batch: \(gap?.description ?? "")")
            }
        }
    }

    private static func row(_ data: TensorData, _ index: Int, of batch: Int) -> TensorData {
        let size = data.shape.count / batch
        let type = TensorType(data.dtype, Shape([1] + data.shape.dimensions.dropFirst()))
        return TensorData(type, doubles: Array(data.doubles[index * size..<(index + 1) * size]))
    }

    private func gradients(
        _ batch: Int, _ length: Int, _ parameters: [String: TensorData], _ x: TensorData, _ runs: TowerRuns,
        _ report: inout ConformanceReport
    ) throws {
        let builder = GraphBuilder()
        let features = features(builder, batch, length, isTraining: true).pooled
        let weights = Initializer.normal(standardDeviation: 1).draw(features.type, name: "weights", seed: seed)
        let loss = (features * builder.constant(weights)).sum()
        let forward = try builder.finish([("loss", loss)])
        let trainable = forward.parameterSignature.filter { $0.parameter.isTrainable && $0.type.dtype.isFloat }
        var named = trainable.map { parameter, type in
            let tensor = builder.parameter(parameter.name, type.shape, parameter.initializer, dtype: type.dtype)
            return (target: SlopeCheck.Target(name: parameter.name), tensor: tensor)
        }
        if x.dtype.isFloat {
            // The input is what was declared first.
            named.append((SlopeCheck.Target(name: Self.x, isInput: true), builder.tensor(0)))
        }
        let gradients = loss.gradients(withRespectTo: named.map(\.tensor))
        let graph = try builder.finish(zip(named, gradients).map { ($0.target.name, $1) } + [("loss", loss)])
        for output in graph.outputs where output.name != "loss" && output.name != Self.x {
            report.expect(
                !graph.isZero(output.id), "\(subject).gradient", "no gradient reaches '\(output.name)'")
        }
        let missing = parameters.merging(graph.initialParameters(seed: seed)) { kept, _ in kept }
        let own = missing.filter { name, _ in graph.parameterSignature.contains { $0.parameter.name == name } }
        let doubles = own.mapValues(\.doubles)
        let check = SlopeCheck(
            graph: graph, inputs: [Self.x: x.doubles], parameters: doubles, targets: named.map(\.target), seed: seed)
        for fault in try check.faults() {
            let what =
                fault.target.map { $0.isInput ? "the input" : "'\($0.name)'" } ?? "all parameters together"
            report.record(
                "\(subject).gradient",
                ConformanceFailure(
                    subject: "\(subject).gradient", message: "the gradient of \(what) \(fault.message)", seed: seed,
                    maximumError: fault.error))
        }
        report.record("\(subject).gradient", nil)
        CustomOpChecks(subject: subject, seed: seed).run(
            try evaluate(graph, own, x), differentiable: false, &report)
        try runs.steps(graph, targets: named.map(\.target), inputs: [Self.x: x], parameters: own, &report)
    }
}

extension Graph {
    /// Whether a value is zero by construction: what a gradient is where the loss does not depend on its target.
    fileprivate func isZero(_ id: Node.ID) -> Bool {
        switch self[id].op {
        case .constant(let data): data.doubles.allSatisfy { $0 == 0 }
        case .broadcast: isZero(self[id].inputs[0])
        default: false
        }
    }
}
