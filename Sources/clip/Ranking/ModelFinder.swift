import CLIPKit

/// Finds the model that made a stream's embeddings.
struct ModelFinder {
    private let context: CommandContext
    private let settings: Settings
    private let plugins: PluginRegistry
    private let store: ModelStore
    private let option: ModelOption

    init(_ context: CommandContext, _ option: ModelOption, _ trust: TrustOption) throws {
        self.context = context
        self.option = option
        settings = try context.settings()
        plugins = try context.registry()
        store = try context.modelStore(trusts: trust.trustModel)
    }

    /// The model of the record's space, ready to embed queries.
    func model(
        of record: EmbeddingRecord, _ backend: BackendOptions, _ images: ImageDecodingOptions
    ) throws -> CLIPModel {
        let directory = try directory(of: record)
        guard directory.config.embedding == record.embedding.count else {
            throw CheckpointError(
                directory.folder,
                "makes vectors of \(directory.config.embedding) numbers, the stream's have "
                    + "\(record.embedding.count); name the model that made them with --model")
        }
        return try context.ready(directory, backend, images, settings, plugins, isNamed: option.isNamed(in: settings))
    }

    /// How cosines of the record's space become probabilities; nil, and one note, where its model is not found.
    func calibration(of record: EmbeddingRecord) throws -> ScoreCalibration? {
        do {
            return try directory(of: record).calibration()
        } catch {
            // A model that the user names must fit; another that is missing costs the probabilities only.
            if option.model != nil || option.openingOptions.areGiven { throw error }
            context.note("probability is left out: \(error)")
            return nil
        }
    }

    private func directory(of record: EmbeddingRecord) throws -> ModelDirectory {
        if option.model != nil || option.openingOptions.areGiven {
            let name = try option.value(in: settings).text
            let directory = try store.open(name, plugins: plugins, options: option.options())
            if let space = record.space, space != directory.space {
                throw CheckpointError(
                    directory.folder,
                    "is the model of the space '\(directory.space)', the embeddings are of '\(space)'; name "
                        + "the model that made them, or embed again with this one")
            }
            return directory
        }
        guard let space = record.space else {
            throw CheckpointError(
                "standard input", "the embeddings name no space; name the model that made them with --model")
        }
        // The model that is set is the likeliest; whatever is wrong with it, another may be the right one.
        if let likely = try? store.open(option.value(in: settings).text, plugins: plugins), likely.space == space {
            return likely
        }
        return try store.open(space: space, plugins: plugins)
    }
}
