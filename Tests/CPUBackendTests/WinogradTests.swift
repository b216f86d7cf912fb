import Multimodal
import Testing

@testable import CPUBackend

private struct Case: CustomTestStringConvertible {
    var batch = 1
    var channels: Int
    var outputs: Int
    var height: Int
    var width: Int
    var testDescription: String { "[\(batch), \(channels), \(height), \(width)] to \(outputs)" }

    /// A convolution of 3 x 3 with weights known at compile time, after another one, as in a network.
    func graph(isPlain: Bool = false) throws -> Graph {
        try Graph.build { builder in
            let x = builder.input("x", TensorType(.float32, [batch, channels, height, width]))
            let deviation = 1 / Double(9 * channels).squareRoot()
            let weight = builder.parameter(
                "w", [outputs, channels, 3, 3], .normal(standardDeviation: deviation))
            let y = x.relu().convolution(weight, padding: 1)
            if isPlain { return [("y", y)] }
            let bias = builder.parameter("b", [outputs], .normal(standardDeviation: 0.5))
            return [("y", (y + bias.reshaped(to: [1, outputs, 1, 1])).relu())]
        }
    }

    func input(seed: UInt64 = 3) -> TensorData {
        var generator = SeededGenerator(seed: seed)
        let type = TensorType(.float32, [batch, channels, height, width])
        return TensorData(type, doubles: (0..<type.shape.count).map { _ in generator.nextNormal() })
    }
}

private let cases = [
    Case(channels: 32, outputs: 32, height: 12, width: 12),
    Case(batch: 3, channels: 32, outputs: 5, height: 14, width: 14),
    Case(batch: 2, channels: 48, outputs: 70, height: 16, width: 10),
    Case(batch: 2, channels: 128, outputs: 33, height: 2, width: 80),
]

private func compiled(_ graph: Graph, _ precision: CompileOptions.Precision = .float32, threads: Int = 2) throws
    -> CPUExecutable
{
    try CPUBackend().compiled(
        graph, parameters: graph.initialParameters(seed: 9),
        options: CompileOptions(precision: precision, threads: threads))
}

@Test("a convolution of 3 x 3 by Winograd's filtering is the reference's", arguments: cases, [false, true])
private func winogradValues(_ shape: Case, isPlain: Bool) throws {
    let graph = try shape.graph(isPlain: isPlain)
    let input = shape.input()
    let oracle = Oracle(graph: graph, parameters: graph.initialParameters(seed: 9))
    let expected = try #require(try oracle.run(["x": input]).outputs["y"])
    let executable = try compiled(graph)
    let got = try #require(try executable.run(["x": input])["y"]).doubles
    let steps = try #require(executable.takeProfile()).steps
    #expect(steps.contains { $0.detail.contains("winograd") })
    #expect(zip(got, expected).allSatisfy { abs($0 - $1) < 3e-6 })
    let narrow = try #require(try compiled(graph, .bfloat16).run(["x": input])["y"]).doubles
    #expect(zip(narrow, expected).allSatisfy { abs($0 - $1) < 4e-2 })
}

@Test(
    "its results depend neither on the batch nor on the number of threads",
    arguments: [CompileOptions.Precision.float32, .bfloat16])
private func winogradIndependence(precision: CompileOptions.Precision) throws {
    let whole = Case(batch: 5, channels: 64, outputs: 48, height: 14, width: 14)
    var single = whole
    single.batch = 1
    let input = whole.input()
    let both = try (1...2).map { try compiled(whole.graph(), precision, threads: $0).run(["x": input])["y"]?.floats }
    let expected = try #require(both[0])
    #expect(both[1] == expected)
    let executable = try compiled(single.graph(), precision, threads: 1)
    let size = input.shape.count / whole.batch
    for picture in 0..<whole.batch {
        let part = try #require(
            TensorData(Array(input.floats[picture * size..<(picture + 1) * size]), shape: [1, 64, 14, 14]))
        let got = try #require(try executable.run(["x": part])["y"]?.floats)
        #expect(got == Array(expected[picture * got.count..<(picture + 1) * got.count]))
    }
}

@Test("what it cannot do runs otherwise: odd pictures, few channels, strides, a residual")
private func winogradExceptions() throws {
    for shape in [
        Case(channels: 32, outputs: 8, height: 13, width: 14), Case(channels: 31, outputs: 8, height: 14, width: 14),
        Case(channels: 8, outputs: 8, height: 14, width: 14),
    ] {
        let graph = try shape.graph()
        let executable = try compiled(graph)
        let expected = try Oracle(graph: graph, parameters: graph.initialParameters(seed: 9)).run(["x": shape.input()])
        let got = try #require(try executable.run(["x": shape.input()])["y"]).doubles
        #expect(zip(got, try #require(expected.outputs["y"])).allSatisfy { abs($0 - $1) < 1e-5 })
        #expect(executable.takeProfile()?.steps.contains { $0.detail.contains("winograd") } == false)
    }
    let graph = try Graph.build { builder in
        let x = builder.input("x", TensorType(.float32, [2, 32, 14, 14]))
        let w = builder.parameter("w", [32, 32, 3, 3], .normal(standardDeviation: 0.06))
        return [("y", x + x.convolution(w, padding: 1)), ("z", x.convolution(w, stride: 2, padding: 1))]
    }
    let input = Case(batch: 2, channels: 32, outputs: 32, height: 14, width: 14).input()
    let expected = try Oracle(graph: graph, parameters: graph.initialParameters(seed: 9)).run(["x": input]).outputs
    for (name, values) in try compiled(graph).run(["x": input]) {
        #expect(zip(values.doubles, try #require(expected[name])).allSatisfy { abs($0 - $1) < 1e-5 })
    }
}
