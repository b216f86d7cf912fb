import CPUBackend
import Multimodal
import MultimodalTesting
import ReferenceBackend
import Testing

/// What CONTRIBUTING says of ops that plugins bring.
@Suite("An op of a plugin's own")
struct OpConformanceTests {
    private let backends: [any Backend] = [ReferenceBackend(), CPUBackend()]

    private func tensor(_ type: TensorType, _ seed: UInt64) -> TensorData {
        Initializer.normal(standardDeviation: 1).draw(type, name: "x", seed: seed)
    }

    private var inputs: [TensorData] {
        [tensor(TensorType(.float32, [2, 3, 5]), 1), tensor(TensorType(.float32, [5]), 2)]
    }

    @Test("passes by itself on every backend, forward and gradient")
    func passes() {
        let report = OpConformance.run(Bend(), on: inputs, backends: backends)
        #expect(report.hasPassed, "\(report)")
        #expect(report.checks["op.backend"] == 4)
    }

    @Test("passes where it evaluates in single precision, and is found wrong there, too")
    func single() {
        let right = OpConformance.run(Bend(isSinglePrecision: true), on: inputs, backends: backends)
        #expect(right.hasPassed, "\(right)")
        let wrong = OpConformance.run(Bend(fault: .gradientFactor(1.01), isSinglePrecision: true), on: inputs)
        #expect(wrong.failures.contains { $0.subject == "op.op-gradient" }, "\(wrong)")
    }

    @Test(
        "is found wrong by itself",
        arguments: [
            (Bend.Fault.gradientSign, "op.op-gradient"), (.gradientOfWeightNil, "op.op-gradient"),
            (.decompositionValue, "op.op-decomposition"), (.noDecomposition, "op.op-decomposition"),
            (.random, "op.op-determinism"), (.count, "op"),
        ])
    func fails(fault: Bend.Fault, subject: String) {
        let report = OpConformance.run(Bend(fault: fault), on: inputs, backends: backends)
        #expect(report.failures.contains { $0.subject == subject && $0.message.contains("bend") }, "\(report)")
    }

    @Test("that does not take its inputs is told so")
    func shapes() {
        let report = OpConformance.run(Bend(), on: [inputs[0]])
        #expect(report.failures.contains { $0.message.contains("needs x [..., n] and w [n]") }, "\(report)")
    }

    @Test("is printed by its name, is one node where it is written twice, and is decomposed for who declines it")
    func graph() throws {
        let graph = try Graph.build { b in
            let (x, w) = (b.input("x", TensorType(.float32, [2, 5])), b.input("w", TensorType(.float32, [5])))
            return [("y", x.bent(by: w, .none) + x.bent(by: w, .none))]
        }
        #expect("\(graph)".split(separator: "\n").filter { $0.contains("= bend(") }.count == 1, "\(graph)")
        let declined = try graph.decomposed(for: "somebody") { if case .custom = $0.op { false } else { true } }
        #expect(!"\(declined)".contains("bend("), "\(declined)")
        let kept = try graph.decomposed(for: "somebody") { _ in true }
        #expect(kept == graph)
    }

    @Test("of graphs in 16 bits passes, too: their rounding is not taken for a fault")
    func narrow() {
        let report = ImageEncoderConformance.run(NarrowEncoder(), backends: backends)
        #expect(report.hasPassed, "\(report)")
    }
}

/// An encoder with a product in bfloat16.
private struct NarrowEncoder: ImageEncoder {
    var imageSize: Int { 4 }

    func build(_ images: Tensor, in scope: ParameterScope) -> EncoderFeatures {
        let weight = scope.parameter("weight", [48, 6], .normal(standardDeviation: 0.2)).cast(to: .bfloat16)
        let x = images.reshaped(to: [images.dimension(0), 48]).cast(to: .bfloat16)
        return EncoderFeatures(pooled: x.matmul(weight, result: .float32).tanh())
    }
}
