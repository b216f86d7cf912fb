public import Multimodal
import YAML

/// Where models are looked for, and how `--model` is understood.
public struct ModelStore: Sendable {
    /// A model that is there.
    public struct Listing: Hashable, Sendable {
        /// What `--model` takes.
        public var name: String
        /// Its directory.
        public var path: String
    }

    /// Folders that hold model directories, in the order in which they are searched.
    public let folders: [String]
    /// What models are opened with where nobody says otherwise.
    private let options: ModelDirectory.Options

    /// The cache of models from a hub. Searched for `hf:ORG/NAME` and for published models, never written here.
    public let hub: HubCache?

    /// Whether a directory that is known to hold a published model must say of it what is published.
    public var checksPublished = true

    /// Searched in this order: the folders of `CLIP_MODEL_PATH`, separated by colons; `$XDG_DATA_HOME/clip/models`
    /// (`~/.local/share/clip/models` without it); the folders of `bundled`. Merges of CLIP's tokenizer that a model lacks are
    /// those of `CLIP_BPE_MERGES`; spaces of large models are remembered in `$XDG_CACHE_HOME/clip/spaces`.
    public init(environment: [String: String], bundled: [String] = []) {
        var folders = (environment["CLIP_MODEL_PATH"] ?? "").split(separator: ":").map(String.init)
        if let data = environment["XDG_DATA_HOME"], data.hasPrefix("/") {
            folders.append(FileSystem.resolve("clip/models", in: data))
        } else if let home = environment["HOME"], !home.isEmpty {
            folders.append(FileSystem.resolve(".local/share/clip/models", in: home))
        }
        self.folders = folders + bundled
        var options = ModelDirectory.Options(
            merges: environment["CLIP_BPE_MERGES"].flatMap { $0.isEmpty ? nil : $0 })
        options.spaceCache = SpaceCache(environment: environment)
        self.options = options
        hub = HubCache(environment: environment)
    }

    /// The models there are, without opening them: those of `folders`, then those of the hub's cache as far as they are
    /// of a kind that can be opened. Of one name in two folders, the first counts.
    public func models() -> [Listing] {
        folderModels() + (hub?.models() ?? []).map { Listing(name: "\($0.reference)", path: $0.path) }
    }

    private func folderModels() -> [Listing] {
        var seen: Set<String> = []
        return folders.flatMap { folder in
            FileSystem.names(in: folder).compactMap { name in
                let path = FileSystem.resolve(name, in: folder)
                guard Self.isModel(path), seen.insert(name).inserted else { return nil }
                return Listing(name: name, path: path)
            }
        }
    }

    /// The path that `model` means. `hf:ORG/NAME[@REVISION]` is in the hub's cache. What has a slash is a path; anything
    /// else is a name, of a model in `folders` or of a published one, or a file that ends like weights.
    public func path(of model: String) throws -> String {
        if model.hasPrefix(HubReference.prefix) {
            let reference = try HubReference(model)
            if let path = hub?.snapshot(of: reference), Self.isModel(path) { return path }
            throw CheckpointError(
                model,
                "is not in the hub's cache \(hub?.folder ?? "(HF_HUB_CACHE is not set)"); fetch it with "
                    + "'clip models pull \(reference)'")
        }
        let isPath = model.contains("/") || model == "." || model == ".."
        let exists = FileSystem.isDirectory(model) || FileSystem.isFile(model)
        if isPath, exists {
            guard Self.opens(model) else { throw undescribed(model) }
            return model
        }
        if let published = try PublishedModels.find(model) {
            if let path = path(of: published) { return path }
            throw CheckpointError(
                model,
                "is a published model that is not on this machine; fetch it with 'clip models pull \(published.name)'")
        }
        if isPath { throw try missing(model) }
        if let listing = folderModels().first(where: { $0.name == model }) { return listing.path }
        if model.contains("."), WeightFiles.claims(model) { return model }
        throw try unknown(model)
    }

    /// Where a published model is on this machine: under its name, else in the hub's cache; nil where it is not.
    package func path(of published: PublishedModel) -> String? {
        if let listing = folderModels().first(where: { $0.name == published.name }) { return listing.path }
        return published.repositories.lazy.compactMap { repository in
            let revision = repository == published.repository ? published.revision : nil
            return (try? HubReference(repository: repository, revision: revision ?? "main")).flatMap {
                hub?.snapshot(of: $0)
            }
        }.first(where: Self.isModel)
    }

    /// Opens the model that `model` means.
    public func open(
        _ model: String, plugins: PluginRegistry, options: ModelDirectory.Options = ModelDirectory.Options()
    ) throws -> ModelDirectory {
        var options = completed(options)
        options.published = try PublishedModels.find(model)
        return try ModelDirectory(path: path(of: model), plugins: plugins, options: options)
    }

    /// The description of the model that `model` means; its weights are not looked at.
    package func source(_ model: String, options: ModelDirectory.Options) throws -> ModelDirectory.Source {
        try ModelDirectory.source(path: path(of: model), options: completed(options))
    }

    private func completed(_ options: ModelDirectory.Options) -> ModelDirectory.Options {
        var options = options
        options.merges = options.merges ?? self.options.merges
        options.spaceCache = options.spaceCache ?? self.options.spaceCache
        options.checksPublished = options.checksPublished && checksPublished
        return options
    }

    /// Opens the first model of this space. Reads every model's weights on the way; one that cannot be opened is passed
    /// over, and named in the error where none fits.
    public func open(space: String, plugins: PluginRegistry) throws -> ModelDirectory {
        var failures: [String] = []
        for listing in models() {
            do {
                let model = try ModelDirectory(
                    path: listing.path, plugins: plugins, options: completed(ModelDirectory.Options()))
                if model.space == space { return model }
            } catch {
                failures.append("\(listing.name) (\(error))")
            }
        }
        let places = folders.isEmpty ? "nowhere" : folders.joined(separator: ", ")
        var message = "no model of this space; looked in \(places); name the model that made these embeddings"
        if !failures.isEmpty { message += "; could not be opened: " + failures.joined(separator: ", ") }
        throw CheckpointError("space \(space)", message)
    }

    static func isModel(_ path: String) -> Bool {
        FileSystem.isDirectory(path) && ModelLayout.file(in: path) != nil
    }
}
