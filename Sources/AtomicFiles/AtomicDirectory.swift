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
    /// renamed when `body` is done, and removed when it throws.
    /// - Parameter replacing: whether a directory that is there, with everything in it, gives way. Without it, only an
    ///   empty one does. A program that is killed between the two renames leaves the old one beside `path`, as
    ///   `.clip-….old`.
    /// - Throws: `AtomicFileError`, or what `body` throws.
    public static func write<T>(to path: String, replacing: Bool, _ body: (String) throws -> T) throws -> T {
        var target = path
        while target.count > 1, target.hasSuffix("/") { target.removeLast() }
        guard !target.isEmpty, !target.utf8.contains(0) else {
            throw AtomicFileError(path: path, action: .create, code: ENOENT)
        }
        if let real = realpath(target, nil) {
            target = String(cString: real)
            free(real)
        }
        let slash = target.lastIndex(of: "/")
        let parent = slash.map { $0 == target.startIndex ? "" : String(target[..<$0]) } ?? "."
        let temporary = parent + "/.clip-" + String(UInt64.random(in: 0 ... .max), radix: 36)
        guard mkdir(temporary + ".tmp", 0o777) == 0 else {
            throw AtomicFileError(path: path, action: .create, code: errno)
        }
        var isDone = false
        defer { if !isDone { removeTree(temporary + ".tmp") } }
        let result = try body(temporary + ".tmp")
        if rename(temporary + ".tmp", target) != 0 {
            let code = errno
            guard replacing, code == ENOTEMPTY || code == EEXIST else {
                throw AtomicFileError(path: path, action: .replace, code: code)
            }
            guard rename(target, temporary + ".old") == 0 else {
                throw AtomicFileError(path: path, action: .replace, code: errno)
            }
            guard rename(temporary + ".tmp", target) == 0 else {
                let code = errno
                _ = rename(temporary + ".old", target)
                throw AtomicFileError(path: path, action: .replace, code: code)
            }
            removeTree(temporary + ".old")
        }
        isDone = true
        return result
    }

    /// Removes what is at `path`, as far as it may be; links are removed, not followed.
    private static func removeTree(_ path: String) {
        if unlink(path) == 0 { return }
        if let stream = opendir(path) {
            var names: [String] = []
            while let entry = readdir(stream) {
                let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                    String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
                }
                if name != "." && name != ".." { names.append(name) }
            }
            closedir(stream)
            for name in names { removeTree(path + "/" + name) }
        }
        rmdir(path)
    }
}
