import FoundationEssentials
import ModelGraph
import Multimodal
import ReferenceBackend
import TestSupport
import Testing

/// The reference backend in float64 against PyTorch in float64 (Tests/Fixtures/Ops/make.py).
@Suite struct PyTorchTests {
    struct Fixture: Decodable {
        struct Values: Decodable {
            var shape: [Int]
            var values: [Double]
            var data: TensorData { TensorData(TensorType(.float64, Shape(shape)), doubles: values) }
        }
        struct Case: Decodable {
            var inputs: [Values]
            var indices: Values?
            var extra: [Values]?
            var weights: Values
            var output: Values
            var gradients: [Values]
        }
        struct AdamW: Decodable {
            struct Step: Decodable {
                var loss: Double
                var norm: Double
                var weight: Values
                var bias: Values
            }
            var x: Values
            var labels: Values
            var weight: Values
            var bias: Values
            var steps: [Step]
        }
        var cases: [String: Case]
        var adamw: AdamW
    }

    static func load() throws -> Fixture {
        let path = URL(filePath: fixture("Ops/ops.json"))
        return try JSONDecoder().decode(Fixture.self, from: Data(contentsOf: path))
    }

    /// What each case of the fixture is in this graph. `i` are its inputs, `n` its indices, `e` what else it names.
    static let builders: [String: @Sendable (_ i: [Tensor], _ n: Tensor?, _ e: [Tensor]) -> Tensor] = [
        "conv2d stride 2 padding 1": { i, _, _ in i[0].convolution(i[1], stride: 2, padding: 1) },
        "conv2d patches": { i, _, _ in i[0].convolution(i[1], stride: 2) },
        "avg_pool2d 2": { i, _, _ in i[0].averagePool(kernel: 2) },
        "avg_pool2d 3 stride 1": { i, _, _ in i[0].averagePool(kernel: 3, stride: 1) },
        "batch_norm training": { i, _, _ in
            let (mean, variance) = i[0].batchMoments()
            return i[0].batchNorm(scale: i[1], bias: i[2], mean: mean, variance: variance)
        },
        "batch_norm running": { i, _, e in
            i[0].batchNorm(scale: i[1], bias: i[2], mean: e[0], variance: e[1])
        },
        "layer_norm": { i, _, _ in i[0].layerNorm(scale: i[1], bias: i[2]) },
        "gelu erf": { i, _, _ in i[0].gelu(.erf) },
        "gelu tanh": { i, _, _ in i[0].gelu(.tanh) },
        "gelu quick": { i, _, _ in i[0].gelu(.quick) },
        "softmax": { i, _, _ in i[0].softmax() },
        "attention causal": { i, _, _ in i[0].attention(keys: i[1], values: i[2], isCausal: true) },
        "attention": { i, _, _ in i[0].attention(keys: i[1], values: i[2], isCausal: false) },
        "cross_entropy": { i, n, _ in i[0].softmaxCrossEntropy(labels: n ?? i[0]) },
        "normalize": { i, _, _ in i[0].l2Normalized() },
        "embedding": { i, n, _ in i[0].gather(n ?? i[0]) },
        "amax with ties": { i, _, _ in i[0].maximum(axes: [1]) },
    ]

    @Test("outputs and gradients are PyTorch's", arguments: builders.keys.sorted())
    func op(name: String) throws {
        let fixture = try #require(Self.load().cases[name])
        let build = try #require(Self.builders[name])
        for decomposed in [false, true] {
            let b = GraphBuilder()
            let inputs = fixture.inputs.enumerated().map { b.input("x\($0)", $1.data.type) }
            let indices = fixture.indices.map { b.constant($0.data.converted(to: .int32)) }
            let y = build(inputs, indices, fixture.extra?.map { b.constant($0.data) } ?? [])
            let gradients = (y * b.constant(fixture.weights.data)).sum().gradients(withRespectTo: inputs)
            var graph = try b.finish([("y", y)] + gradients.enumerated().map { ("g\($0)", $1) })
            if decomposed { graph = try graph.decomposing { _ in false } }
            let given = Dictionary(uniqueKeysWithValues: fixture.inputs.enumerated().map { ("x\($0)", $1.data) })
            let found = try ReferenceBackend().compile(graph, parameters: [:], options: CompileOptions()).run(given)
            let expected = [("y", fixture.output)] + fixture.gradients.enumerated().map { ("g\($0)", $1) }
            for (key, values) in expected {
                let result = try #require(found[key])
                #expect(result.shape == Shape(values.shape))
                #expect(largestGap(result.doubles, values.values) < 1e-9, "\(key) of \(name)")
            }
        }
    }

    @Test("every case of the fixture is used")
    func complete() throws {
        #expect(try Set(Self.load().cases.keys) == Set(Self.builders.keys))
    }

    @Test("three steps of AdamW with the gradient norm clipped are PyTorch's")
    func adamW() throws {
        let fixture = try Self.load().adamw
        let b = GraphBuilder()
        let weight = b.parameter("weight", Shape(fixture.weight.shape), .zeros, dtype: .float64)
        let bias = b.parameter("bias", Shape(fixture.bias.shape), .zeros, dtype: .float64)
        let step = b.parameter("step", [], .zeros, dtype: .float64, isTrainable: false)
        let x = b.input("x", fixture.x.data.type)
        let labels = b.constant(fixture.labels.data.converted(to: .int32))
        let loss = x.linear(weight: weight, bias: bias).softmaxCrossEntropy(labels: labels).mean()
        let gradients = loss.gradients(withRespectTo: [weight, bias])
        let norm = (gradients.map { ($0 * $0).sum() }.reduce(b.constant(0, dtype: .float64)) { $0 + $1 }).squareRoot()
        let factor = (0.5 / (norm + 1e-6)).minimum(b.constant(1, dtype: .float64))
        let next = step + 1
        b.update(step, to: next)
        let correction1 = 1 - (next * -0.10536051565782628).exp()  // 0.9 ^ step
        let correction2 = 1 - (next * -0.020202707317519466).exp()  // 0.98 ^ step
        for (name, tensor, gradient, decay) in [
            ("weight", weight, gradients[0], 0.2), ("bias", bias, gradients[1], 0.0),
        ] {
            let clipped = gradient * factor
            let first = b.parameter("\(name).m", tensor.shape, .zeros, dtype: .float64, isTrainable: false)
            let second = b.parameter("\(name).v", tensor.shape, .zeros, dtype: .float64, isTrainable: false)
            let (m, v) = (first * 0.9 + clipped * 0.1, second * 0.98 + clipped * clipped * 0.02)
            b.update(first, to: m)
            b.update(second, to: v)
            let direction = m / correction1 / ((v / correction2).squareRoot() + 1e-6)
            b.update(tensor, to: tensor * (1 - 1e-2 * decay) - direction * 1e-2)
        }
        let graph = try b.finish([("loss", loss), ("norm", norm)])
        var parameters = graph.initialParameters(seed: 0)
        parameters["weight"] = fixture.weight.data
        parameters["bias"] = fixture.bias.data
        let executable = try ReferenceBackend().compile(graph, parameters: parameters, options: CompileOptions())
        for expected in fixture.steps {
            let found = try executable.run(["x": fixture.x.data])
            #expect(largestGap(found["loss"]?.doubles ?? [], [expected.loss]) < 1e-9)
            #expect(largestGap(found["norm"]?.doubles ?? [], [expected.norm]) < 1e-9)
            #expect(largestGap(try executable.parameter("weight")?.doubles ?? [], expected.weight.values) < 1e-9)
            #expect(largestGap(try executable.parameter("bias")?.doubles ?? [], expected.bias.values) < 1e-9)
        }
    }

    private func largestGap(_ a: [Double], _ b: [Double]) -> Double {
        guard a.count == b.count else { return .infinity }
        return zip(a, b).reduce(0) { max($0, ($1.0 - $1.1).magnitude) }
    }
}
