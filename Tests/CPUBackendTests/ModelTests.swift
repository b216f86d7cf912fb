import Multimodal
import Testing

@testable import CPUBackend

private func worst(_ a: [Double], _ b: [Double]) -> Double {
    a.count == b.count ? zip(a, b).map { $0.isNaN || $1.isNaN ? .infinity : abs($0 - $1) }.max() ?? 0 : .infinity
}

@Test("three AdamW steps leave the reference's loss and parameters", arguments: [1, 2])
func training(threads: Int) throws {
    let model = SmallCLIP()
    let graph = try model.graph(trains: true)
    var oracle = Oracle(graph: graph, parameters: graph.initialParameters(seed: 5))
    let executable = try CPUBackend().compile(
        graph, parameters: oracle.parameters, options: CompileOptions(threads: threads))
    for step in 0..<3 {
        let inputs = model.inputs(seed: UInt64(step))
        let expected = try oracle.run(inputs)
        let got = try executable.run(inputs)
        for (name, values) in expected.outputs { #expect(worst(got[name]?.doubles ?? [], values) < 2e-5, "\(name)") }
        for (name, values) in expected.parameters {
            let type = try #require(oracle.parameters[name]?.type)
            oracle.parameters[name] = TensorData(type, doubles: values)
            #expect(worst(try executable.parameter(name)?.doubles ?? [], values) < 2e-5, "\(name)")
        }
    }
}

@Test("a tower that only embeds gives the reference's embeddings, in bfloat16 nearly")
func embedding() throws {
    let model = SmallCLIP()
    let graph = try model.graph(trains: false)
    let oracle = Oracle(graph: graph, parameters: graph.initialParameters(seed: 5))
    let inputs = model.inputs(seed: 1)
    let expected = try oracle.run(inputs).outputs
    let plain = try CPUBackend().compile(graph, parameters: oracle.parameters, options: CompileOptions())
    let narrow = try CPUBackend().compile(
        graph, parameters: oracle.parameters, options: CompileOptions(precision: .bfloat16))
    for name in ["image", "text"] {
        let values = try #require(expected[name])
        #expect(worst(try plain.run(inputs)[name]?.doubles ?? [], values) < 1e-5)
        #expect(worst(try narrow.run(inputs)[name]?.doubles ?? [], values) < 2e-2)
    }
}

@Test("bfloat16 points every vector where float32 does, to a cosine of 0.9995", arguments: [1, 2])
func bfloat16Cosines(threads: Int) throws {
    let model = SmallCLIP(batch: 16, imageSize: 32, patch: 8, width: 64, heads: 2, imageLayers: 4)
    let graph = try model.graph(trains: false)
    let parameters = graph.initialParameters(seed: 7)
    var runs: [[String: TensorData]] = []
    for precision in [CompileOptions.Precision.float32, .bfloat16] {
        let options = CompileOptions(precision: precision, threads: threads)
        runs.append(
            try CPUBackend().compile(graph, parameters: parameters, options: options).run(model.inputs(seed: 2)))
    }
    for name in ["image", "text"] {
        let (exact, narrow) = (try #require(runs[0][name]), try #require(runs[1][name]))
        let width = exact.shape[1]
        for row in 0..<exact.shape[0] {
            let (a, b) = (
                exact.doubles[row * width..<(row + 1) * width], narrow.doubles[row * width..<(row + 1) * width]
            )
            func dot(_ x: ArraySlice<Double>, _ y: ArraySlice<Double>) -> Double {
                zip(x, y).reduce(0) { $0 + $1.0 * $1.1 }
            }
            #expect(dot(a, b) / (dot(a, a) * dot(b, b)).squareRoot() > 0.9995, "\(name) \(row)")
        }
    }
}

@Test("an index outside is an error that names it, and the executable goes on")
func indexOutside() throws {
    let graph = try Graph.build { builder in
        [("y", builder.parameter("table", [5, 2], .ones).gather(builder.input("i", TensorType(.int32, [3]))))]
    }
    let executable = try CPUBackend().compile(
        graph, parameters: graph.initialParameters(seed: 1), options: CompileOptions())
    let bad = try #require(TensorData([0, 5, 1] as [Int32], shape: [3]))
    let good = try #require(TensorData([0, 4, 1] as [Int32], shape: [3]))
    let error = #expect(throws: BackendError.self) { try executable.run(["i": bad]) }
    #expect(error?.message.contains("index 5 is outside of 0..<5") == true)
    #expect(try executable.run(["i": good])["y"]?.floats == [1, 1, 1, 1, 1, 1])
}

@Test("updates that exchange parameters keep both old values")
func exchange() throws {
    let graph = try Graph.build { builder in
        let a = builder.parameter("a", [3], .constant(1))
        let b = builder.parameter("b", [3], .constant(2))
        let c = builder.parameter("c", [3], .constant(3))
        builder.update(a, to: b)
        builder.update(b, to: a)
        builder.update(c, to: c + a)
        return [("old", c), ("sum", a + b + c)]
    }
    let executable = try CPUBackend().compile(
        graph, parameters: graph.initialParameters(seed: 1), options: CompileOptions())
    let first = try executable.run([:])
    #expect(first["old"]?.floats == [3, 3, 3] && first["sum"]?.floats == [6, 6, 6])
    #expect(try executable.parameter("a")?.floats == [2, 2, 2])
    #expect(try executable.parameter("b")?.floats == [1, 1, 1])
    #expect(try executable.parameter("c")?.floats == [4, 4, 4])
    #expect(try executable.run([:])["old"]?.floats == [4, 4, 4])
}

@Test("runs from several tasks give what one run gives")
func concurrentRuns() async throws {
    let model = SmallCLIP()
    let graph = try model.graph(trains: false)
    let executable = try CPUBackend().compile(
        graph, parameters: graph.initialParameters(seed: 5), options: CompileOptions())
    let expected = try executable.run(model.inputs(seed: 1))
    try await withThrowingTaskGroup(of: [String: TensorData].self) { group in
        for _ in 0..<8 { group.addTask { try executable.run(model.inputs(seed: 1)) } }
        for try await result in group { #expect(result == expected) }
    }
}

@Test("float64 and a wrong number of threads are refused in plain words")
func refusals() throws {
    let graph = try Graph.build { [("y", $0.input("x", TensorType(.float64, [3])).exp())] }
    let error = #expect(throws: BackendError.self) {
        try CPUBackend().compile(graph, parameters: [:], options: CompileOptions())
    }
    #expect(error?.message.contains("float64") == true)
    let plain = try Graph.build { [("y", $0.input("x", TensorType(.float32, [3])).exp())] }
    #expect(throws: BackendError.self) {
        try CPUBackend().compile(plain, parameters: [:], options: CompileOptions(threads: 0))
    }
}

@Test(
    "what a product reads may be its residual as well", arguments: [CompileOptions.Precision.float32, .bfloat16, .int8])
func residualOfItself(precision: CompileOptions.Precision) throws {
    let (batch, channels, side) = (2, 96, 9)
    let graph = try Graph.build { builder in
        let scope = ParameterScope(builder: builder)
        func weight(_ name: String, _ shape: Shape) -> Tensor {
            scope.parameter(name, shape, .normal(standardDeviation: 0.08))
        }
        let first = weight("first", [channels, 3, 3, 3])
        let images = builder.input("images", TensorType(.float32, [batch, 3, side, side]))
        var x = images.convolution(first, padding: 1).relu()
        for kernel in [1, 3, 1] {
            x =
                (x.convolution(weight("\(kernel) \(x.id)", [channels, channels, kernel, kernel]), padding: kernel / 2)
                + x)
                .relu()
        }
        var rows = x.reshaped(to: [batch, channels, side * side]).transposed()
        for name in ["a", "b"] { rows = rows.matmul(weight(name, [channels, channels])) + rows }
        return [("y", rows.mean(axes: [1], keepDimensions: false).matmul(weight("last", [channels, 8])))]
    }
    var generator = SeededGenerator(seed: 1)
    let type = TensorType(.float32, [batch, 3, side, side])
    let inputs = ["images": TensorData(type, doubles: (0..<type.shape.count).map { _ in generator.nextNormal() })]
    let parameters = graph.initialParameters(seed: 2)
    let expected = try #require(try Oracle(graph: graph, parameters: parameters).run(inputs).outputs["y"])
    let got = try CPUBackend().compile(graph, parameters: parameters, options: CompileOptions(precision: precision))
        .run(inputs)["y"]?.doubles
    let size = expected.map(abs).max() ?? 0
    #expect(worst(got ?? [], expected) < size * (precision == .float32 ? 1e-5 : 2e-2))
}
