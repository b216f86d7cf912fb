#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Where a command may write, so that nobody's work is written over unasked: a folder that is new, or empty, or that the
/// same command made for the same purpose and nobody changed since; a file that is new, or holds the same bytes already.
/// Everything else needs `--force`; what is an input of the command is never written over.
public enum OutputRule {
    /// Refuses `folder` where somebody's work is in it.
    /// - Parameters:
    ///   - record: what the command will leave there.
    ///   - force: whether the user asked to write there whatever is there.
    public static func check(folder: String, for record: OutputRecord, force: Bool) throws(OutputRefusal) {
        if FileIdentity(folder) != nil {
            throw OutputRefusal(folder, "is there already, as a file; choose another place")
        }
        let items = FolderTree.items(in: folder)
        guard !force, !items.isEmpty else { return }
        guard let there = OutputRecord(in: folder), there.command == record.command else {
            throw OutputRefusal(folder, "is not empty, it holds \(contents(of: folder)); \(remedy)")
        }
        guard there.purpose == record.purpose else {
            throw OutputRefusal(
                folder, "holds what '\(there.command)' made for another purpose (\(there.purpose)); \(remedy)")
        }
        let known = there.unchanged(among: items).union([OutputRecord.name])
        let others = items.filter { !$0.isFolder && !known.contains($0.path) }.map(\.path)
        guard others.isEmpty else {
            throw OutputRefusal(
                folder, "was changed since '\(there.command)' made it: \(listed(others)); \(remedy)")
        }
    }

    /// Refuses `folder` where it is one of `inputs` (folders, or files with their folders), lies inside one, or has one in
    /// it; whether the user asked for it or not.
    public static func check(folder: String, isNone inputs: [String]) throws(OutputRefusal) {
        let target = FolderTree.realPath(folder)
        func isWithin(_ path: String, _ folder: String) -> Bool {
            path == folder || path.hasPrefix(folder.hasSuffix("/") ? folder : folder + "/")
        }
        for input in inputs {
            let source = FolderTree.realPath(input)
            guard isWithin(source, target) || FileIdentity(source) == nil && isWithin(target, source) else { continue }
            let relation =
                source == target ? "is" : isWithin(target, source) ? "lies inside" : "is a folder around"
            throw OutputRefusal(folder, "\(relation) what is read, '\(input)'; choose another place")
        }
    }

    /// Refuses the file `path` where it is one of `inputs`, by whatever name.
    public static func check(file path: String, isNone inputs: [String]) throws(OutputRefusal) {
        guard let target = FileIdentity(path) else { return }
        for input in inputs where FileIdentity(input) == target { throw same(path, input) }
    }

    /// Refuses the file `path` where it is the one that is open as `descriptor`, which messages call `name`.
    public static func check(file path: String, isNot descriptor: Int32, named name: String) throws(OutputRefusal) {
        guard let target = FileIdentity(path), FileIdentity(descriptor: descriptor) == target else { return }
        throw same(path, name)
    }

    private static func same(_ path: String, _ input: String) -> OutputRefusal {
        OutputRefusal(path, "is the same file as '\(input)', which is read; write to another file")
    }

    /// Refuses a file of a folder that is a symbolic link: writing it would change a file elsewhere.
    public static func check(isNoLink path: String) throws(OutputRefusal) {
        var status = stat()
        guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFLNK else { return }
        throw OutputRefusal(path, "is a link, and what it points to would be written over; remove the link first")
    }

    /// Writes `bytes` to the file `path` where nothing is there, or the same bytes, or `force` says so.
    /// - Throws: `OutputRefusal` where something else is there, `AtomicFileError`.
    public static func write(_ bytes: [UInt8], toFile path: String, force: Bool) throws {
        var status = stat()
        if !force, !path.utf8.contains(0), stat(path, &status) == 0 {
            if FileIdentity(path) != nil, (try? SmallFile.read(path, limit: bytes.count)) == bytes { return }
            throw OutputRefusal(path, "is there already, with other content; write to another file, or use --force")
        }
        try AtomicFile.write(bytes, to: path)
    }

    /// What is in the folder, for messages, some of it where it is much: "model.yaml, model.safetensors and 3 more".
    public static func contents(of folder: String) -> String {
        listed(FolderTree.names(in: folder).filter { $0 != OutputRecord.name })
    }

    static let remedy = "choose another place, or write into it with --force"

    private static func listed(_ names: [String]) -> String {
        let shown = names.prefix(6).joined(separator: ", ")
        return names.count > 6 ? "\(shown) and \(names.count - 6) more" : shown
    }
}

/// A place that a command may not write to.
public struct OutputRefusal: Error, Hashable, Sendable, CustomStringConvertible {
    public var path: String
    /// What is there, and what to do.
    public var message: String

    public init(_ path: String, _ message: String) {
        self.path = path
        self.message = message
    }

    public var description: String { "\(path): \(message)" }
}
