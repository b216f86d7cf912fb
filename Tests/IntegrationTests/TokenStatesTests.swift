import BPETokenizer
import CPUBackend
import Checkpoints
import InfoNCELoss
import ModelGraph
import Multimodal
import ReferenceBackend
import ResNetEncoder
import SigmoidLoss
import TestSupport
import Testing
import TransformerEncoder
import ViTEncoder
import YAML

/// Against what transformers gives (Tests/Fixtures/Published/make_states.py).
@Suite struct TokenStatesTests {
    private let plugins: PluginRegistry

    init() throws {
        plugins = try PluginRegistry([
            BPEPlugin(), ViTPlugin(), ResNetPlugin(), TransformerPlugin(), InfoNCEPlugin(), SigmoidPlugin(),
            CPUPlugin(),
            ReferencePlugin(),
        ])
    }

    private static func fixture(_ name: String) -> String {
        TestSupport.fixture("Published/" + name)
    }

    private func embedder(_ model: ModelDirectory, backend: String) throws -> Embedder {
        Embedder(
            model: model.model, backend: try plugins.backend(backend), parameters: { try model.parameters(for: $0) })
    }

    @Test(
        "states of tokens are transformers' last_hidden_state and hidden_states[-2], padding included",
        arguments: [EncoderOutput.tokens, .penultimate], ["cpu", "reference"])
    func transformers(output: EncoderOutput, backend: String) throws {
        let folder = Self.fixture("transformers")
        let model = try ModelDirectory.open(path: folder, plugins: plugins)
        let embedder = try embedder(model, backend: backend)
        let expected = try Safetensors(path: folder + "/states.safetensors")
        let pixels = try Safetensors(path: folder + "/expected.safetensors").tensor("pixels").floats
        let texts = try YAMLNode.load(folder + "/texts.json").array { try $0.string() }
            .map { try model.tokenizer.tokenize($0, contextLength: model.model.text.contextLength) }

        let images = try embedder.states(images: pixels, count: 2, output: output)
        let words = try embedder.states(texts: texts, padToken: model.tokenizer.padToken, output: output)
        for (name, own) in [("image", images), ("text", words)] {
            let theirs = try expected.tensor("\(name).\(output.rawValue)")
            #expect(own.shape == theirs.shape)
            let difference = zip(own.floats, theirs.floats).map { abs($0 - $1) }.max() ?? .infinity
            #expect(difference < 1e-4, "\(name) \(difference)")
        }
    }

    @Test(
        "states of SigLIP's tokens are transformers', after the norm that its image tower has for all of them",
        arguments: [EncoderOutput.tokens, .penultimate])
    func siglip(output: EncoderOutput) throws {
        let folder = Self.fixture("siglip")
        let layout = try ModelLayout(file: folder + "/config.json")
        let weights = try WeightFiles.open(path: folder + "/" + layout.config.weights)
        let embedder = Embedder(
            model: try DualEncoder(layout.config, plugins: plugins), backend: try plugins.backend("cpu"),
            parameters: { try ModelDirectory.parameters(for: $0, in: weights, layout.keys) })
        let inputs = try Safetensors(path: folder + "/expected.safetensors")
        let expected = try Safetensors(path: folder + "/states.safetensors")
        let (ids, length) = (try inputs.tensor("ids").floats.map { Int32($0) }, try embedder.model.text.contextLength)
        let texts = stride(from: 0, to: ids.count, by: length)
            .map { TokenizedText(ids: Array(ids[$0..<$0 + length]), truncated: 0) }
        let images = try embedder.states(images: inputs.tensor("pixels").floats, count: 2, output: output)
        let words = try embedder.states(texts: texts, padToken: 1, output: output)
        for (name, own) in [("image", images), ("text", words)] {
            let theirs = try expected.tensor("\(name).\(output.rawValue)")
            #expect(own.shape == theirs.shape)
            let difference = zip(own.floats, theirs.floats).map { abs($0 - $1) }.max() ?? .infinity
            #expect(difference < 1e-4, "\(name) \(difference)")
        }
    }

    @Test("a graph of states has none of the parameters that they do not need")
    func pooled() throws {
        let model = try ModelDirectory.open(path: Self.fixture("open-clip-custom-text"), plugins: plugins)
        let graph = try model.model.textGraph(batch: 1, length: 16, output: .tokens)
        #expect(graph.outputs.map(\.name) == ["states"])
        #expect(!graph.parameterSignature.contains { $0.parameter.name.contains("projection") })
        let penultimate = try model.model.imageGraph(batch: 1, output: .penultimate)
        #expect(!penultimate.parameterSignature.contains { $0.parameter.name.contains("resblocks.") })
    }

    @Test("a tower without tokens says so")
    func resNet() throws {
        let model = try ModelDirectory.open(path: Self.fixture("open-clip-resnet"), plugins: plugins)
        let error = #expect(throws: BackendError.self) {
            try embedder(model, backend: "cpu").states(
                images: Array(repeating: 0, count: 3 * 32 * 32), count: 1, output: .tokens)
        }
        #expect(error?.message.contains("the image encoder 'resnet'") == true)
    }
}
