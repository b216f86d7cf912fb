import Multimodal
import Testing

@testable import CPUBackend

/// Graphs of a user's own that store some values in bfloat16, in every precision near the reference's results.
@Suite struct NarrowOperandTests {
    private func check(_ graph: Graph, sourceLocation: Testing.SourceLocation = #_sourceLocation) throws {
        let parameters = graph.initialParameters(seed: 3)
        var generator = SeededGenerator(seed: 5)
        let inputs = graph.inputSignature.reduce(into: [String: TensorData]()) { inputs, input in
            inputs[input.name] = TensorData(
                input.type, doubles: (0..<input.type.shape.count).map { _ in generator.nextNormal() })
        }
        let expected = try #require(try Oracle(graph: graph, parameters: parameters).run(inputs).outputs["y"])
        let most = expected.map(abs).max() ?? 1
        for precision in CompileOptions.Precision.allCases {
            for threads in [1, 2] {
                let executable = try CPUBackend().compile(
                    graph, parameters: parameters, options: CompileOptions(precision: precision, threads: threads))
                let got = try #require(try executable.run(inputs)["y"]).doubles
                #expect(
                    zip(got, expected).allSatisfy { abs($0 - $1) < 0.05 * most }, "\(precision)",
                    sourceLocation: sourceLocation)
            }
        }
    }

    @Test("a convolution's weight may come from bfloat16")
    func weight() throws {
        try check(
            Graph.build { builder in
                func weight(_ name: String, _ shape: Shape) -> Tensor {
                    builder.parameter(name, shape, .normal(standardDeviation: 0.1))
                }
                let x = builder.input("x", TensorType(.float32, [2, 8, 14, 14]))
                let first = x.convolution(weight("a", [16, 8, 3, 3]), padding: 1).relu()
                let narrow = weight("b", [20, 16, 3, 3]).cast(to: .bfloat16).cast(to: .float32)
                let second = first.convolution(narrow, padding: 1).relu()
                return [("y", second.convolution(weight("c", [4, 20, 1, 1])))]
            })
    }

    @Test("what a product adds may come from bfloat16")
    func residual() throws {
        try check(
            Graph.build { builder in
                func weight(_ name: String) -> Tensor {
                    builder.parameter(name, [64, 64], .normal(standardDeviation: 0.1))
                }
                let x = builder.input("x", TensorType(.float32, [2, 3, 4, 64]))
                let rest = x.cast(to: .bfloat16).cast(to: .float32)
                let sum = rest + x.matmul(weight("a")).relu().matmul(weight("b"))
                return [("y", sum.gelu(.erf).matmul(weight("c")))]
            })
    }

    @Test("attention of one query over keys whose products are widened")
    func widened() throws {
        try check(
            Graph.build { builder in
                let x = builder.input("x", TensorType(.float32, [2, 5, 24])).cast(to: .bfloat16)
                func heads(_ name: String, _ x: Tensor) -> Tensor {
                    let weight = builder.parameter(name, [24, 24], .normal(standardDeviation: 0.2))
                    return x.matmul(weight.cast(to: .bfloat16), result: .float32)
                        .reshaped(to: [2, x.dimension(1), 4, 6]).transposed([0, 2, 1, 3])
                }
                let mixed = heads("q", x.sliced(axis: 1, 0..<1))
                    .attention(keys: heads("k", x), values: heads("v", x), isCausal: false)
                return [("y", mixed.reshaped(to: [2, 24]))]
            })
    }
}
