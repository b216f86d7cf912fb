public import Imaging
import ModelGraph
public import Multimodal
import YAML

/// A model on disk: a directory with a description, the weights beside it and the files of its tokenizer. The description
/// is `model.yaml`, or that of a published model: open_clip's `open_clip_config.json`, or the `config.json` of a
/// CLIPModel of transformers.
///
/// Everything that can be wrong is found when it is opened: settings, plugins, pictures of another size than the encoder
/// takes, a tokenizer with more ids than the text encoder, tensors that are missing, unknown or of another shape.
public struct ModelDirectory: Sendable {
    /// The directory.
    public let folder: String
    public let config: ModelConfig
    public let model: DualEncoder
    public let transform: ImageTransform
    public let tokenizer: any Tokenizer
    public let weights: any WeightFile
    /// Eight hexadecimal digits that stand for everything that decides an embedding: weights, encoders and their settings,
    /// preprocessing, tokenizer. Vectors of different spaces must not be compared. How files are formatted does not count.
    public let space: String
    /// Where `weights` has the model's parameters.
    package let keys: KeyMap
    /// The published model that this is known to be a copy of.
    package let published: PublishedModel?

    /// The name of a model's description in its directory.
    public static let configName = "model.yaml"

    /// Opens a model by its directory or by its description.
    /// - Parameter checksPublished: Whether a directory that is known to hold a published model must say of it what is
    ///   published: its preprocessing, activation, sizes and tokenizer.
    public init(path: String, plugins: PluginRegistry, checksPublished: Bool = true) throws {
        try self.init(path: path, as: nil, plugins: plugins, checksPublished: checksPublished)
    }

    /// - Parameter name: The published model that was asked for.
    package init(
        path: String, as name: PublishedModel?, plugins: PluginRegistry, checksPublished: Bool
    ) throws {
        let file = Self.configFile(path)
        folder = FileSystem.folder(of: file)
        let layout = try ModelLayout(file: file)
        config = layout.config
        keys = layout.keys
        let copy = try PublishedCopy(folder: folder, document: layout.document) ?? name.map(PublishedCopy.init)
        if checksPublished { try copy?.check(config, plugins: plugins) }
        published = copy?.model
        model = try DualEncoder(config, plugins: plugins)
        transform = try Self.transform(of: model)
        tokenizer = try Self.tokenizer(of: model, folder: folder, plugins: plugins)
        try layout.check(tokenizer)
        weights = try WeightFiles.open(path: FileSystem.resolve(config.weights, in: folder))
        let parameters = try Self.check(weights, model, keys)
        space = try Self.space(
            weights: weights, keys: keys, parameters: parameters, model: model, transform: transform,
            tokenizer: tokenizer, plugins: plugins)
    }

    /// Opens a model by its directory or by its description.
    public static func open(path: String, plugins: PluginRegistry) throws -> ModelDirectory {
        try ModelDirectory(path: path, plugins: plugins)
    }

    /// `path` itself, or the description in it where it is a directory.
    package static func configFile(_ path: String) -> String {
        guard FileSystem.isDirectory(path) else { return path }
        let folder = path.isEmpty ? "." : path
        return ModelLayout.file(in: folder) ?? FileSystem.resolve(configName, in: folder)
    }

    /// How the model's scores become probabilities.
    public func calibration() throws -> ScoreCalibration {
        var scalars: [String: Float] = [:]
        for entry in weights.entries where entry.type.shape.count == 1 {
            scalars[entry.name] = try weights.tensor(entry.name).floats.first
        }
        return try model.loss.calibration(scalars)
    }

    // MARK: - Checks that training shares

    /// The transform that `model` declares, checked to give the squares that its encoder takes.
    package static func transform(of model: DualEncoder) throws -> ImageTransform {
        let preprocess = model.config.preprocess
        let transform = try ImageTransform(preprocess: preprocess)
        guard let size = transform.squareSize else {
            throw preprocess.error(
                "pictures would keep their proportions, and the image encoder takes squares",
                remedy: "use crop: center, or resizeMode: squash")
        }
        guard size == model.image.imageSize else {
            throw preprocess.error(
                "pictures become \(size) pixels wide, the image encoder takes \(model.image.imageSize)",
                remedy: "make preprocess and the encoder's imageSize agree")
        }
        return transform
    }

    /// The tokenizer that `model` names, checked to give no id that the text encoder lacks.
    package static func tokenizer(
        of model: DualEncoder, folder: String, plugins: PluginRegistry
    ) throws -> any Tokenizer {
        let tokenizer = try plugins.tokenizer(model.config.tokenizer, folder: folder)
        guard tokenizer.vocabularySize <= model.text.vocabularySize else {
            throw model.config.tokenizer.place.error(
                "the tokenizer has \(tokenizer.vocabularySize) ids, the text encoder's vocabulary "
                    + "\(model.text.vocabularySize)",
                remedy: "raise the encoder's vocabularySize, or use the tokenizer that belongs to it")
        }
        return tokenizer
    }
}
