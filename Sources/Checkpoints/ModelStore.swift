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

    /// Whether a directory that is known to hold a published model must say of it what is published.
    public var checksPublished = true

    /// Searched in this order: the folders of `CLIP_MODEL_PATH`, separated by colons; `$XDG_DATA_HOME/clip/models`
    /// (`~/.local/share/clip/models` without it); the folders of `bundled`.
    public init(environment: [String: String], bundled: [String] = []) {
        var folders = (environment["CLIP_MODEL_PATH"] ?? "").split(separator: ":").map(String.init)
        if let data = environment["XDG_DATA_HOME"], data.hasPrefix("/") {
            folders.append(FileSystem.resolve("clip/models", in: data))
        } else if let home = environment["HOME"], !home.isEmpty {
            folders.append(FileSystem.resolve(".local/share/clip/models", in: home))
        }
        self.folders = folders + bundled
    }

    /// The models there are, without opening them. Of one name in two folders, the first counts.
    public func models() -> [Listing] {
        var seen: Set<String> = []
        return folders.flatMap { folder in
            FileSystem.names(in: folder).compactMap { name in
                let path = FileSystem.resolve(name, in: folder)
                guard Self.isModel(path), seen.insert(name).inserted else { return nil }
                return Listing(name: name, path: path)
            }
        }
    }

    /// The path that `model` means: a path where it holds a slash or is a model's directory, else a name that is looked up.
    public func path(of model: String) throws -> String {
        if !FileSystem.isDirectory(model), let published = try PublishedModels.find(model) {
            if let listing = models().first(where: { $0.name == published.name }) { return listing.path }
            throw CheckpointError(
                model,
                "is a published model that is not on this machine; download \(published.repository) "
                    + "(clip models pull \(published.name))")
        }
        if model.contains("/") || Self.isModel(model) {
            guard FileSystem.isDirectory(model) || FileSystem.isFile(model) else {
                throw CheckpointError(model, "there is no such model directory; check the path")
            }
            guard FileSystem.isFile(ModelDirectory.configFile(model)) else {
                throw CheckpointError(
                    model,
                    "has no \(ModelDirectory.configName), \(OpenCLIPLayout.configName) or "
                        + "\(TransformersLayout.configName), so it is no model directory")
            }
            return model
        }
        let models = models()
        if let listing = models.first(where: { $0.name == model }) { return listing.path }
        let places = folders.isEmpty ? "nowhere (CLIP_MODEL_PATH is not set)" : folders.joined(separator: ", ")
        var remedy = "give a path, or set CLIP_MODEL_PATH"
        if !models.isEmpty { remedy = NearestName.remedy(for: model, among: models.map(\.name)) }
        if model.contains(":"), let near = try PublishedModels.nearestName(to: model) {
            remedy = "did you mean '\(near)'?"
        }
        throw CheckpointError(model, "there is no model of this name; looked in \(places); \(remedy)")
    }

    /// Opens the model that `model` means.
    public func open(_ model: String, plugins: PluginRegistry) throws -> ModelDirectory {
        try ModelDirectory(
            path: path(of: model), as: PublishedModels.find(model), plugins: plugins, checksPublished: checksPublished)
    }

    /// Opens the first model of this space. Reads every model's weights on the way; one that cannot be opened is passed
    /// over, and named in the error where none fits.
    public func open(space: String, plugins: PluginRegistry) throws -> ModelDirectory {
        var failures: [String] = []
        for listing in models() {
            do {
                let model = try ModelDirectory(
                    path: listing.path, plugins: plugins, checksPublished: checksPublished)
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

    private static func isModel(_ path: String) -> Bool {
        FileSystem.isDirectory(path) && ModelLayout.file(in: path) != nil
    }
}
