import YAML

/// What a path that opens nothing should have been.
extension ModelStore {
    /// The error for a path of `--model` where nothing is.
    func missing(_ path: String) throws -> CheckpointError {
        if path.hasPrefix("~") {
            return CheckpointError(
                path, "'~' stands for the home directory only where the shell reads it: leave out quotes and '='")
        }
        if let reference = Self.reference(inAddress: path) {
            return CheckpointError(path, "is an address, not a path; \(try remedy(for: reference))")
        }
        if path.lowercased().hasPrefix("file:") {
            return CheckpointError(path, "is an address; write the path alone")
        }
        let isRelative = !path.hasPrefix("/") && !path.hasPrefix(".")
        if isRelative, !FileSystem.isDirectory(FileSystem.folder(of: path)) {
            let published = try PublishedModels.meant(by: path)
            if let reference = try? HubReference(path),
                try published.isEmpty || PublishedModels.find(repository: reference.repository) != nil
            {
                return CheckpointError(
                    path, "there is no such model directory or file; \(try remedy(for: reference))")
            }
            if !published.isEmpty { return CheckpointError(path, "is no path; \(remedy(naming: published))") }
        }
        return CheckpointError(path, "there is no such model directory or file; \(Self.nearestPath(path))")
    }

    /// The error for a directory, or a file, that is no model.
    func undescribed(_ path: String) -> CheckpointError {
        let names = "\(ModelDirectory.configName), \(OpenCLIPLayout.configName) or \(TransformersLayout.configName)"
        guard FileSystem.isDirectory(path) else {
            let file = try? MappedFile(path)
            let found = file?.withBytes { ForeignWeights.found($0, path: path)?.what } ?? "is no model"
            return CheckpointError(
                path,
                "\(found); name a model's directory, its description (\(names)), or a file of weights (.safetensors, .pt, "
                    + ".bin)")
        }
        let what = "has no \(names), so it is no model directory"
        let folder = FileSystem.name(of: FileSystem.realPath(path))
        if let repository = HubCache.repository(of: folder) {
            return CheckpointError(
                path, "is a repository in a hub's cache; write \(HubReference.prefix)\(repository)")
        }
        if let found = ModelFolders.description(of: path) { return CheckpointError(path, found) }
        let inside = FileSystem.names(in: path)
        if inside.isEmpty { return CheckpointError(path, "is an empty directory; is the download complete?") }
        if let weights = inside.map({ FileSystem.resolve($0, in: path) }).first(where: WeightFiles.claims) {
            return CheckpointError(
                path, "\(what); to open its weights, write --model \(weights), with --config FILE where they need one")
        }
        return CheckpointError(path, "\(what); name the directory that has one of them")
    }

    /// The repository of an address like `https://huggingface.co/ORG/NAME/tree/main`.
    private static func reference(inAddress text: String) -> HubReference? {
        let parts = text.split(separator: "/").map(String.init)
        let isAddress = ["http:", "https:"].contains(parts.first?.lowercased())
        let rest = isAddress ? parts.dropFirst() : parts[...]
        guard isAddress || rest.first?.lowercased() == "huggingface.co", rest.count >= 3 else { return nil }
        let start = rest.startIndex
        return try? HubReference(repository: rest[start + 1] + "/" + rest[start + 2])
    }

    /// How a repository is opened.
    private func remedy(for reference: HubReference) throws -> String {
        if let published = try PublishedModels.find(repository: reference.repository), path(of: published) != nil {
            return "did you mean '\(published.name)', which is here?"
        }
        if hub?.snapshot(of: reference) != nil { return "did you mean '\(reference)', which is in the hub's cache?" }
        return "a repository of the hub is written '\(reference)', once 'clip models pull \(reference)' has fetched it"
    }

    /// What is nearest to a path: the folder above that is there, and the name in it that was probably meant.
    private static func nearestPath(_ path: String) -> String {
        var (parent, name) = (FileSystem.folder(of: path), FileSystem.name(of: path))
        if !FileSystem.isDirectory(parent) {
            while parent != "/", parent != ".", !FileSystem.isDirectory(FileSystem.folder(of: parent)) {
                parent = FileSystem.folder(of: parent)
            }
            return "there is no directory \(parent)"
        }
        let near = NearestName.of(name, among: FileSystem.names(in: parent))
        name = near.map { parent == "." ? "./" + $0 : FileSystem.resolve($0, in: parent) } ?? ""
        return near == nil ? "check the path" : "did you mean \(name)?"
    }

    /// "a, b or c", of many the first.
    static func list(_ names: [String], limit: Int = 6) -> String {
        if names.count > limit { return names.prefix(limit).joined(separator: ", ") + ", ..." }
        return names.count < 2
            ? names.joined() : names.dropLast().joined(separator: ", ") + " or " + (names.last ?? "")
    }
}
