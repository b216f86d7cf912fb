public import Multimodal

/// What every contrastive loss promises: a scalar that falls as pairs come together, that does not care for the order
/// of the batch or (`isSymmetric`) which side is called images, and gradients that are right and reach both sides and the
/// temperature.
///
///     let report = LossConformance.run(loss, backends: [ReferenceBackend(), CPUBackend()])
///     #expect(report.hasPassed, "\(report)")
///
/// Everything is evaluated in double precision by the ops' own definitions, gradients are compared with finite
/// differences, and then each of `backends` trains with the loss.
public enum LossConformance {
    public static func run(
        _ loss: any ContrastiveLoss, backends: [any Backend], batch: Int = 5, width: Int = 7, seed: UInt64 = 0
    ) -> ConformanceReport {
        var report = ConformanceReport()
        let checks = LossChecks(
            loss: loss, backends: backends, batch: max(batch, 3), width: max(width, 2), seed: seed)
        do {
            try checks.run(&report)
        } catch {
            report.record("loss", ConformanceFailure(subject: "loss", message: "\(error)", seed: seed))
        }
        return report
    }

    /// The same with one backend.
    public static func run(
        _ loss: any ContrastiveLoss, backend: any Backend, batch: Int = 5, width: Int = 7, seed: UInt64 = 0
    ) -> ConformanceReport { run(loss, backends: [backend], batch: batch, width: width, seed: seed) }
}

private struct LossChecks {
    let loss: any ContrastiveLoss
    let backends: [any Backend]
    let batch: Int
    let width: Int
    let seed: UInt64

    /// Of a loss, in double precision.
    private static let tolerance = 1e-9

    func run(_ report: inout ConformanceReport) throws {
        let forward = try graph(batch, &report)
        let parameters = forward.initialParameters(seed: seed)
        // Pairs that lie close together, and the same in other orders.
        let rows = (0..<batch).map { unit("row \($0)") }
        let near = zip(rows, 0..<batch).map { row, index in
            normalized(zip(row, unit("near \(index)")).map { $0 + 0.3 * $1 })
        }
        func outputs(_ images: [[Double]], _ texts: [[Double]]) throws -> [String: [Double]] {
            let inputs = ["images": images.flatMap { $0 }, "texts": texts.flatMap { $0 }]
            return try DoubleEvaluation(forward, inputs: inputs, parameters: parameters.mapValues(\.doubles)).outputs
        }
        func value(_ images: [[Double]], _ texts: [[Double]]) throws -> Double {
            try outputs(images, texts)["loss"]?.first ?? .nan
        }
        let base = try value(rows, near)
        report.expect(base.isFinite, "loss.finite", "the loss is \(base)")
        func same(_ other: Double) -> Bool { (other - base).magnitude <= Self.tolerance * max(base.magnitude, 1) }
        for (name, order) in orders {
            let permuted = try value(order.map { rows[$0] }, order.map { near[$0] })
            report.expect(same(permuted), "loss.order", "with the pairs \(name), the loss is \(permuted), not \(base)")
        }
        let swapped = try value(near, rows)
        report.expect(
            !loss.isSymmetric || same(swapped), "loss.symmetry",
            "with images and texts swapped, the loss is \(swapped), not \(base); if that is meant, let `isSymmetric` say so"
        )
        let turned = orders[0].order.map { near[$0] }
        let wrong = try value(rows, turned)
        report.expect(wrong > base, "loss.alignment", "wrong pairs cost \(wrong), right ones \(base)")
        try calibrations(forward, parameters, try outputs(rows, near), &report)
        try gradients(parameters, rows, turned, &report)
        try single(parameters, &report)
    }

    private var orders: [(name: String, order: [Int])] {
        [
            ("turned by two", (0..<batch).map { ($0 + 2) % batch }), ("reversed", (0..<batch).reversed()),
            ("with the first two swapped", [1, 0] + (2..<batch)),
        ]
    }

    private func build(
        _ builder: GraphBuilder, _ batch: Int
    ) -> (images: Tensor, texts: Tensor, output: ContrastiveLossOutput) {
        let type = TensorType(.float32, [batch, width])
        let (images, texts) = (builder.input("images", type), builder.input("texts", type))
        return (
            images, texts,
            loss.build(images: images, texts: texts, in: ParameterScope(builder: builder, isTraining: true))
        )
    }

    private func graph(_ batch: Int, _ report: inout ConformanceReport) throws -> Graph {
        let builder = GraphBuilder()
        let built = build(builder, batch).output
        for (name, tensor) in [("loss", built.loss), ("logit scale", built.logitScale)] {
            report.expect(
                tensor.shape.count == 1 && tensor.dtype == .float32, "loss.shape",
                "the \(name) of \(batch) pairs is \(tensor.type), not a scalar")
        }
        return try builder.finish([("loss", built.loss), ("scale", built.logitScale)])
    }

    /// The graph's temperature is that of the calibration, at the start and at each end of what training may reach.
    private func calibrations(
        _ graph: Graph, _ parameters: [String: TensorData], _ outputs: [String: [Double]],
        _ report: inout ConformanceReport
    ) throws {
        try calibration(parameters, outputs, "at the start", &report)
        var isBounded = false
        for (parameter, type) in graph.parameterSignature {
            guard let bounds = parameter.bounds, let initial = parameters[parameter.name] else { continue }
            isBounded = true
            report.expect(
                initial.doubles.allSatisfy(bounds.contains), "loss.bounds",
                "'\(parameter.name)' starts outside of its bounds \(bounds)")
            for bound in [bounds.lowerBound, bounds.upperBound] {
                let moved = parameters.merging(
                    [parameter.name: TensorData(type, doubles: Array(repeating: bound, count: type.shape.count))]
                ) { $1 }
                let rows = (0..<batch).flatMap { unit("row \($0)") }
                let inputs = ["images": rows, "texts": rows]
                let found = try DoubleEvaluation(graph, inputs: inputs, parameters: moved.mapValues(\.doubles)).outputs
                let value = found["loss"]?.first ?? .nan
                report.expect(
                    value.isFinite && value.magnitude < Double(Float.greatestFiniteMagnitude), "loss.bounds",
                    "where '\(parameter.name)' is \(bound), its bound, the loss is \(value)")
                try calibration(moved, found, "where '\(parameter.name)' is \(bound)", &report)
            }
        }
        if !isBounded { report.skip("loss.bounds", "no parameter has bounds: training may move it anywhere") }
    }

    private func calibration(
        _ parameters: [String: TensorData], _ outputs: [String: [Double]], _ where: String,
        _ report: inout ConformanceReport
    ) throws {
        let scalars = parameters.filter { $0.value.shape.count == 1 }.compactMapValues(\.floats.first)
        let calibration = try loss.calibration(scalars)
        report.expect(
            calibration.scale.isFinite && calibration.scale > 0 && calibration.bias.isFinite, "loss.calibration",
            "\(`where`): scale \(calibration.scale), bias \(calibration.bias)")
        let scale = Float(outputs["scale"]?.first ?? .nan)
        report.expect(
            (scale - calibration.scale).magnitude <= 1e-4 * calibration.scale, "loss.calibration",
            "\(`where`), the graph scales by \(scale), the calibration by \(calibration.scale)")
    }

    private func gradients(
        _ parameters: [String: TensorData], _ images: [[Double]], _ texts: [[Double]],
        _ report: inout ConformanceReport
    ) throws {
        let builder = GraphBuilder()
        let (imageInput, textInput, built) = build(builder, batch)
        let forward = try builder.finish([("loss", built.loss)])
        var named = [("images", imageInput), ("texts", textInput)].map {
            (target: SlopeCheck.Target(name: $0.0, isInput: true), tensor: $0.1)
        }
        named += forward.parameterSignature.filter(\.parameter.isTrainable).map { parameter, type in
            let tensor = builder.parameter(parameter.name, type.shape, parameter.initializer, dtype: type.dtype)
            return (SlopeCheck.Target(name: parameter.name), tensor)
        }
        let gradients = built.loss.gradients(withRespectTo: named.map(\.tensor))
        let graph = try builder.finish([("loss", built.loss)] + zip(named, gradients).map { ($0.target.name, $1) })
        let type = TensorType(.float32, [batch, width])
        let inputs = [
            "images": TensorData(type, doubles: images.flatMap { $0 }),
            "texts": TensorData(type, doubles: texts.flatMap { $0 }),
        ]
        let own = parameters.filter { name, _ in graph.parameterSignature.contains { $0.parameter.name == name } }
        let evaluation = try DoubleEvaluation(
            graph, inputs: inputs.mapValues(\.doubles), parameters: own.mapValues(\.doubles))
        for (target, _) in named {
            let gradient = evaluation.outputs[target.name] ?? []
            report.expect(
                gradient.allSatisfy(\.isFinite) && gradient.contains { $0 != 0 }, "loss.gradient",
                "no finite gradient reaches '\(target.name)'")
        }
        CustomOpChecks(subject: "loss", seed: seed).run(
            try DoubleEvaluation(
                forward, inputs: inputs.mapValues(\.doubles), parameters: own.mapValues(\.doubles)),
            differentiable: true, &report)
        CustomOpChecks(subject: "loss", seed: seed).run(evaluation, differentiable: false, &report)
        let check = SlopeCheck(
            graph: graph, inputs: inputs.mapValues(\.doubles), parameters: own.mapValues(\.doubles),
            targets: named.map(\.target), seed: seed)
        for fault in try check.faults() {
            let what = fault.target.map { "'\($0.name)'" } ?? "all inputs and parameters together"
            report.record(
                "loss.gradient",
                ConformanceFailure(
                    subject: "loss.gradient", message: "the gradient of \(what) \(fault.message)", seed: seed,
                    maximumError: fault.error))
        }
        let runs = TowerRuns(subject: "loss", backends: backends, seed: seed)
        try runs.steps(graph, targets: named.map(\.target), inputs: inputs, parameters: own, &report)
    }

    /// One pair, with nothing to tell it from.
    private func single(_ parameters: [String: TensorData], _ report: inout ConformanceReport) throws {
        let graph = try graph(1, &report)
        let inputs = ["images": unit("row 0"), "texts": unit("near 0")]
        let found = try DoubleEvaluation(graph, inputs: inputs, parameters: parameters.mapValues(\.doubles)).outputs
        report.expect(
            found["loss"]?.first?.isFinite == true, "loss.single", "the loss of one pair is \(found["loss"] ?? [])")
    }

    private func unit(_ name: String) -> [Double] {
        normalized(
            Initializer.normal(standardDeviation: 1).draw(TensorType(.float64, [width]), name: name, seed: seed).doubles
        )
    }

    private func normalized(_ row: [Double]) -> [Double] {
        let norm = row.reduce(0) { $0 + $1 * $1 }.squareRoot()
        return row.map { $0 / norm }
    }
}
