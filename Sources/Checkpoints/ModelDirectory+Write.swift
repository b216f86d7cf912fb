import AtomicFiles
public import ModelGraph
public import Multimodal
import YAML

extension ModelDirectory {
    /// Writes a complete model directory, file by file, each whole or not at all: weights first, then the tokenizer's
    /// files, `model.yaml` last, so that a directory with a description is one that works.
    /// - Parameters:
    ///   - folder: The directory; made where it is missing.
    ///   - parameters: Values by name; written in the order of the file format.
    ///   - dtype: Element type of the weights: bfloat16, float16 or float32.
    ///   - tokenizerFolder: Where the tokenizer's files are now. A setting of the tokenizer that names a file there makes
    ///     that file part of the model.
    public static func write(
        to folder: String, config: ModelConfig, parameters: [String: TensorData], dtype: DType,
        tokenizerFolder: String, plugins: PluginRegistry
    ) throws {
        try FileSystem.makeDirectory(folder)
        let types = parameters.mapValues { TensorType($0.dtype.isFloat ? dtype : $0.dtype, $0.shape) }
        let weightsName = "model.safetensors"
        try Safetensors.write(
            to: FileSystem.resolve(weightsName, in: folder), types: types, metadata: ["format": "pt"]
        ) { name in
            guard let data = parameters[name], let type = types[name] else {
                throw CheckpointError(folder, tensor: name, "is missing")
            }
            return data.converted(to: type.dtype)
        }
        try writeDescription(
            to: folder, node: config.node, config: config, weightsName: weightsName, tokenizerFolder: tokenizerFolder,
            plugins: plugins)
    }

    /// The tokenizer's files and `model.yaml`.
    static func writeDescription(
        to folder: String, node: YAMLNode, config: ModelConfig, weightsName: String, tokenizerFolder: String,
        plugins: PluginRegistry
    ) throws {
        var node = node
        let settings = try config.tokenizer.map { try plugins.stringSettings(.tokenizer, $0) } ?? []
        let files = settings.filter { _, name in
            !name.isEmpty && FileSystem.isFile(FileSystem.resolve(name, in: tokenizerFolder))
        }
        for (setting, file) in files {
            let name = FileSystem.name(of: file)
            let target = FileSystem.resolve(name, in: folder)
            let source = FileSystem.resolve(file, in: tokenizerFolder)
            if source != target { try FileSystem.copy(source, to: target) }
            if node[path: "text.tokenizer.config.\(setting)"] != nil {
                node = try node.setting("text.tokenizer.config.\(setting)", to: .string(name))
            }
        }
        node = try node.setting("weights", to: .string(weightsName))
        try AtomicFile.write(node.yamlText(), to: FileSystem.resolve(configName, in: folder))
    }

    // MARK: - Where a model may be written

    /// What this model was read from: its directory, or the bare file of weights; and the files behind links.
    package var sources: [String] {
        let isDirectory = ModelLayout.file(in: folder) != nil && FileSystem.folder(of: weights.path) == folder
        let files = (weights as? any MappedWeightFile)?.files.map(\.path) ?? [weights.path]
        return (isDirectory ? [folder] : []) + files
    }

    /// Refuses a directory in which, beside a model that was just written, other files were kept that change what is read.
    package static func check(
        mixed folder: String, for space: String, at place: String, plugins: PluginRegistry
    ) throws {
        let found: String
        do { found = try ModelDirectory(path: folder, plugins: plugins).space } catch { found = "\(error)" }
        guard found != space else { return }
        throw OutputRefusal(
            place, "with what is there already, it would not be read as the model that is written; choose another place"
        )
    }
}
