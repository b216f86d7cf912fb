import ModelGraph
import Multimodal
import YAML

extension ModelDirectory {
    /// How a model is opened.
    public struct Options: Sendable {
        /// The description of a bare file of weights: `model.yaml`, `open_clip_config.json`, transformers' `config.json`, or
        /// one of open_clip's `model_configs`. OpenAI's own files need none, and directories have their own.
        public var config: String?
        /// Height and width of pictures, in pixels, where they shall differ from the description's. Pictures are prepared
        /// for it, and a ViT's positions resized to it, as open_clip does it.
        public var imageSize: Int?
        /// The merges of CLIP's tokenizer (`bpe_simple_vocab_16e6.txt.gz`), used where none lie beside the description or
        /// the weights.
        public var merges: String?
        /// Whether a directory that is known to hold a published model must say of it what is published: its preprocessing,
        /// activation, sizes and tokenizer.
        public var checksPublished: Bool
        /// The published model that was asked for.
        package var published: PublishedModel?
        /// Where spaces of large models are remembered.
        package var spaceCache: SpaceCache?

        public init(
            config: String? = nil, imageSize: Int? = nil, merges: String? = nil, checksPublished: Bool = true
        ) {
            self.config = config
            self.imageSize = imageSize
            self.merges = merges
            self.checksPublished = checksPublished
        }
    }

    /// What is known of a model before its weights are looked at.
    package struct Source {
        package var layout: ModelLayout
        /// The layout's model before anything was changed.
        var described: ModelConfig
        /// Where the tokenizer's files are.
        package var folder: String
        package var weights: String
    }

    /// Finds the description of the model at `path`: a directory, a description, or a file of weights.
    package static func source(path: String, options: Options = Options()) throws -> Source {
        do {
            var source = try described(path, options)
            if let size = options.imageSize { source.layout.config = try resized(source.layout.config, to: size) }
            return source
        } catch { throw naming(path, in: error) }
    }

    /// An error that names the model, too: of settings that were not written, and so have no place, or of shapes.
    static func naming(_ path: String, in error: any Error) -> any Error {
        switch error {
        case let error as YAMLError where !error.file.isEmpty: error
        case is YAMLError, is GraphError, is PluginError: CheckpointError(path, "\(error)")
        default: error
        }
    }

    private static func described(_ path: String, _ options: Options) throws -> Source {
        guard WeightFiles.isMeant(path) else {
            if options.config != nil {
                throw CheckpointError(
                    path, "has its own description; --config is for a bare file of weights, leave it out")
            }
            let file = configFile(path)
            let folder = FileSystem.folder(of: file)
            let layout = try ModelLayout(file: file, merges: options.merges)
            return Source(
                layout: layout, described: layout.config, folder: folder,
                weights: FileSystem.resolve(layout.config.weights, in: folder))
        }
        let folder = FileSystem.folder(of: path)
        let place = options.config.map(FileSystem.folder) ?? folder
        let merges = [place, folder].lazy.compactMap(OpenCLIPLayout.merges).first ?? options.merges
        var layout: ModelLayout
        if let config = options.config {
            layout = try ModelLayout(file: config, merges: merges)
        } else {
            let node = try OpenAIArchitecture.description(of: WeightFiles.open(path: path))
            layout = try OpenCLIPLayout(node, folder: folder, merges: merges).translated()
            let name = FileSystem.name(of: path).split(separator: ".").first.map(String.init) ?? path
            layout.config = try ModelConfig(layout.config.node.setting("name", to: .string(name)))
        }
        return Source(layout: layout, described: layout.config, folder: place, weights: path)
    }

    /// The same model for pictures of another size. What is cut off a picture that is larger than the crop stays the same
    /// share of it.
    private static func resized(_ config: ModelConfig, to size: Int) throws -> ModelConfig {
        var node = config.node
        let sizes = 1...8192
        let resize = try node[path: "preprocess.resize"]?.int(in: sizes)
        let crop = try node[path: "preprocess.cropSize"]?.int(in: sizes) ?? resize
        guard let resize, let crop, sizes.contains(size) else {
            throw node.error("pictures cannot be made \(size) pixels wide", remedy: "choose an image size up to 8192")
        }
        let share = (2 * resize * size + crop) / (2 * crop)
        node = try node.setting("preprocess.resize", to: .int(share))
        if node[path: "preprocess.cropSize"] != nil { node = try node.setting("preprocess.cropSize", to: .int(size)) }
        return try ModelConfig(node.setting("image.config.imageSize", to: .int(size)))
    }
}
