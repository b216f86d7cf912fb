public import Imaging
import ModelGraph
public import Multimodal
import YAML

/// A model on disk: a directory with a description, the weights beside it and the files of its tokenizer. The description
/// is `model.yaml`, or that of a published model: open_clip's `open_clip_config.json`, or the `config.json` of a
/// CLIPModel of transformers. A bare file of weights is a model, too, where it is OpenAI's or `Options` names a description.
///
/// Everything that can be wrong is found when it is opened: settings, plugins, pictures of another size than the encoder
/// takes, a tokenizer with more ids than the text encoder, tensors that are missing, unknown or of another shape.
public struct ModelDirectory: Sendable {
    /// The directory.
    public let folder: String
    public let config: ModelConfig
    public let model: DualEncoder
    private let imageTransform: ImageTransform?
    private let textTokenizer: (any Tokenizer)?
    public let weights: any WeightFile
    /// Eight hexadecimal digits that stand for everything that decides an embedding: weights, encoders and their settings,
    /// preprocessing, tokenizer. Vectors of different spaces must not be compared. How files are formatted does not count.
    public let space: String
    /// Where `weights` has the model's parameters.
    package let keys: KeyMap
    /// The published model that this is known to be a copy of.
    package let published: PublishedModel?

    /// How pictures become what the image encoder takes. Throws where the model has none.
    public var transform: ImageTransform {
        get throws { try config.present(imageTransform, "image encoder", remedy: "it embeds texts only") }
    }

    /// How texts become what the text encoder takes. Throws where the model has none.
    public var tokenizer: any Tokenizer {
        get throws { try config.present(textTokenizer, "text encoder", remedy: "it embeds pictures only") }
    }

    /// The name of a model's description in its directory.
    public static let configName = "model.yaml"

    /// Opens a model by its directory, by its description, or by its file of weights.
    public init(path: String, plugins: PluginRegistry, options: Options = Options()) throws {
        do {
            try self.init(Self.source(path: path, options: options), plugins, options)
        } catch { throw Self.naming(path, in: error) }
    }

    private init(_ source: Source, _ plugins: PluginRegistry, _ options: Options) throws {
        folder = source.folder
        config = source.layout.config
        keys = source.layout.keys
        let copy =
            try PublishedCopy(folder: folder, document: source.layout.document)
            ?? options.published.map(PublishedCopy.init)
        if options.checksPublished { try copy?.check(source.described, plugins: plugins) }
        published = copy?.model
        model = try DualEncoder(config, plugins: plugins)
        imageTransform = config.image == nil ? nil : try Self.transform(of: model)
        textTokenizer = config.text == nil ? nil : try Self.tokenizer(of: model, folder: folder, plugins: plugins)
        if let textTokenizer { try source.layout.check(textTokenizer) }
        guard FileSystem.isFile(source.weights) else {
            throw CheckpointError(
                folder,
                "has no \(config.weights); \(WeightFiles.remedyForMissing(in: FileSystem.folder(of: source.weights)))")
        }
        let parameters: [(name: String, shape: Shape)]
        (weights, parameters) = try Self.check(WeightFiles.open(path: source.weights), model, keys)
        space = try Self.space(
            weights: weights, keys: keys, parameters: parameters, model: model, transform: imageTransform,
            tokenizer: textTokenizer, plugins: plugins, cache: options.spaceCache)
    }

    /// Opens a model by its directory, by its description, or by its file of weights.
    public static func open(
        path: String, plugins: PluginRegistry, options: Options = Options()
    ) throws -> ModelDirectory {
        try ModelDirectory(path: path, plugins: plugins, options: options)
    }

    /// `path` itself, or the description in it where it is a directory.
    package static func configFile(_ path: String) -> String {
        guard FileSystem.isDirectory(path) else { return path }
        let folder = path.isEmpty ? "." : path
        return ModelLayout.file(in: folder) ?? FileSystem.resolve(configName, in: folder)
    }

    /// How the model's scores become probabilities; nil where it has one tower only, and so no loss.
    public func calibration() throws -> ScoreCalibration? {
        guard config.loss != nil else { return nil }
        var scalars: [String: Float] = [:]
        for entry in weights.entries where entry.type.shape.count == 1 {
            scalars[entry.name] = try weights.tensor(entry.name).floats.first
        }
        return try model.loss.calibration(scalars)
    }

    // MARK: - Checks that training shares

    /// The transform that `model` declares, checked to give the squares that its encoder takes.
    package static func transform(of model: DualEncoder) throws -> ImageTransform {
        let preprocess = try model.config.present(
            model.config.preprocess, "image encoder", remedy: "it embeds texts only")
        let transform = try ImageTransform(preprocess: preprocess)
        guard let size = transform.squareSize else {
            throw preprocess.error(
                "pictures would keep their proportions, and the image encoder takes squares",
                remedy: "use crop: center, or resizeMode: squash")
        }
        let side = try model.image.imageSize
        guard size == side else {
            throw preprocess.error(
                "pictures become \(size) pixels wide, the image encoder takes \(side)",
                remedy: "make preprocess and the encoder's imageSize agree")
        }
        return transform
    }

    /// The tokenizer that `model` names, checked to fit the text encoder: its ids, and the one that ends a text.
    package static func tokenizer(
        of model: DualEncoder, folder: String, plugins: PluginRegistry
    ) throws -> any Tokenizer {
        let choice = try model.config.present(
            model.config.tokenizer, "text encoder", remedy: "it embeds pictures only")
        let tokenizer = try plugins.tokenizer(choice, folder: folder)
        let files = try plugins.stringSettings(.tokenizer, choice).map(\.value).filter {
            !$0.isEmpty && FileSystem.isFile(FileSystem.resolve($0, in: folder))
        }
        let own = files.isEmpty ? "" : " (\(files.joined(separator: ", ")))"
        func mismatch(_ setting: String, _ message: String, remedy: String) -> any Error {
            let places = [model.config.text?.config?[path: setting], model.config.text?.config, choice.place]
            let place = places.compactMap { $0 }.first { $0.line > 0 } ?? choice.place
            return place.error(message, remedy: remedy)
        }
        let vocabulary = try model.text.vocabularySize
        // A table that is padded, or made for a few ids more, has no half that no text shows.
        let least = tokenizer.mayBePadded ? (vocabulary + 1) / 2 : vocabulary
        let isFitting = (least...vocabulary).contains(tokenizer.vocabularySize)
        guard isFitting else {
            throw mismatch(
                "vocabularySize",
                "the tokenizer\(own) has \(tokenizer.vocabularySize) ids, the text encoder's vocabulary \(vocabulary)",
                remedy: tokenizer.vocabularySize < vocabulary
                    ? "are the tokenizer's files whole? Use those that belong to the model"
                    : "raise the encoder's vocabularySize, or use the tokenizer that belongs to it")
        }
        if let end = try model.text.endToken, end != tokenizer.endToken {
            throw mismatch(
                "endToken", "the text tower ends texts with id \(end), the tokenizer\(own) with \(tokenizer.endToken)",
                remedy: "use the tokenizer's files that belong to the model")
        }
        return tokenizer
    }
}
