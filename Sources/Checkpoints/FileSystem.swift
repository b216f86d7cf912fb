import AtomicFiles

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// What model directories need to know of the file system.
package enum FileSystem {
    package static func isDirectory(_ path: String) -> Bool { kind(of: path) == S_IFDIR }
    package static func isFile(_ path: String) -> Bool { kind(of: path) == S_IFREG }

    /// Bytes of a file; 0 where there is none.
    package static func size(of path: String) -> Int {
        var status = stat()
        guard !path.utf8.contains(0), stat(path, &status) == 0 else { return 0 }
        return Int(status.st_size)
    }

    private static func kind(of path: String) -> mode_t? {
        var status = stat()
        guard !path.utf8.contains(0), stat(path, &status) == 0 else { return nil }
        return status.st_mode & S_IFMT
    }

    /// Names in a directory without `.` and `..`, sorted; empty where it cannot be read.
    package static func names(in directory: String) -> [String] {
        guard !directory.utf8.contains(0), let stream = opendir(directory) else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    /// The absolute path behind links; `path` itself where there is nothing.
    package static func realPath(_ path: String) -> String {
        guard !path.utf8.contains(0), let real = realpath(path, nil) else { return path }
        defer { free(real) }
        return String(cString: real)
    }

    /// Makes a directory and those above it.
    package static func makeDirectory(_ path: String) throws(CheckpointError) {
        if path.isEmpty || isDirectory(path) { return }
        let parent = folder(of: path)
        if parent != path { try makeDirectory(parent) }
        guard mkdir(path, 0o777) == 0 || errno == EEXIST, isDirectory(path) else {
            throw CheckpointError(path, "the directory cannot be made: \(String(cString: strerror(errno)))")
        }
    }

    /// The part before the last slash; `.` where there is none.
    package static func folder(of path: String) -> String {
        let trimmed = trimmingSlashes(path)
        guard let slash = trimmed.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "." }
        return slash == trimmed.startIndex ? "/" : trimmingSlashes(String(trimmed[..<slash]))
    }

    /// The part after the last slash.
    package static func name(of path: String) -> String {
        let trimmed = trimmingSlashes(path)
        guard let slash = trimmed.utf8.lastIndex(of: UInt8(ascii: "/")) else { return trimmed }
        return String(trimmed[trimmed.utf8.index(after: slash)...])
    }

    /// `path` as seen from `folder`, where it is not absolute.
    package static func resolve(_ path: String, in folder: String) -> String {
        if path.hasPrefix("/") || folder.isEmpty || folder == "." { return path }
        return folder.hasSuffix("/") ? folder + path : folder + "/" + path
    }

    private static func trimmingSlashes(_ path: String) -> String {
        var end = path.endIndex
        while end > path.startIndex {
            let before = path.index(before: end)
            if path[before] != "/" || before == path.startIndex { break }
            end = before
        }
        return String(path[..<end])
    }

    /// Copies a file, so that it is there whole or not at all.
    package static func copy(_ source: String, to target: String) throws {
        let file = try MappedFile(source)
        try AtomicFile.write(to: target) { sink in try file.withBytes { try sink.write($0) } }
    }
}
