#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Writes directories that are there whole or not at all.
public enum AtomicDirectory {
    /// Writes the directory at `path` through `body`, which fills a new one beside it, named by its argument; that one is
    /// renamed when `body` is done, and removed when it throws. `OutputRule` says whether it may be written.
    ///
    /// Of a directory that is there, what `record.command` made and nobody changed gives way, and so do files of the names
    /// that `body` writes; everything else is kept. A program that is killed between the two renames leaves the old one
    /// beside `path`, as `.clip-….old`.
    /// - Parameters:
    ///   - record: left in the directory, with the files that `body` wrote.
    ///   - force: whether the user asked to write there whatever is there.
    ///   - check: called with the new directory when what is kept is in it, too; throws where it changes the meaning of
    ///     what was written.
    /// - Throws: `OutputRefusal`, `AtomicFileError`, or what `body` or `check` throw.
    public static func write<T>(
        to path: String, record: OutputRecord, force: Bool, check: (String) throws -> Void = { _ in },
        _ body: (String) throws -> T
    ) throws -> T {
        guard !path.isEmpty, !path.utf8.contains(0) else {
            throw AtomicFileError(path: path, action: .create, code: ENOENT)
        }
        try OutputRule.check(folder: path, for: record, force: force)
        let target = FolderTree.realPath(path)
        let parent = target.lastIndex(of: "/").map { String(target[..<$0]) } ?? "."
        let temporary = parent + "/.clip-" + String(UInt64.random(in: 0 ... .max), radix: 36)
        guard mkdir(temporary + ".tmp", 0o777) == 0 else {
            throw AtomicFileError(path: path, action: .create, code: errno)
        }
        var isDone = false
        defer { if !isDone { FolderTree.remove(temporary + ".tmp") } }
        let result = try body(temporary + ".tmp")
        var record = record
        record.files = FolderTree.items(in: temporary + ".tmp").filter { !$0.isFolder }
        if try keep(from: target, in: temporary + ".tmp", command: record.command) {
            try check(temporary + ".tmp")
        }
        try record.write(in: temporary + ".tmp")
        try swap(temporary, target, path)
        isDone = true
        return result
    }

    /// Puts what stays of the directory `old` into `new`, as further names of the same files; whether there was anything.
    private static func keep(from old: String, in new: String, command: String) throws -> Bool {
        var status = stat()
        guard stat(old, &status) == 0 else { return false }
        _ = chmod(new, status.st_mode & 0o7777)
        let items = FolderTree.items(in: old)
        let record = OutputRecord(in: old).flatMap { $0.command == command ? $0 : nil }
        let own = record?.unchanged(among: items) ?? []
        let made = Set(FolderTree.items(in: new).map(\.path))
        var isKept = false
        for item in items where !made.contains(item.path) && !own.contains(item.path) && item.path != OutputRecord.name
        {
            // A folder of ours is made again when something in it is kept.
            if item.isFolder, own.contains(where: { $0.hasPrefix(item.path + "/") }) { continue }
            try link(item, from: old, in: new)
            isKept = true
        }
        return isKept
    }

    private static func link(_ item: FolderTree.Item, from old: String, in new: String) throws {
        var end = item.path.startIndex
        while let slash = item.path[end...].firstIndex(of: "/") {
            let folder = new + "/" + item.path[..<slash]
            guard mkdir(folder, 0o777) == 0 || errno == EEXIST else {
                throw AtomicFileError(path: folder, action: .create, code: errno)
            }
            end = item.path.index(after: slash)
        }
        let (source, target) = (old + "/" + item.path, new + "/" + item.path)
        if item.isFolder {
            guard mkdir(target, 0o777) == 0 || errno == EEXIST else {
                throw AtomicFileError(path: source, action: .keep, code: errno)
            }
        } else if linkat(AT_FDCWD, source, AT_FDCWD, target, 0) != 0 {
            throw AtomicFileError(path: source, action: .keep, code: errno)
        }
    }

    /// Gives the new directory its name; an old one that is not empty steps aside for it.
    private static func swap(_ temporary: String, _ target: String, _ path: String) throws {
        if rename(temporary + ".tmp", target) == 0 { return }
        guard errno == ENOTEMPTY || errno == EEXIST else {
            throw AtomicFileError(path: path, action: .replace, code: errno)
        }
        guard rename(target, temporary + ".old") == 0 else {
            throw AtomicFileError(path: path, action: .replace, code: errno)
        }
        guard rename(temporary + ".tmp", target) == 0 else {
            let code = errno
            _ = rename(temporary + ".old", target)
            throw AtomicFileError(path: path, action: .replace, code: code)
        }
        FolderTree.remove(temporary + ".old")
    }
}
