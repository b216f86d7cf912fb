import Multimodal

/// What image and text encoders are checked for alike. `build` makes the features of a batch of `count`.
struct EncoderChecks {
    let subject: String
    let backend: any Backend
    let seed: UInt64
    /// Builds the features over an input named "x"; `batch` and, for texts, `length` are its extents.
    let build: (ParameterScope, _ batch: Int, _ length: Int) -> EncoderFeatures

    private func scope(_ builder: GraphBuilder, isTraining: Bool) -> ParameterScope {
        ParameterScope(builder: builder, prefix: Self.prefix, isTraining: isTraining)
    }

    private static let prefix = "tower."

    /// The forward graph of a batch.
    func graph(batch: Int, length: Int) throws -> Graph {
        let builder = GraphBuilder()
        let features = build(scope(builder, isTraining: false), batch, length)
        let outputs = [("pooled", features.pooled), ("tokens", features.tokens), ("penultimate", features.penultimate)]
        return try builder.finish(outputs.compactMap { name, tensor in tensor.map { (name, $0) } })
    }

    /// Parameters drawn from their initialisers and then moved a little where they are trainable: a projection that
    /// starts at zero would hide everything before it.
    func parameters(_ graph: Graph) -> [String: TensorData] {
        let trainable = Set(graph.parameterSignature.filter(\.parameter.isTrainable).map(\.parameter.name))
        return graph.initialParameters(seed: seed).reduce(into: [:]) { result, entry in
            let (name, data) = entry
            guard trainable.contains(name) else { return result[name] = data }
            let noise = Initializer.normal(standardDeviation: 0.05).draw(data.type, name: name, seed: seed ^ 1)
            result[name] = TensorData(data.type, doubles: zip(data.doubles, noise.doubles).map { $0 + $1 })
        }
    }

    func run(_ graph: Graph, _ parameters: [String: TensorData], _ x: TensorData) throws -> [String: TensorData] {
        let own = parameters.filter { name, _ in graph.parameterSignature.contains { $0.parameter.name == name } }
        return try backend.compile(graph, parameters: own, options: CompileOptions()).run(["x": x])
    }

    func common(batch: Int, length: Int, x: TensorData, other: TensorData, _ report: inout ConformanceReport) throws {
        let graph = try graph(batch: batch, length: length)
        report.expect(
            graph == (try self.graph(batch: batch, length: length)), "\(subject).build", "differs from time to time")
        for (parameter, _) in graph.parameterSignature {
            report.expect(
                parameter.name.hasPrefix(Self.prefix) && parameter.name != Self.prefix, "\(subject).names",
                "parameter '\(parameter.name)' is not declared through the scope")
        }
        shapes(graph, batch, &report)
        let parameters = parameters(graph)
        let found = try run(graph, parameters, x)
        guard let pooled = found["pooled"] else { return }
        report.expect(pooled.doubles.allSatisfy(\.isFinite), "\(subject).finite", "features are not finite")
        report.expect(
            try run(graph, parameters, x) == found, "\(subject).determinism", "the same batch, other features")
        let changed = try run(graph, parameters, other)["pooled"] ?? pooled
        try rows(pooled, changed, parameters, batch, length, x, &report)
        try gradients(batch, length, parameters, x, &report)
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

    /// `changed` has the first row of `x` and other rows else.
    private func rows(
        _ pooled: TensorData, _ changed: TensorData, _ parameters: [String: TensorData], _ batch: Int, _ length: Int,
        _ x: TensorData, _ report: inout ConformanceReport
    ) throws {
        let width = pooled.doubles.count / batch
        func row(_ data: TensorData, _ index: Int) -> TensorData {
            let size = data.doubles.count / data.shape[0]
            let values = Array(data.doubles[index * size..<(index + 1) * size])
            return TensorData(TensorType(data.dtype, Shape([1] + data.shape.dimensions.dropFirst())), doubles: values)
        }
        let gap = difference(row(changed, 0), row(pooled, 0), EncoderChecks.tolerance)
        report.expect(
            gap == nil, "\(subject).batch", "the first of a batch depends on the others: \(gap?.description ?? "")")
        let same = difference(row(changed, batch - 1), row(pooled, batch - 1), EncoderChecks.tolerance)
        report.expect(same != nil, "\(subject).input", "another input gives the same features of width \(width)")
        let single = try graph(batch: 1, length: length)
        for index in 0..<batch {
            let alone = try run(single, parameters, row(x, index))["pooled"] ?? pooled
            let gap = difference(alone, row(pooled, index), EncoderChecks.tolerance)
            report.expect(gap == nil, "\(subject).batch", "row \(index) alone differs: \(gap?.description ?? "")")
        }
    }

    private func gradients(
        _ batch: Int, _ length: Int, _ parameters: [String: TensorData], _ x: TensorData,
        _ report: inout ConformanceReport
    ) throws {
        let builder = GraphBuilder()
        let features = build(scope(builder, isTraining: true), batch, length).pooled
        let weights = Initializer.normal(standardDeviation: 1).draw(features.type, name: "weights", seed: seed)
        let loss = (features * builder.constant(weights)).sum()
        let forward = try builder.finish([("loss", loss)])
        let named = forward.parameterSignature.filter(\.parameter.isTrainable).map { parameter, type in
            (name: parameter.name, tensor: builder.parameter(parameter.name, type.shape, parameter.initializer))
        }
        let gradients = loss.gradients(withRespectTo: named.map(\.tensor))
        let graph = try builder.finish(zip(named, gradients).map { ($0.name, $1) } + [("loss", loss)])
        for output in graph.outputs where output.name != "loss" {
            report.expect(
                !graph.isZero(output.id), "\(subject).gradient", "no gradient reaches '\(output.name)'")
        }
        let found = try run(graph, parameters, x)
        for (name, value) in found {
            report.expect(
                value.doubles.allSatisfy(\.isFinite), "\(subject).gradient", "the gradient of '\(name)' is not finite")
        }
    }

    static let tolerance = Tolerance(relative: 1e-4, absolute: 1e-4)
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
