import Checkpoints
import InfoNCELoss
package import Multimodal
import TestSupport
import TransformerEncoder
import ViTEncoder
import YAML

/// Ids are the bytes of the text: enough of a tokenizer to make models.
package struct ByteTokenizer: Tokenizer {
    package let vocabularySize: Int
    package let startToken: Int32? = nil
    package let endToken: Int32 = 0
    package let padToken: Int32 = 0
    package let digest: String
    package func encode(_ text: String) -> [Int32] { text.utf8.map(Int32.init) }
}

package struct ByteTokenizerPlugin: Plugin {
    package init() {}

    package var manifest: [UInt8] {
        Array(
            """
            apiVersion: 1
            name: bytes
            version: 1.0.0
            summary: ids are bytes
            provides:
              - kind: tokenizer
                name: bytes
                config:
                  vocabulary: {type: integer, default: 128}
                  table: {type: string, default: table.txt}
            entry: {linked: TestModels}
            """.utf8)
    }

    package func register(in registrar: inout PluginRegistrar) throws {
        registrar.tokenizer("bytes") { config, folder in
            return ByteTokenizer(
                vocabularySize: try config.integer("vocabulary"),
                digest: try text(of: "\(folder)/\(config.string("table"))"))
        }
    }
}

/// A model of two small Transformers whose ids are bytes.
package enum TinyModel {
    package static let yaml = """
        name: tiny
        image: {encoder: vit, config: {imageSize: 8, patchSize: 4, width: 8, layers: 1, heads: 2}}
        preprocess: {resize: 8, mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5]}
        text:
          encoder: transformer
          tokenizer: {name: bytes, config: {table: table.txt}}
          config: {contextLength: 6, vocabularySize: 128, width: 8, layers: 1, heads: 2}
        embedding: 4
        loss: {name: info-nce}
        """

    package static func plugins() throws -> PluginRegistry {
        try PluginRegistry([ViTPlugin(), TransformerPlugin(), InfoNCEPlugin(), ByteTokenizerPlugin()])
    }

    /// Writes the model that `yaml` describes, with drawn weights, and gives those.
    @discardableResult
    package static func write(
        to folder: String, yaml: String = TinyModel.yaml, seed: UInt64 = 1, dtype: DType = .float32,
        change: (inout [String: TensorData]) -> Void = { _ in }
    ) throws -> [String: TensorData] {
        let files = try temporaryFolder()
        try overwrite(files + "/table.txt", "table")
        return try writeModel(
            to: folder, yaml: yaml, tokenizerFolder: files, plugins: plugins(), seed: seed, dtype: dtype, change: change
        )
    }
}

/// Writes a folder of the model that `yaml` describes, with drawn weights, and gives those.
@discardableResult
package func writeModel(
    to folder: String, yaml: String, tokenizerFolder: String, plugins: PluginRegistry, seed: UInt64, dtype: DType,
    change: (inout [String: TensorData]) -> Void = { _ in }
) throws -> [String: TensorData] {
    let config = try ModelConfig(YAMLNode.parse(yaml, file: "tiny.yaml"))
    let model = try DualEncoder(config, plugins: plugins)
    var parameters = try model.lossGraph(batch: 2, length: model.text.contextLength).initialParameters(seed: seed)
    change(&parameters)
    try ModelDirectory.write(
        to: folder, config: config, parameters: parameters, dtype: dtype, tokenizerFolder: tokenizerFolder,
        plugins: plugins)
    return parameters
}
