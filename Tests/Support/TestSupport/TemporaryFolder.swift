import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// A new folder that is removed when the program ends: not sooner, as optimised code lets go of an object after its last
/// use, and its path may be used for longer.
package final class TemporaryFolder: Sendable {
    package let path: String
    private let count = Atomic(0)

    package init() throws { path = try temporaryFolder() }

    package subscript(name: String) -> String { path + "/" + name }

    /// A path that nothing has yet.
    package func unique() -> String { self["run-\(count.add(1, ordering: .relaxed).oldValue)"] }

    package func write(_ bytes: [UInt8], to path: String) throws { try overwrite(path, bytes) }

    package func write(_ text: String, to path: String) throws { try overwrite(path, text) }

    /// Nothing where there is no such file.
    package func bytes(_ path: String) -> [UInt8] { (try? contents(of: path)) ?? [] }

    package func text(_ path: String) -> String { String(decoding: bytes(path), as: UTF8.self) }
}

/// A new folder that is removed when the program ends.
package func temporaryFolder() throws -> String {
    let path = try makeFolder()
    let isFirst = removedAtExit.withLock { paths in
        paths.append(path)
        return paths.count == 1
    }
    if isFirst { atexit { for path in removedAtExit.withLock({ $0 }) { remove(tree: path) } } }
    return path
}

/// A new folder that stays, for the files of a failure.
package func lastingFolder() throws -> String { try makeFolder() }

/// Runs a body with a new folder, which is removed after.
package func withTemporaryFolder<Result>(_ body: (String) throws -> Result) throws -> Result {
    let folder = try makeFolder()
    defer { remove(tree: folder) }
    return try body(folder)
}

private let removedAtExit = Mutex<[String]>([])

private func makeFolder() throws -> String {
    var template = Array("/tmp/clip-tests-XXXXXX".utf8CString)
    guard let made = mkdtemp(&template) else { throw SupportError("no folder in /tmp: \(errno)") }
    return String(cString: made)
}

/// Links are removed, not followed.
private func remove(tree path: String) {
    var status = stat()
    if lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR {
        for name in names(in: path) { remove(tree: path + "/" + name) }
    }
    remove(path)
}
