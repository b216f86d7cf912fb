public import Multimodal

/// What every contrastive loss promises: a scalar that falls as pairs come together, that does not care for the order
/// of the batch or which side is called images, and gradients that reach both sides and the temperature.
public enum LossConformance {
    public static func run(
        _ loss: any ContrastiveLoss, backend: any Backend, batch: Int = 5, width: Int = 7, seed: UInt64 = 0
    ) -> ConformanceReport {
        var report = ConformanceReport()
        do {
            try check(loss, backend, max(batch, 3), max(width, 2), seed, &report)
        } catch {
            report.record("loss", ConformanceFailure(subject: "loss", message: "\(error)", seed: seed))
        }
        return report
    }

    private static func check(
        _ loss: any ContrastiveLoss, _ backend: any Backend, _ batch: Int, _ width: Int, _ seed: UInt64,
        _ report: inout ConformanceReport
    ) throws {
        let builder = GraphBuilder()
        let type = TensorType(.float32, [batch, width])
        let (images, texts) = (builder.input("images", type), builder.input("texts", type))
        let built = loss.build(images: images, texts: texts, in: ParameterScope(builder: builder))
        for (name, tensor) in [("loss", built.loss), ("logit scale", built.logitScale)] {
            report.expect(
                tensor.shape.count == 1 && tensor.dtype == .float32, "loss.shape",
                "the \(name) is \(tensor.type), not a scalar")
        }
        let forward = try builder.finish([("loss", built.loss), ("scale", built.logitScale)])
        let parameters = forward.initialParameters(seed: seed)
        let named =
            [("images", images), ("texts", texts)]
            + forward.parameterSignature.filter(\.parameter.isTrainable).map { parameter, type in
                (parameter.name, builder.parameter(parameter.name, type.shape, parameter.initializer))
            }
        let gradients = built.loss.gradients(withRespectTo: named.map(\.1))
        let graph = try builder.finish(
            [("loss", built.loss), ("scale", built.logitScale)]
                + zip(named, gradients).map { ("gradient of \($0.0)", $1) })
        let executable = try backend.compile(graph, parameters: parameters, options: CompileOptions())

        // Pairs that lie close together, and the same in other orders.
        let rows = (0..<batch).map { unit(width, "row \($0)", seed) }
        let near = zip(rows, (0..<batch)).map { row, index in
            normalized(zip(row, unit(width, "near \(index)", seed)).map { $0 + 0.3 * $1 })
        }
        func run(_ images: [[Double]], _ texts: [[Double]]) throws -> [String: TensorData] {
            try executable.run([
                "images": TensorData(type, doubles: images.flatMap { $0 }),
                "texts": TensorData(type, doubles: texts.flatMap { $0 }),
            ])
        }
        func value(_ result: [String: TensorData]) -> Double { result["loss"]?.doubles.first ?? .nan }
        let aligned = try run(rows, near)
        let base = value(aligned)
        let close = 1e-4 * max(base.magnitude, 1e-2)
        report.expect(base.isFinite, "loss.finite", "the loss is \(base)")
        let turned = { (rows: [[Double]]) in Array(rows[2...] + rows[..<2]) }
        let permuted = value(try run(turned(rows), turned(near)))
        report.expect(
            (permuted - base).magnitude < close, "loss.order", "another order of pairs: \(permuted), not \(base)")
        let swapped = value(try run(near, rows))
        report.expect(
            (swapped - base).magnitude < close, "loss.symmetry", "images and texts swapped: \(swapped), not \(base)")
        let shuffled = try run(rows, turned(near))
        report.expect(
            value(shuffled) > base, "loss.alignment", "wrong pairs cost \(value(shuffled)), right ones \(base)")
        for (name, _) in named {
            let gradient = shuffled["gradient of \(name)"]?.doubles ?? []
            report.expect(
                gradient.allSatisfy(\.isFinite) && gradient.contains { $0 != 0 }, "loss.gradient",
                "no finite gradient reaches '\(name)'")
        }
        let scalars = parameters.filter { $0.value.shape.count == 1 }.compactMapValues(\.floats.first)
        let calibration = try loss.calibration(scalars)
        report.expect(
            calibration.scale.isFinite && calibration.scale > 0 && calibration.bias.isFinite, "loss.calibration",
            "scale \(calibration.scale), bias \(calibration.bias)")
        let scale = aligned["scale"]?.floats.first ?? .nan
        report.expect(
            (scale - calibration.scale).magnitude <= 1e-4 * calibration.scale, "loss.calibration",
            "the graph scales by \(scale), the calibration by \(calibration.scale)")
    }

    private static func unit(_ width: Int, _ name: String, _ seed: UInt64) -> [Double] {
        normalized(
            Initializer.normal(standardDeviation: 1).draw(TensorType(.float64, [width]), name: name, seed: seed).doubles
        )
    }

    private static func normalized(_ row: [Double]) -> [Double] {
        let norm = row.reduce(0) { $0 + $1 * $1 }.squareRoot()
        return row.map { $0 / norm }
    }
}
