import AtomicFiles
public import Checkpoints

/// Fetches models from a hub (huggingface.co, or one with the same HTTP interface) into the cache that the hub's own
/// tools use, too.
///
///     let hub = ModelHub(try HubConfiguration(environment: environment))
///     let snapshot = try await hub.pull(HubReference("hf:openai/clip-vit-base-patch32"))
///     let model = try ModelDirectory(path: snapshot.path, plugins: plugins)
public struct ModelHub: Sendable {
    public let configuration: HubConfiguration

    public init(_ configuration: HubConfiguration) { self.configuration = configuration }

    /// Brings a model's files into the cache: descriptions, tokenizer and one set of weights. What is there already is not
    /// fetched again; what was broken off goes on where it ended. Connections that fail are tried again.
    ///
    /// The descriptions come last, and a branch or tag points at the new commit only when all is there: what is not whole
    /// is no model. Transfers block the thread they run on; cancelling the task ends them within a second.
    /// - Parameters:
    ///   - weights: Names of files of weights that are taken, where they are there, before those that are usual.
    ///   - onEvent: Told of progress, on the task that pulls.
    /// - Throws: `HubError`, `AtomicFileError` or `CheckpointError` where the cache cannot be written, `CancellationError`.
    public func pull(
        _ reference: HubReference, weights: [String] = [], onEvent: @escaping (HubEvent) -> Void = { _ in }
    ) async throws -> HubSnapshot {
        let cache = configuration.cache
        if configuration.isOffline {
            guard let path = cache.snapshot(of: reference), ModelLayout.file(in: path) != nil else {
                throw HubError(
                    .offline, "\(reference)",
                    "it is not in the cache \(cache.folder), and HF_HUB_OFFLINE forbids to fetch it; unset that")
            }
            return HubSnapshot(reference: reference, commit: FileSystem.name(of: path), path: path, received: 0)
        }
        let client = try HubClient(configuration)
        let listing = try await configuration.retries.run(
            "\(reference)",
            onRetry: { onEvent(.retrying(subject: "\(reference)", cause: $0, delay: $1)) },
            { try client.listing(reference) })
        let selection = try FileSelection(listing, reference, preferred: weights)
        let path = cache.snapshot(listing.commit, of: reference.repository)
        var received = 0

        func fetch(_ files: [HubListing.File]) async throws {
            let sizes = files.compactMap(\.size)
            let total = sizes.count == files.count ? sizes.reduce(0, +) : nil
            var done = 0
            for file in files {
                var count = 0
                received += try await FileDownload(
                    client: client, reference: reference, commit: listing.commit, file: file, onEvent: onEvent,
                    onCount: {
                        count = $0
                        onEvent(.progress(HubProgress(file: file.name, received: done + count, total: total)))
                    }
                ).run()
                done += count
            }
        }
        var files = [selection.weights]
        if selection.isSharded {
            try await fetch(files)
            files += try WeightIndex.files(path + "/" + selection.weights.name).map { name in
                guard let file = listing.files.first(where: { $0.name == name }) else {
                    throw HubError(
                        .corrupt, "\(reference): \(selection.weights.name)",
                        "it names '\(name)', which the repository does not have")
                }
                return file
            }
        }
        try await fetch(files + selection.descriptions)
        if reference.revision != listing.commit {
            let file = cache.reference(reference.revision, of: reference.repository)
            // A cache that has it all may be one that cannot be written.
            if DiskFile.text(file) != listing.commit {
                try FileSystem.makeDirectory(FileSystem.folder(of: file))
                try AtomicFile.write(listing.commit, to: file)
            }
        }
        return HubSnapshot(reference: reference, commit: listing.commit, path: path, received: received)
    }
}

/// A model in the cache.
public struct HubSnapshot: Hashable, Sendable {
    public let reference: HubReference
    public let commit: String
    /// The directory of its files.
    public let path: String
    /// Bytes that came over the network.
    public let received: Int
}
