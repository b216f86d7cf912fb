import YAML

/// What a name that no model has should have been.
extension ModelStore {
    /// The error for a name of `--model` that no model has.
    func unknown(_ name: String) throws -> CheckpointError {
        if name.isEmpty { return CheckpointError("the model", "its name is empty; 'clip models list' shows them") }
        let missing = "there is no model of this name"
        if FileSystem.isDirectory(name) || FileSystem.isFile(name) {
            let isOne = Self.opens(name)
            let what = FileSystem.isDirectory(name) ? "directory" : "file"
            return CheckpointError(
                name,
                "\(missing); a path has a slash: "
                    + (isOne
                        ? "to open the \(what) that is here, write ./\(name)"
                        : "the \(what) ./\(name) is no model (\(undescribed(name).message))"))
        }
        let published = try PublishedModels.meant(by: name)
        let models = models().map(\.name)
        let local = NearestName.of(name, among: models) ?? models.first { Self.hasPrefix($0, name) }
        if !published.isEmpty, local == nil || published.count == 1 {
            return CheckpointError(name, "\(missing); \(remedy(naming: published))")
        }
        let places =
            folders.isEmpty
            ? "nowhere (CLIP_MODEL_PATH is not set)"
            : folders.map { FileSystem.isDirectory($0) ? $0 : "\($0) (which is no directory)" }.joined(separator: ", ")
        var remedy =
            models.isEmpty ? "give a path, or set CLIP_MODEL_PATH" : "use one of \(Self.list(models, limit: 40))"
        if let local { remedy = "did you mean '\(local)'?" }
        if let folder = folders.first(where: { Self.isModel($0) }) {
            remedy = "\(folder) is itself a model: CLIP_MODEL_PATH names the directories that hold some"
        }
        return CheckpointError(name, "\(missing); looked in \(places); \(remedy)")
    }

    /// "did you mean 'ViT-B-32:openai', which is here?", those on this machine first.
    package func remedy(naming models: [PublishedModel]) -> String {
        let here = models.filter { path(of: $0) != nil }
        let others = models.filter { model in !here.contains { $0.name == model.name } }
        if !here.isEmpty {
            let names = Self.list(here.map { "'\($0.name)'" })
            let more = others.isEmpty ? "" : "; others that can be had: \(Self.list(others.map(\.name), limit: 3))"
            return "did you mean \(names), which \(here.count == 1 ? "is" : "are") here?\(more)"
        }
        let names = Self.list(others.map { "'\($0.name)'" })
        return "did you mean \(names)? 'clip models pull \(others[0].name)' fetches "
            + (others.count == 1 ? "it" : "the first of them, 'clip models list' shows all")
    }

    /// Whether the directory, or the file, can be a model.
    static func opens(_ path: String) -> Bool {
        isModel(path) || WeightFiles.claims(path)
            || [".yaml", ".yml", ".json"].contains { path.hasSuffix($0) && FileSystem.isFile(path) }
    }

    private static func hasPrefix(_ name: String, _ prefix: String) -> Bool {
        prefix.count > 2 && name.lowercased().hasPrefix(prefix.lowercased())
    }
}

extension PublishedModels {
    /// The models that a name may mean which is none of theirs: an architecture without what it was trained on, other
    /// letter case and separators, the name of a repository, a part of a name, a typo. The likeliest first.
    package static func meant(by name: String) throws -> [PublishedModel] {
        let wanted = words(name)
        guard !wanted.isEmpty else { return [] }
        let models = try all()
        func first(_ tests: [(PublishedModel) -> Bool]) -> [PublishedModel] {
            tests.lazy.map { models.filter($0) }.first { !$0.isEmpty } ?? []
        }
        let plain = wanted.filter { $0 != "quickgelu" }
        let found = first([
            { words($0.name) == plain },
            { words($0.name).sorted() == plain.sorted() },
            { words(architecture($0)) == plain },
            { model in model.repositories.contains { words($0) == wanted } },
            { model in model.repositories.contains { words(String($0.split(separator: "/")[1])) == wanted } },
        ])
        if !found.isEmpty { return found }
        let near =
            try nearestName(to: name)
            ?? NearestName.of(name, among: models.map(architecture)).flatMap { architecture in
                models.first { self.architecture($0) == architecture }?.name
            }
        if let near, let model = try find(near) {
            return name.contains(":") ? [model] : models.filter { architecture($0) == architecture(model) }
        }
        guard wanted.joined().count > 2 else { return [] }
        return models.filter { words($0.name).joined(separator: "-").contains(wanted.joined(separator: "-")) }
    }

    private static func architecture(_ model: PublishedModel) -> String {
        model.name.split(separator: ":").first.map(String.init) ?? model.name
    }

    /// The letters and digits of a name in lower case, cut where it is separated; "clip" says nothing.
    private static func words(_ name: String) -> [String] {
        name.lowercased().split { !$0.isLetter && !$0.isNumber }.map(String.init).filter { $0 != "clip" }
    }
}
