import AtomicFiles
import Checkpoints
import InfoNCELoss
import Multimodal
import TransformerEncoder
import ViTEncoder
import YAML

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Ids are the bytes of the text: enough of a tokenizer to make models.
struct ByteTokenizer: Tokenizer {
    let vocabularySize: Int
    let startToken: Int32? = nil
    let endToken: Int32 = 0
    let padToken: Int32 = 0
    let digest: String
    func encode(_ text: String) -> [Int32] { text.utf8.map(Int32.init) }
}

struct ByteTokenizerPlugin: Plugin {
    var manifest: [UInt8] {
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
            entry: {linked: CheckpointsTests}
            """.utf8)
    }

    func register(in registrar: inout PluginRegistrar) throws {
        registrar.tokenizer("bytes") { config, folder in
            let table = try MappedFile("\(folder)/\(config.string("table"))")
            return ByteTokenizer(
                vocabularySize: try config.integer("vocabulary"),
                digest: table.withBytes { String(decoding: $0, as: UTF8.self) })
        }
    }
}

enum TinyModel {
    static let yaml = """
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

    static func plugins() throws -> PluginRegistry {
        try PluginRegistry([ViTPlugin(), TransformerPlugin(), InfoNCEPlugin(), ByteTokenizerPlugin()])
    }

    /// Writes the model that `yaml` describes, with drawn weights, and gives those.
    @discardableResult
    static func write(
        to folder: String, yaml: String = TinyModel.yaml, seed: UInt64 = 1, dtype: DType = .float32,
        change: (inout [String: TensorData]) -> Void = { _ in }
    ) throws -> [String: TensorData] {
        let files = try temporaryFolder()
        try AtomicFile.write("table", to: files + "/table.txt")
        let config = try ModelConfig(YAMLNode.parse(yaml, file: "train.yaml"))
        let model = try DualEncoder(config, plugins: plugins())
        var parameters = try model.lossGraph(batch: 2, length: 6).initialParameters(seed: seed)
        change(&parameters)
        try ModelDirectory.write(
            to: folder, config: config, parameters: parameters, dtype: dtype, tokenizerFolder: files, plugins: plugins()
        )
        return parameters
    }
}

/// A new directory under the system's temporary one.
func temporaryFolder() throws -> String {
    var template = Array("/tmp/clip-tests-XXXXXX".utf8CString)
    guard let made = mkdtemp(&template) else { throw CheckpointError("/tmp", "no temporary directory") }
    return String(cString: made)
}

/// The text of the error that `body` throws; empty where it throws none.
func failure(_ body: () throws -> Void) -> String {
    do {
        try body()
        return ""
    } catch { return "\(error)" }
}
