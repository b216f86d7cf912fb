/// The folder that huggingface_hub's tools and this one share: what one has downloaded, the other finds.
///
///     models--ORG--NAME/refs/REVISION              holds a commit
///     models--ORG--NAME/blobs/ETAG                 the content of a file; ETAG.incomplete while it is downloaded
///     models--ORG--NAME/snapshots/COMMIT/FILE  ->  ../../blobs/ETAG
///     .locks/models--ORG--NAME/ETAG.lock
///
/// Source: huggingface_hub, src/huggingface_hub/file_download.py.
public struct HubCache: Hashable, Sendable {
    public let folder: String

    public init(folder: String) { self.folder = folder }

    /// Taken in this order: `HF_HUB_CACHE`, `HUGGINGFACE_HUB_CACHE`, `$HF_HOME/hub`, `$XDG_CACHE_HOME/huggingface/hub`,
    /// `~/.cache/huggingface/hub`. Nil without any of them.
    public init?(environment: [String: String]) {
        for variable in ["HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"] {
            guard let folder = Self.path(variable, in: environment) else { continue }
            self.init(folder: folder)
            return
        }
        guard let home = Self.home(environment: environment) else { return nil }
        self.init(folder: FileSystem.resolve("hub", in: home))
    }

    /// What belongs to the hub's tools: `HF_HOME`, `$XDG_CACHE_HOME/huggingface` or `~/.cache/huggingface`.
    package static func home(environment: [String: String]) -> String? {
        if let home = path("HF_HOME", in: environment) { return home }
        if let cache = path("XDG_CACHE_HOME", in: environment) { return FileSystem.resolve("huggingface", in: cache) }
        return path("HOME", in: environment).map { FileSystem.resolve(".cache/huggingface", in: $0) }
    }

    /// A variable that holds a path, `~` standing for the home directory.
    package static func path(_ variable: String, in environment: [String: String]) -> String? {
        guard let path = environment[variable], !path.isEmpty else { return nil }
        guard path == "~" || path.hasPrefix("~/"), let home = environment["HOME"] else { return path }
        return home + path.dropFirst()
    }

    // MARK: - Where things are

    package func folder(of repository: String) -> String {
        FileSystem.resolve(Self.name(of: repository), in: folder)
    }

    package func reference(_ revision: String, of repository: String) -> String {
        folder(of: repository) + "/refs/" + revision
    }

    package func blob(_ etag: String, of repository: String) -> String {
        folder(of: repository) + "/blobs/" + etag
    }

    package func snapshot(_ commit: String, of repository: String) -> String {
        folder(of: repository) + "/snapshots/" + commit
    }

    package func lock(_ etag: String, of repository: String) -> String {
        FileSystem.resolve(".locks/" + Self.name(of: repository) + "/" + etag + ".lock", in: folder)
    }

    private static func name(of repository: String) -> String {
        "models--" + repository.split(separator: "/").joined(separator: "--")
    }

    // MARK: - What is there

    /// The directory of a model's files, where it is in the cache.
    package func snapshot(of reference: HubReference) -> String? {
        let commit = Self.commit(in: self.reference(reference.revision, of: reference.repository)) ?? reference.revision
        guard HubReference.isCommit(commit) else { return nil }
        let path = snapshot(commit, of: reference.repository)
        return FileSystem.isDirectory(path) ? path : nil
    }

    /// The models in the cache that can be opened, as far as their descriptions tell.
    package func models() -> [(reference: HubReference, path: String)] {
        FileSystem.names(in: folder).flatMap { name -> [(reference: HubReference, path: String)] in
            guard let repository = Self.repository(of: name) else { return [] }
            let revisions = FileSystem.names(in: folder(of: repository) + "/refs")
            let named = revisions.compactMap { Self.commit(in: self.reference($0, of: repository)) }
            let unnamed = FileSystem.names(in: folder(of: repository) + "/snapshots").filter { !named.contains($0) }
            return (revisions + unnamed).compactMap { revision in
                guard let reference = try? HubReference(repository: repository, revision: revision),
                    let path = snapshot(of: reference), let file = ModelLayout.file(in: path),
                    (try? ModelLayout(file: file)) != nil
                else { return nil }
                return (reference, path)
            }
        }
    }

    /// "models--ORG--NAME" to "ORG/NAME".
    static func repository(of name: String) -> String? {
        let rest = name.dropFirst("models--".count)
        guard name.hasPrefix("models--"), let separator = rest.firstRange(of: "--") else { return nil }
        return rest[..<separator.lowerBound] + "/" + rest[separator.upperBound...]
    }

    /// The commit that a file of `refs` holds.
    private static func commit(in path: String) -> String? {
        guard FileSystem.isFile(path), let file = try? MappedFile(path) else { return nil }
        let text = file.withBytes { bytes in String(decoding: bytes.prefix(64), as: UTF8.self) }
        let commit = String(text.prefix { !$0.isWhitespace })
        return HubReference.isCommit(commit) ? commit : nil
    }
}
