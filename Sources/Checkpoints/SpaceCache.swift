import AtomicFiles

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Remembers the spaces of large models, so that weights that a job does not need are not read only to name its space.
///
/// A space is kept under a digest of all that it follows from, with the identities of the files in the place of their
/// bytes: device, number, size, and when they were written and changed. A file is a line of eight digits; deleting any
/// or all of them costs time only.
package struct SpaceCache: Sendable {
    let folder: String
    /// Bytes of weights that are read faster than it is worth remembering anything.
    let minimumSize: Int

    package init(folder: String, minimumSize: Int = 64 << 20) {
        self.folder = folder
        self.minimumSize = minimumSize
    }

    /// `$XDG_CACHE_HOME/clip/spaces`, `~/.cache/clip/spaces` without it; nil without a home.
    package init?(environment: [String: String]) {
        if let cache = environment["XDG_CACHE_HOME"], cache.hasPrefix("/") {
            self.init(folder: FileSystem.resolve("clip/spaces", in: cache))
        } else if let home = environment["HOME"], !home.isEmpty {
            self.init(folder: FileSystem.resolve(".cache/clip/spaces", in: home))
        } else {
            return nil
        }
    }

    /// The space that is kept for `files` and for what `digest` has taken in; else that of `compute`, which is kept.
    func space(of files: [MappedFile], _ digest: Digest64, compute: () throws -> String) rethrows -> String {
        guard files.reduce(0, { $0 + $1.bytes.count }) >= minimumSize else { return try compute() }
        var key = digest
        for file in files { key.combine(file.identity) }
        let path = FileSystem.resolve(String(key.value, radix: 16), in: folder)
        if let kept = try? MappedFile(path).withBytes({ String(decoding: $0.prefix(16), as: UTF8.self) }),
            kept.utf8.count == 9, kept.hasSuffix("\n"), kept.dropLast().allSatisfy(\.isHexDigit)
        {
            return String(kept.dropLast())
        }
        let space = try compute()
        // A file that was written just now could be written again within one tick of the file system's clock.
        if files.allSatisfy({ time(nil) - $0.modified > 2 }) {
            try? FileSystem.makeDirectory(folder)
            try? AtomicFile.write(space + "\n", to: path)
        }
        return space
    }
}
