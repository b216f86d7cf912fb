import CPUBackend
import InfoNCELoss
import ResNetEncoder
import Testing
import TransformerEncoder
import ViTEncoder
import YAML

@testable import Multimodal

/// Numbers do not depend on how a batch is shared out among threads.
@Suite struct SplitBatchTests {
    enum Tower: String, CaseIterable { case vit, resnet, text }

    private func graph(_ tower: Tower) throws -> @Sendable (Int) throws -> Graph {
        let image =
            tower == .resnet
            ? "{encoder: resnet, config: {imageSize: 64, width: 8, layers1: 1, layers2: 2, layers3: 1, layers4: 1, heads: 4, embedding: 24}}"
            : "{encoder: vit, config: {imageSize: 40, patchSize: 8, width: 48, layers: 2, heads: 3}}"
        let model = """
            name: small
            image: \(image)
            preprocess: {resize: 64}
            text: {encoder: transformer, tokenizer: bpe, config: {contextLength: 16, vocabularySize: 99, width: 48, layers: 2, heads: 3}}
            embedding: 24
            loss: {name: info-nce}
            """
        let plugins = try PluginRegistry([ViTPlugin(), ResNetPlugin(), TransformerPlugin(), InfoNCEPlugin()])
        let encoder = try DualEncoder(ModelConfig(YAMLNode.parse(model, file: "model.yaml")), plugins: plugins)
        return { rows in
            try tower == .text ? encoder.textGraph(batch: rows, length: 12) : encoder.imageGraph(batch: rows)
        }
    }

    private func inputs(_ graph: Graph) throws -> [String: TensorData] {
        let (name, type) = try #require(graph.inputSignature.first)
        var values: [Double] = []
        for index in 0..<type.shape.count {
            values.append(type.dtype == .int32 ? Double(index * 31 % 97) : Double(index * 7919 % 1009) / 252 - 2)
        }
        return [name: TensorData(type, doubles: values)]
    }

    @Test(
        "a batch in parts of any size, on any number of threads, gives the bits of the whole batch",
        arguments: Tower.allCases, CompileOptions.Precision.allCases)
    func bits(tower: Tower, precision: CompileOptions.Precision) throws {
        let batch = 19
        let graph = try graph(tower)
        let (inputs, workers) = (try inputs(graph(batch)), Workers())
        let source = GraphSource(
            backend: CPUBackend(), options: CompileOptions(precision: precision, sharedWeights: SharedWeights()),
            graph: graph, parameters: { $0.initialParameters(seed: 3) })
        func outputs(rows: Int, threads: Int) throws -> [String: TensorData] {
            var source = source
            source.options.threads = threads
            return try SplitExecutable(
                batch: batch, rows: rows, threads: threads, source: source, workers: workers
            ).run(inputs).outputs
        }
        let whole = try outputs(rows: batch, threads: 2)
        let embedding = try #require(whole["embedding"])
        #expect(embedding.shape == [batch, 24] && Set(embedding.floats).count > batch)
        for (rows, threads) in [(19, 1), (10, 2), (7, 3), (4, 2), (2, 1), (1, 2), (1, 32)] {
            #expect(try outputs(rows: rows, threads: threads) == whole, "parts of \(rows) on \(threads) threads")
        }
    }
}
