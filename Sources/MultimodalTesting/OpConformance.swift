public import Multimodal

/// What an op promises that a plugin brings: an evaluation that fits its shape rule, a gradient that is right, a
/// decomposition that computes the same, and so the same on every backend.
///
///     let x = TensorData([0.5, -1, 2], shape: [3])
///     let report = OpConformance.run(MyOp(), on: [x], backends: [ReferenceBackend(), CPUBackend()])
///     #expect(report.hasPassed, "\(report)")
///
/// The suites of what uses the op (encoders, losses) check it, too, on the values that it meets there.
public enum OpConformance {
    /// - Parameter inputs: values to compute with: some of every kind that the op treats in its own way, and no ties or
    ///   kinks, where there is no gradient.
    public static func run(
        _ op: some OpDefinition, on inputs: [TensorData], backends: [any Backend] = [], seed: UInt64 = 0
    ) -> ConformanceReport {
        var report = ConformanceReport()
        do {
            let builder = GraphBuilder()
            let names = inputs.indices.map { "input \($0)" }
            let tensors = zip(names, inputs).map { builder.input($0, $1.type) }
            let location = SourceLocation(fileID: "\(type(of: op))", line: 0)
            let y = builder.apply(.custom(CustomOp(op)), tensors, location)
            let graph = try builder.finish([("y", y)])
            let values = Dictionary(uniqueKeysWithValues: zip(names, inputs))
            let evaluation = try DoubleEvaluation(graph, inputs: values.mapValues(\.doubles), parameters: [:])
            CustomOpChecks(subject: "op", seed: seed).run(evaluation, differentiable: true, &report)
            let runs = TowerRuns(subject: "op", backends: backends, seed: seed)
            runs.forward(graph, inputs: values, parameters: [:], evaluation, &report)
            let floats = tensors.filter(\.dtype.isFloat)
            guard report.failures.isEmpty, y.dtype.isFloat, !floats.isEmpty else { return report }
            let weights = Initializer.uniform(bound: 1).draw(y.type, name: "weights", seed: seed)
            let loss = (y * builder.constant(weights)).sum()
            let gradients = loss.gradients(withRespectTo: floats).enumerated()
            let backward = try builder.finish(gradients.map { ("gradient \($0.offset)", $0.element) })
            let expected = try DoubleEvaluation(backward, inputs: values.mapValues(\.doubles), parameters: [:])
            // Inputs that no gradient reads are not the graph's.
            let read = Set(backward.inputSignature.map(\.name))
            runs.forward(backward, inputs: values.filter { read.contains($0.key) }, parameters: [:], expected, &report)
        } catch {
            report.record("op", ConformanceFailure(subject: "op", message: "\(op.name): \(error)", seed: seed))
        }
        return report
    }
}
