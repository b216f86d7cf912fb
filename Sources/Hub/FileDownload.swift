import AtomicFiles
import Checkpoints

/// Brings one file of a repository into the cache: its content under `blobs`, a link to it in the snapshot.
struct FileDownload {
    let client: HubClient
    let reference: HubReference
    let commit: String
    let file: HubListing.File
    let onEvent: (HubEvent) -> Void
    /// Called with the number of the file's bytes that are there.
    let onCount: (Int) -> Void

    private var cache: HubCache { client.configuration.cache }
    private var subject: String { "\(reference): \(file.name)" }
    private var pointer: String { cache.snapshot(commit, of: reference.repository) + "/" + file.name }

    /// The number of bytes that had to be fetched.
    func run() async throws -> Int {
        if let size = DiskFile.size(pointer), file.size == nil || size == file.size {
            onCount(size)
            return 0
        }
        try refuseChangedFile()
        let metadata = try await retrying { try client.metadata(file.name, reference, commit: commit) }
        let blob = cache.blob(metadata.etag, of: reference.repository)
        let lockFile = cache.lock(metadata.etag, of: reference.repository)
        for path in [blob, lockFile, pointer] { try makeFolder(of: path) }
        let lock = try await FileLock.take(lockFile) { onEvent(.waiting(file: file.name)) }
        defer { withExtendedLifetime(lock) {} }

        let size = file.size ?? metadata.size
        var received = 0
        if let there = DiskFile.size(blob), size == nil || there == size {
            onCount(there)
        } else {
            received = try await fetch(metadata, size: size, to: blob)
        }
        let ups = file.name.split(separator: "/").count + 1
        try DiskFile.link(pointer, to: String(repeating: "../", count: ups) + "blobs/" + metadata.etag)
        return received
    }

    /// What lies in the cache as a file of its own, and not as a link, did not come from here: somebody's change of it is
    /// not written over.
    private func refuseChangedFile() throws(HubError) {
        guard DiskFile.size(pointer) != nil, !DiskFile.isLink(pointer) else { return }
        throw HubError(
            .storage, pointer,
            "is another file than the hub's \(file.name), and was put there by hand; move it away to fetch the hub's")
    }

    private func makeFolder(of path: String) throws(HubError) {
        do {
            try FileSystem.makeDirectory(FileSystem.folder(of: path))
        } catch {
            throw HubError(.storage, "\(error)", "set HF_HUB_CACHE to a folder that you may write to")
        }
    }

    private func retrying<Result>(_ body: () throws -> Result) async throws -> Result {
        try await client.configuration.retries.run(
            subject, onRetry: { onEvent(.retrying(subject: subject, cause: $0, delay: $1)) }, body)
    }

    // MARK: - The content

    /// Fetches what is missing of the content, checks it, and gives it its name.
    private func fetch(_ metadata: HubClient.Metadata, size: Int?, to blob: String) async throws -> Int {
        let partial = try DiskFile(blob + ".incomplete")
        if let size, let free = DiskFile.freeSpace(FileSystem.folder(of: blob)), free < size - partial.count {
            throw HubError(
                .storage, subject,
                "\(size - partial.count) bytes are missing and the disk has \(free) left; free some space, or set "
                    + "HF_HUB_CACHE to a folder on another disk")
        }
        let digest = file.digest ?? (metadata.isLarge ? .sha256(metadata.etag) : nil)
        var received = 0
        // Where a server cannot resume, the same bytes come again: only more than ever before is progress.
        var furthest = partial.count
        var hasMismatched = false
        try await retrying {
            do {
                if let size, partial.count > size { try partial.clear() }
                onCount(partial.count)
                if size == nil || partial.count != size {
                    try transfer(metadata, size: size, into: partial) { received += $0 }
                }
            } catch var failure as TransientFailure {
                failure.hasProgress = partial.count > furthest
                furthest = max(furthest, partial.count)
                throw failure
            }
            guard let digest, try !Digest.matches(digest, partial.path) else { return }
            try partial.clear()
            // What was there before may have been the cause, once.
            if hasMismatched {
                throw HubError(
                    .corrupt, subject,
                    "what arrives is not what the hub announces (its checksum is wrong, twice); try again later, or "
                        + "another HF_ENDPOINT")
            }
            hasMismatched = true
            throw TransientFailure(cause: "the checksum is wrong")
        }
        try partial.finish(as: blob)
        return received
    }

    /// One request for all or the rest of the content.
    private func transfer(
        _ metadata: HubClient.Metadata, size: Int?, into partial: DiskFile, onBytes: (Int) -> Void
    ) throws {
        let offset = partial.count
        let rest = offset > 0 ? HubClient.Rest(offset: offset, etag: metadata.etag) : nil
        var announced = size
        var hasBegun = false
        let response = try client.content(file.name, reference, commit: commit, rest: rest) { response, bytes in
            if !hasBegun {
                hasBegun = true
                announced = try begin(response, metadata, size: size, into: partial)
            }
            if let announced, partial.count + bytes.count > announced {
                try partial.clear()
                throw HubError(.corrupt, subject, "more than the announced \(announced) bytes arrive; try again later")
            }
            try partial.append(bytes)
            onBytes(bytes.count)
            onCount(partial.count)
        }
        if response.status == 416 {
            try partial.clear()
            throw TransientFailure(cause: "the server does not have the rest of the file")
        }
        if let announced, partial.count < announced {
            throw TransientFailure(cause: "only \(partial.count) of \(announced) bytes arrived")
        }
    }

    /// Looks at the head of an answer: whether it is of the same content, and goes on where the file ends. Gives the size
    /// of the whole content.
    private func begin(
        _ response: HubClient.Response, _ metadata: HubClient.Metadata, size: Int?, into partial: DiskFile
    ) throws -> Int? {
        if response.linkedETag != nil || response.isFromEndpoint, let etag = response.etag, etag != metadata.etag {
            throw HubError(.corrupt, subject, "it changed on the hub while it was fetched; try again")
        }
        var total = response.headers["content-length"].flatMap { Int($0) }
        if response.status == 206 {
            // "bytes 100-999/1000"
            let range = (response.headers["content-range"] ?? "").split { " -/".contains($0) }
            guard range.count == 4, Int(range[1]) == partial.count else {
                try partial.clear()
                throw TransientFailure(cause: "the server sends another part of the file than was asked for")
            }
            total = Int(range[3])
        }
        if let size, let total, size != total {
            throw TransientFailure(cause: "the server sends \(total) bytes, not \(size)")
        }
        if response.status == 200, partial.count > 0 { try partial.clear() }  // all of it comes, not only the rest
        return size ?? total
    }
}
