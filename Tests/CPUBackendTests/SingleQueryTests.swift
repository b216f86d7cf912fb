import Multimodal
import Testing

@testable import CPUBackend

/// Attention of one query over tokens projected in the ways that towers do it.
private enum Way: CaseIterable {
    /// One product for queries, keys and values, as in a Transformer's block.
    case joined
    /// A product for each, as in a ResNet's attention pool.
    case separate
    /// Without biases.
    case plain

    func graph(batch: Int) throws -> Graph {
        try Graph.build { builder in
            let (tokens, width, heads) = (9, 24, 4)
            let x = builder.input("x", TensorType(.float32, [batch, tokens, width]))
            func parameter(_ name: String, _ shape: Shape) -> Tensor {
                builder.parameter(name, shape, .normal(standardDeviation: 0.3))
            }
            func split(_ y: Tensor) -> Tensor {
                y.reshaped(to: [batch, y.dimension(1), heads, width / heads]).transposed([0, 2, 1, 3])
            }
            let (q, k, v): (Tensor, Tensor, Tensor)
            switch self {
            case .joined:
                let all = x.linear(weight: parameter("w", [3 * width, width]), bias: parameter("b", [3 * width]))
                    .reshaped(to: [batch, tokens, 3, width])
                func part(_ i: Int) -> Tensor {
                    split(all.sliced(axis: 2, i..<i + 1).reshaped(to: [batch, tokens, width]))
                }
                (q, k, v) = (part(0), part(1), part(2))
            case .separate, .plain:
                func project(_ name: String, _ x: Tensor) -> Tensor {
                    let weight = parameter("w" + name, [width, width])
                    if self == .plain { return split(x.matmul(weight)) }
                    return split(x.linear(weight: weight, bias: parameter("b" + name, [width])))
                }
                (q, k, v) = (project("q", x.sliced(axis: 1, 0..<1)), project("k", x), project("v", x))
            }
            let mixed = q.attention(keys: k, values: v, isCausal: false).transposed([0, 2, 1, 3])
            let rows = mixed.reshaped(to: [batch, mixed.dimension(1), width])
            return [("y", rows.sliced(axis: 1, 0..<1).reshaped(to: [batch, width]))]
        }
    }
}

@Test("attention of one query gives the same without projected keys and values", arguments: Way.allCases, [1, 3])
private func singleQuery(way: Way, batch: Int) throws {
    let graph = try way.graph(batch: batch)
    let parameters = graph.initialParameters(seed: 4)
    var generator = SeededGenerator(seed: 2)
    let input = TensorData(
        TensorType(.float32, [batch, 9, 24]), doubles: (0..<batch * 9 * 24).map { _ in generator.nextNormal() })
    let expected = try #require(try Oracle(graph: graph, parameters: parameters).run(["x": input]).outputs["y"])
    for (precision, tolerance) in [(CompileOptions.Precision.float32, 1e-5), (.bfloat16, 5e-2)] {
        let executable = try CPUBackend().compile(
            graph, parameters: parameters, options: CompileOptions(precision: precision))
        let got = try #require(try executable.run(["x": input])["y"]).doubles
        #expect(zip(got, expected).allSatisfy { abs($0 - $1) < tolerance })
        // No product of all tokens with weights is left.
        let steps = try #require(executable.takeProfile()).steps
        #expect(!steps.contains { $0.kind == "matmul" && $0.flops >= Double(2 * batch * 9 * 24 * 24) })
    }
}
