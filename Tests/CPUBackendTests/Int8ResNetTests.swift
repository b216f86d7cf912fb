import Multimodal
import Testing

@testable import CPUBackend

/// Bottlenecks with and without a branch of their own, pools between, a matrix at the end.
private struct SmallResNet {
    var batch = 3
    var imageSize = 28, width = 16, embedding = 24

    func graph() throws -> Graph {
        try Graph.build { builder in
            let images = builder.input("images", TensorType(.float32, [batch, 3, imageSize, imageSize]))
            let scope = ParameterScope(builder: builder)
            var x = convolution("stem1", images, width, kernel: 3, in: scope).relu()
            x = convolution("stem2", x, 2 * width, kernel: 3, in: scope).relu().averagePool(kernel: 2)
            for (index, stride) in [1, 1, 2, 1].enumerated() {
                x = bottleneck(x, index < 2 ? width : 2 * width, stride, scope["\(index)"])
            }
            let (channels, positions) = (x.dimension(1), x.dimension(2) * x.dimension(3))
            let grid = x.reshaped(to: [batch, channels, positions]).transposed()
            let mixed = linear("mix", grid, channels, in: scope).gelu(.quick).mean(axes: [1], keepDimensions: false)
            return [("image", linear("out", mixed, embedding, in: scope))]
        }
    }

    private func bottleneck(_ x: Tensor, _ planes: Int, _ stride: Int, _ scope: ParameterScope) -> Tensor {
        var y = convolution("1", x, planes, kernel: 1, in: scope).relu()
        y = convolution("2", y, planes, kernel: 3, in: scope).relu()
        if stride > 1 { y = y.averagePool(kernel: stride) }
        y = convolution("3", y, 4 * planes, kernel: 1, in: scope)
        var shortcut = x
        if stride > 1 || x.dimension(1) != 4 * planes {
            if stride > 1 { shortcut = shortcut.averagePool(kernel: stride) }
            shortcut = convolution("down", shortcut, 4 * planes, kernel: 1, in: scope)
        }
        return (y + shortcut).relu()
    }

    private func convolution(
        _ name: String, _ x: Tensor, _ outputs: Int, kernel: Int, in scope: ParameterScope
    ) -> Tensor {
        let inputs = x.dimension(1)
        let deviation = (2 / Double(inputs * kernel * kernel)).squareRoot()
        let weight = scope[name].parameter(
            "weight", [outputs, inputs, kernel, kernel], .normal(standardDeviation: deviation))
        let bias = scope[name].parameter("bias", [outputs], .normal(standardDeviation: 0.1))
            .reshaped(to: [1, outputs, 1, 1])
        return x.convolution(weight, padding: kernel / 2) + bias
    }

    private func linear(_ name: String, _ x: Tensor, _ outputs: Int, in scope: ParameterScope) -> Tensor {
        x.linear(
            weight: scope[name].parameter("weight", [outputs, x.dimension(-1)], .normal(standardDeviation: 0.1)),
            bias: scope[name].parameter("bias", [outputs], .zeros))
    }

    func images(seed: UInt64, count: Int? = nil) -> TensorData {
        var generator = SeededGenerator(seed: seed)
        let shape: Shape = [count ?? batch, 3, imageSize, imageSize]
        return TensorData(
            TensorType(.float32, shape), doubles: (0..<shape.count).map { _ in generator.nextNormal() })
    }

    func executable(
        _ precision: CompileOptions.Precision, threads: Int = 1, sharedWeights: SharedWeights? = nil
    ) throws -> CPUExecutable {
        let graph = try graph()
        return try CPUBackend().compiled(
            graph, parameters: graph.initialParameters(seed: 3),
            options: CompileOptions(precision: precision, threads: threads, sharedWeights: sharedWeights))
    }
}

private func cosine(_ a: some Sequence<Float>, _ b: some Sequence<Float>) -> Double {
    let (a, b) = (a.map(Double.init), b.map(Double.init))
    func dot(_ x: [Double], _ y: [Double]) -> Double { zip(x, y).reduce(0) { $0 + $1.0 * $1.1 } }
    return dot(a, b) / (dot(a, a) * dot(b, b)).squareRoot()
}

@Test("int8 embeddings of a residual network keep near float32's")
func int8ResNet() throws {
    let model = SmallResNet(batch: 8)
    let inputs = ["images": model.images(seed: 1)]
    let exact = try #require(try model.executable(.float32).run(inputs)["image"]?.floats)
    let got = try #require(try model.executable(.int8).run(inputs)["image"]?.floats)
    let cosines = (0..<8).map { row in
        let range = row * model.embedding..<(row + 1) * model.embedding
        return cosine(exact[range], got[range])
    }
    #expect(cosines.allSatisfy { $0 > 0.999 }, "\(cosines)")
}

@Test("in int8 all convolutions but the one of pixels take bytes, and nothing is copied between them")
func int8ResNetSteps() throws {
    let executable = try SmallResNet().executable(.int8)
    _ = try executable.run(["images": SmallResNet().images(seed: 1)])
    let steps = try #require(executable.takeProfile()).steps
    let convolutions = steps.filter { $0.kind == "convolution" }
    #expect(convolutions.count == 16)
    #expect(convolutions.filter { !$0.detail.hasSuffix("int8") }.count == 1)
    #expect(steps.filter { $0.kind == "averagePool" }.allSatisfy { $0.detail.hasSuffix("int8") })
    let first = try #require(steps.firstIndex { $0.kind == "quantize" })
    let last = try #require(steps.lastIndex { $0.kind == "convolution" })
    #expect(steps[(first + 1)...last].allSatisfy { $0.kind == "convolution" || $0.kind == "averagePool" })
}

@Test("a picture's int8 embedding does not depend on its batch or on the number of threads, bit for bit")
func int8ResNetIndependence() throws {
    let model = SmallResNet(batch: 3)
    let together = try #require(
        try model.executable(.int8).run(["images": model.images(seed: 1)])["image"]?.floats)
    for threads in 2...4 {
        let again = try model.executable(.int8, threads: threads).run(["images": model.images(seed: 1)])["image"]
        #expect(again?.floats == together)
    }
    var alone = model
    alone.batch = 1
    let executable = try alone.executable(.int8)
    let pixels = model.images(seed: 1).floats
    for row in 0..<3 {
        let part = Array(pixels[row * pixels.count / 3..<(row + 1) * pixels.count / 3])
        let image = try #require(TensorData(part, shape: [1, 3, model.imageSize, model.imageSize]))
        let got = try executable.run(["images": image])["image"]?.floats
        #expect(got == Array(together[row * model.embedding..<(row + 1) * model.embedding]))
    }
}

@Test("a pixel that is no number gives its picture NaN in int8, and others theirs")
func int8ResNetNaN() throws {
    let model = SmallResNet(batch: 3)
    let executable = try model.executable(.int8)
    let pixels = model.images(seed: 1).floats
    let clean = try #require(try executable.run(["images": model.images(seed: 1)])["image"]?.floats)
    for value in [Float.nan, .infinity] {
        var spoilt = pixels
        spoilt[pixels.count / 3 + 400] = value
        let images = try #require(TensorData(spoilt, shape: [3, 3, model.imageSize, model.imageSize]))
        let got = try #require(try executable.run(["images": images])["image"]?.floats)
        let middle = model.embedding..<2 * model.embedding
        #expect(got[middle].allSatisfy { $0.isNaN })
        #expect(got[..<middle.lowerBound] == clean[..<middle.lowerBound])
        #expect(got[middle.upperBound...] == clean[middle.upperBound...])
    }
}

@Test("executables of other batch sizes take the int8 weights that one has packed")
func int8SharedWeights() throws {
    let shared = SharedWeights()
    let model = SmallResNet(batch: 3)
    let options = CompileOptions(precision: .int8, threads: 1, sharedWeights: shared)
    func packs(batch: Int) throws -> Int {
        let graph = try SmallResNet(batch: batch).graph()
        let prepared = try graph.prepared(for: options, unless: CPUBackend().supports)
        let parameters = try prepared.ordered(graph.initialParameters(seed: 3))
        return try Planner(prepared, parameters: parameters, options: options, threads: 1).steps
            .count { $0.kind == "pack int8" }
    }
    #expect(try packs(batch: 3) == 16)
    let first = try #require(
        try model.executable(.int8, sharedWeights: shared).run(["images": model.images(seed: 1)])["image"])
    #expect(try packs(batch: 5) == 0)
    var larger = model
    larger.batch = 5
    let second = try #require(
        try larger.executable(.int8, sharedWeights: shared).run(["images": larger.images(seed: 1)])["image"])
    #expect(second.floats.prefix(first.floats.count) == first.floats[...])
}
