import InfoNCELoss
import Multimodal
import ReferenceBackend
import Testing
import TransformerEncoder
import ViTEncoder
import YAML

@Suite struct EmbedderTests {
    /// The reference, in a memory that has room for so many rows.
    private struct SmallBackend: Backend {
        var rows: Int

        func supports(_ node: Node) -> Bool { true }

        func compile(
            _ graph: Graph, parameters: [String: TensorData], options: CompileOptions
        ) throws -> any Executable {
            let count = graph.inputSignature.first?.type.shape[0] ?? 0
            if count > rows { throw BackendError("no room for \(count) rows", isOutOfMemory: true) }
            return try ReferenceBackend().compile(graph, parameters: parameters, options: options)
        }
    }

    private func model() throws -> DualEncoder {
        let text = """
            name: small
            image: {encoder: vit, config: {imageSize: 8, patchSize: 4, width: 8, layers: 1, heads: 1}}
            preprocess: {resize: 8}
            text: {encoder: transformer, tokenizer: bpe, config: {contextLength: 6, vocabularySize: 9, width: 8, layers: 1, heads: 1}}
            embedding: 4
            loss: {name: info-nce}
            """
        let plugins = try PluginRegistry([ViTPlugin(), TransformerPlugin(), InfoNCEPlugin()])
        return try DualEncoder(ModelConfig(YAMLNode.parse(text, file: "model.yaml")), plugins: plugins)
    }

    private func embedder(rows: Int) throws -> Embedder {
        Embedder(model: try model(), backend: SmallBackend(rows: rows)) { $0.initialParameters(seed: 1) }
    }

    @Test("a batch that does not fit is split, and gives the same vectors", arguments: [1, 2, 3])
    func split(rows: Int) throws {
        let pixels = (0..<7 * 3 * 64).map { Float($0 % 97) / 97 }
        let texts = (2..<7).map { length in
            TokenizedText(ids: [7] + Array(repeating: Int32(length % 6), count: length - 2) + [8], truncated: 0)
        }
        let (small, large) = (try embedder(rows: rows), try embedder(rows: 100))
        let images = try small.embed(images: pixels, count: 7)
        #expect(images.shape == [7, 4])
        #expect(try images.floats == large.embed(images: pixels, count: 7).floats)
        let words = try small.embed(texts: texts, padToken: 0)
        #expect(try words.floats == large.embed(texts: texts, padToken: 0).floats)
    }

    @Test("one row that does not fit is an error")
    func none() throws {
        let embedder = try embedder(rows: 0)
        #expect(throws: BackendError.self) {
            try embedder.embed(images: Array(repeating: 0, count: 3 * 64), count: 1)
        }
    }
}
