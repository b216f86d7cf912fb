import Checkpoints
import ModelGraph
import Multimodal
import ReferenceBackend
import Testing
import Training
import YAML

@Suite struct TrainingStepTests {
    private func model() throws -> DualEncoder {
        let config = try TrainingConfig(YAMLNode.parse(TinyRun.yaml, file: "c.yaml"), folder: "/x")
        return try DualEncoder(config.model, plugins: TinyRun.plugins())
    }

    private func run(
        _ graph: Graph, _ parameters: [String: TensorData], learningRate: Double
    ) throws -> (outputs: [String: TensorData], executable: any Executable) {
        let executable = try ReferenceBackend().compile(graph, parameters: parameters, options: CompileOptions())
        var inputs = AdamW().inputs(step: 0, learningRate: learningRate)
        var generator = SeededGenerator(seed: 5)
        inputs["images"] = TensorData(
            TensorType(.float32, [4, 3, 8, 8]), doubles: (0..<768).map { _ in generator.nextNormal() })
        inputs["tokens"] = TensorData([30, 1, 31, 30, 2, 31, 30, 3, 31, 30, 4, 31], shape: [4, 3])
        return (try executable.run(inputs), executable)
    }

    @Test("however far a step goes, the logit scale stays within its bounds")
    func bounds() throws {
        let graph = try TrainingStep.graph(
            model: model(), batch: 4, length: 3, optimizer: AdamW(), clipGradientNorm: nil)
        for start in [0.01, 4.6] {
            var parameters = graph.initialParameters(seed: 1)
            parameters["logit_scale"] = TensorData(scalar: start)
            let (_, executable) = try run(graph, parameters, learningRate: 50)
            let scale = try #require(try executable.parameter("logit_scale")?.floats.first)
            #expect(scale == 0 || abs(scale - 4.6051702) < 1e-6)
        }
    }

    @Test("clipping bounds the gradient that the moments see, and leaves a small one as it is")
    func clipping() throws {
        func moments(_ limit: Double?) throws -> (norm: Double, moments: Double) {
            let graph = try TrainingStep.graph(
                model: model(), batch: 4, length: 3, optimizer: AdamW(), clipGradientNorm: limit)
            let (outputs, executable) = try run(graph, graph.initialParameters(seed: 1), learningRate: 1e-4)
            var sum = 0.0
            for (parameter, _) in graph.parameterSignature where parameter.name.hasSuffix(".adam.m") {
                sum += try #require(try executable.parameter(parameter.name)).doubles.reduce(0) { $0 + $1 * $1 }
            }
            return (Double(try #require(outputs["gradientNorm"]?.floats.first)), sum.squareRoot() / 0.1)
        }
        let free = try moments(nil)
        #expect(free.norm > 0.2 && abs(free.moments / free.norm - 1) < 1e-4)
        let clipped = try moments(0.1)
        #expect(clipped.norm == free.norm && abs(clipped.moments - 0.1) < 1e-5)
        #expect(abs(try moments(free.norm * 2).moments / free.norm - 1) < 1e-4)
    }

    @Test("gains, biases and the logit scale do not decay; matrices do")
    func decay() throws {
        let graph = try TrainingStep.graph(
            model: model(), batch: 4, length: 3, optimizer: AdamW(), clipGradientNorm: 1e-30)
        let before = graph.initialParameters(seed: 1)
        // With a gradient of nothing, only the decay is left: 1 - 0.5 * 0.2.
        let (_, executable) = try run(graph, before, learningRate: 0.5)
        for (name, expected) in [("visual.ln_post.weight", 1.0), ("visual.proj", 0.9), ("token_embedding.weight", 0.9)]
        {
            let old = try #require(before[name]).floats
            let new = try #require(try executable.parameter(name)).floats
            for (old, new) in zip(old, new) { #expect(abs(new - old * Float(expected)) < 1e-6) }
        }
    }
}
