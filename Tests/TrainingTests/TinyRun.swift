import AtomicFiles
import Checkpoints
import Imaging
import InfoNCELoss
import Multimodal
import ReferenceBackend
import TestSupport
import Training
import TransformerEncoder
import ViTEncoder
import YAML

/// Ids are letters of the alphabet; the end token is the largest.
struct LetterTokenizer: Tokenizer {
    let vocabularySize = 32
    let startToken: Int32? = 30
    let endToken: Int32 = 31
    let padToken: Int32 = 0
    let digest = "letters"
    func encode(_ text: String) -> [Int32] { text.utf8.map { Int32($0 % 29) + 1 } }
}

struct StandInPlugin: Plugin {
    var manifest: [UInt8] {
        Array(
            """
            apiVersion: 1
            name: stand-in
            version: 1.0.0
            summary: a tokenizer whose ids are letters, and the reference backend
            provides:
              - {kind: tokenizer, name: letters}
              - {kind: backend, name: reference}
            entry: {linked: TrainingTests}
            """.utf8)
    }

    func register(in registrar: inout PluginRegistrar) throws {
        registrar.tokenizer("letters") { _, _ in LetterTokenizer() }
        registrar.backend("reference") { _ in ReferenceBackend() }
    }
}

/// A run that takes moments: eight flat pictures and their colours' names.
enum TinyRun {
    static let yaml = """
        model:
          name: tiny
          image: {encoder: vit, config: {imageSize: 8, patchSize: 8, width: 16, layers: 1, heads: 2}}
          preprocess: {resize: 8, mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5]}
          text:
            encoder: transformer
            tokenizer: letters
            config: {contextLength: 8, vocabularySize: 32, width: 16, layers: 1, heads: 2}
          embedding: 8
          loss: {name: info-nce}
        data: {pairs: pairs.jsonl}
        seed: 3
        batchSize: 4
        epochs: 3
        optimizer: {learningRate: 1.0e-2, weightDecay: 0.1}
        schedule: {warmup: 2, decay: cosine}
        clipGradientNorm: 1
        backend: reference
        checkpoint: {every: 100}
        metrics: {every: 2}
        output: {dtype: float32}
        """

    static let names = ["red", "green", "blue", "grey", "pink", "white", "black", "brown", "olive"]

    /// A folder with pictures, `pairs.jsonl` and `config.yaml`.
    static func folder(pairs count: Int = 8) throws -> String {
        let folder = try temporaryFolder()
        try FileSystem.makeDirectory(folder + "/pictures")
        var lines = ""
        for index in 0..<count {
            let color = [UInt8(index * 29 % 256), UInt8(index * 101 % 256), UInt8(index * 53 % 256)]
            let pixels = (0..<12 * 10).flatMap { _ in color }
            let image = try Image(width: 12, height: 10, pixels: pixels)
            try AtomicFile.write(image.pngData(), to: "\(folder)/pictures/\(index).png")
            lines +=
                #"{"id":\#(index),"image":"pictures/\#(index).png","text":"\#(names[index % names.count])"}"# + "\n"
        }
        try AtomicFile.write(lines, to: folder + "/pairs.jsonl")
        try AtomicFile.write(yaml, to: folder + "/config.yaml")
        return folder
    }

    static func plugins() throws -> PluginRegistry {
        try PluginRegistry([
            ViTPlugin(), TransformerPlugin(), InfoNCEPlugin(), StandInPlugin(),
        ])
    }

    static func trainer(
        _ folder: String, output: String = "/run", resumes: Bool = false, replaces: Bool = false,
        settings: [(path: String, value: String)] = []
    ) throws -> Trainer {
        Trainer(
            config: try TrainingConfig.load(folder + "/config.yaml", settings: settings), output: folder + output,
            plugins: try plugins(), resumes: resumes, replaces: replaces)
    }
}
