public import Imaging
import ModelGraph
public import Multimodal
import YAML

/// A model on disk: a directory with `model.yaml`, the weights beside it and the files of its tokenizer.
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

    /// The name of a model's description in its directory.
    public static let configName = "model.yaml"

    /// Opens a model by its directory or by its YAML file.
    public init(path: String, plugins: PluginRegistry) throws {
        let file = Self.configFile(path)
        folder = FileSystem.folder(of: file)
        config = try ModelConfig(YAMLNode.load(file))
        model = try DualEncoder(config, plugins: plugins)
        transform = try Self.transform(of: model)
        tokenizer = try Self.tokenizer(of: model, folder: folder, plugins: plugins)
        weights = try WeightFiles.open(path: FileSystem.resolve(config.weights, in: folder))
        let names = try Self.check(weights, model)
        space = try Self.space(
            weights: weights, names: names, model: model, transform: transform, tokenizer: tokenizer, plugins: plugins)
    }

    /// Opens a model by its directory or by its YAML file.
    public static func open(path: String, plugins: PluginRegistry) throws -> ModelDirectory {
        try ModelDirectory(path: path, plugins: plugins)
    }

    /// `path` itself, or the description in it where it is a directory.
    package static func configFile(_ path: String) -> String {
        FileSystem.isDirectory(path) ? FileSystem.resolve(configName, in: path.isEmpty ? "." : path) : path
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
