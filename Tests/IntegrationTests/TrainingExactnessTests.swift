import CPUBackend
import Checkpoints
import InfoNCELoss
import Multimodal
import ReferenceBackend
import TestSupport
import Testing
import Training
import TransformerEncoder
import ViTEncoder
import YAML

/// Against open_clip and PyTorch; Tests/Fixtures/Training/make.py made the numbers.
@Suite struct TrainingExactnessTests {
    static let backends: [any Backend] = [ReferenceBackend(), CPUBackend()]
    static let activations = ["gelu", "quick_gelu"]

    @Test("embeddings, loss, gradient norm and parameters after one step are open_clip's", arguments: activations)
    func oneStep(activation: String) throws {
        let fixture = try Fixture(activation)
        for backend in Self.backends {
            let image = try embedding(fixture.model.imageGraph(batch: 8), ["images": fixture.images], fixture, backend)
            let text = try embedding(
                fixture.model.textGraph(batch: 8, length: 8), ["tokens": fixture.tokens], fixture, backend)
            #expect(try difference(image, fixture.expected.tensor("image")) <= 1e-5)
            #expect(try difference(text, fixture.expected.tensor("text")) <= 1e-5)
            let (losses, norms, executable) = try fixture.train(steps: 1, clipNorm: nil, on: backend)
            #expect(try difference(losses[0], fixture.expected.tensor("loss")) <= 1e-5)
            #expect(abs(norms[0].floats[0] / (try fixture.expected.tensor("gradientNorm").floats[0]) - 1) <= 1e-5)
            // A softmax does not see what is added to all of its inputs, so the bias of an attention's keys has no
            // gradient: what PyTorch gets is rounding, which Adam's first step, of the gradient's sign almost, enlarges.
            // (With clipping, below, the rounding is too small for that, and keys are compared too.) The same, less, holds of
            // other gradients near Adam's epsilon of 1e-6: a rounding of 1e-8 moves such a step, of 5e-4 at most, by 1.3e-6.
            try fixture.compare(executable, prefix: "after1.", tolerance: 2e-6, skippingKeyBiases: true)
        }
    }

    @Test("parameters after three steps with clipped gradients are PyTorch's", arguments: activations)
    func threeSteps(activation: String) throws {
        let fixture = try Fixture(activation)
        for backend in Self.backends {
            let (losses, _, executable) = try fixture.train(steps: 3, clipNorm: 0.5, on: backend)
            for index in 0..<3 {
                #expect(try difference(losses[index], fixture.expected.tensor("loss.\(index)")) <= 1e-5)
            }
            try fixture.compare(executable, prefix: "after3.", tolerance: 1e-6)
        }
    }

    private func embedding(
        _ graph: Graph, _ inputs: [String: TensorData], _ fixture: Fixture, _ backend: any Backend
    ) throws -> TensorData {
        let parameters = try ModelDirectory.parameters(for: graph, in: fixture.weights)
        let outputs = try backend.compile(graph, parameters: parameters, options: CompileOptions()).run(inputs)
        return try #require(outputs["embedding"])
    }
}

/// Largest difference of two tensors' elements; infinite where their shapes differ or something is not a number.
private func difference(_ a: TensorData, _ b: TensorData) -> Float {
    guard a.shape == b.shape else { return .infinity }
    return zip(a.floats, b.floats).reduce(0) { worst, pair in
        let difference = abs(pair.0 - pair.1)
        return difference.isNaN ? .infinity : max(worst, difference)
    }
}

private struct Fixture {
    let model: DualEncoder
    let weights: Safetensors
    let expected: Safetensors
    let images: TensorData
    let tokens: TensorData

    init(_ activation: String) throws {
        let folder = fixture("Training/")
        weights = try Safetensors(path: folder + "weights.safetensors")
        expected = try Safetensors(path: folder + activation + ".safetensors")
        let yaml = """
            name: fixture
            image: {encoder: vit, config: {imageSize: 32, patchSize: 8, width: 32, layers: 2, heads: 2, activation: \(activation)}}
            preprocess: {resize: 32}
            text:
              encoder: transformer
              tokenizer: none
              config: {contextLength: 8, vocabularySize: 64, width: 32, layers: 2, heads: 2, activation: \(activation)}
            embedding: 16
            loss: {name: info-nce}
            """
        model = try DualEncoder(
            ModelConfig(YAMLNode.parse(yaml, file: "fixture")),
            plugins: PluginRegistry([ViTPlugin(), TransformerPlugin(), InfoNCEPlugin()]))
        let pixels = try weights.tensor("images")
        images = TensorData(TensorType(.float32, pixels.shape), doubles: pixels.doubles.map { $0 / 64 })
        tokens = try weights.tensor("tokens")
    }

    func train(
        steps: Int, clipNorm: Double?, on backend: any Backend
    ) throws -> (losses: [TensorData], norms: [TensorData], executable: any Executable) {
        let optimizer = AdamW()
        let graph = try TrainingStep.graph(
            model: model, batch: 8, length: 8, optimizer: optimizer, clipGradientNorm: clipNorm)
        var parameters = graph.initialParameters(seed: 0)
        for (name, _) in parameters where !name.contains(".adam.") { parameters[name] = try weights.tensor(name) }
        let executable = try backend.compile(graph, parameters: parameters, options: CompileOptions())
        var losses: [TensorData] = []
        var norms: [TensorData] = []
        for step in 0..<steps {
            var inputs = optimizer.inputs(step: step, learningRate: optimizer.learningRate)
            inputs["images"] = images
            inputs["tokens"] = tokens
            let outputs = try executable.run(inputs)
            losses.append(try #require(outputs["loss"]))
            norms.append(try #require(outputs["gradientNorm"]))
        }
        return (losses, norms, executable)
    }

    /// Compares the sample that the fixture holds of every parameter.
    func compare(
        _ executable: any Executable, prefix: String, tolerance: Float, skippingKeyBiases: Bool = false
    ) throws {
        let entries = expected.entries.filter { $0.name.hasPrefix(prefix) }
        #expect(entries.count == weights.entries.count - 2)
        for entry in entries {
            let name = String(entry.name.dropFirst(prefix.count))
            let values = try #require(try executable.parameter(name)).floats
            let sample = try expected.tensor(entry.name).floats
            for (index, value) in sample.enumerated() {
                let place = index * values.count / sample.count
                if skippingKeyBiases, name.hasSuffix("attn.in_proj_bias"),
                    (values.count / 3..<values.count / 3 * 2).contains(place)
                {
                    continue
                }
                guard abs(values[place] - value) <= tolerance else {
                    Issue.record("\(name)[\(place)] is \(values[place]), PyTorch's \(value)")
                    break
                }
            }
        }
    }
}
