#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// What is in a folder, looked at without following links.
package enum FolderTree {
    package struct Item: Hashable, Sendable {
        /// From the folder on: `golden/vectors.json`.
        package var path: String
        package var isFolder: Bool
        /// Bytes; of a folder 0.
        package var size: Int
        /// When it was last written: seconds and nanoseconds.
        package var written: String
    }

    /// Everything in `folder` and the folders in it, sorted by path; empty where it cannot be read.
    package static func items(in folder: String) -> [Item] {
        var items: [Item] = []
        collect(folder, "", &items)
        return items.sorted { $0.path < $1.path }
    }

    /// The names in `folder` itself, sorted, without `.` and `..`.
    package static func names(in folder: String) -> [String] {
        guard !folder.utf8.contains(0), let stream = opendir(folder) else { return [] }
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

    /// The absolute path behind all links, also of what does not exist yet.
    package static func realPath(_ path: String) -> String {
        guard !path.utf8.contains(0) else { return path }
        var trimmed = path.isEmpty ? "." : path
        while trimmed.utf8.count > 1, trimmed.hasSuffix("/") { trimmed.removeLast() }
        if let real = realpath(trimmed, nil) {
            defer { free(real) }
            return String(cString: real)
        }
        let slash = trimmed.lastIndex(of: "/")
        let name = slash.map { String(trimmed[trimmed.index(after: $0)...]) } ?? trimmed
        let parent = slash.map { $0 == trimmed.startIndex ? "/" : String(trimmed[..<$0]) } ?? "."
        let above = realPath(parent)
        return above.hasSuffix("/") ? above + name : above + "/" + name
    }

    /// Removes what is at `path`, as far as it may be; links are removed, not followed.
    package static func remove(_ path: String) {
        if unlink(path) == 0 { return }
        for name in names(in: path) { remove(path + "/" + name) }
        rmdir(path)
    }

    private static func collect(_ folder: String, _ prefix: String, _ items: inout [Item]) {
        for name in names(in: folder) {
            var status = stat()
            guard lstat(folder + "/" + name, &status) == 0 else { continue }
            let isFolder = status.st_mode & S_IFMT == S_IFDIR
            #if canImport(Darwin)
                let written = status.st_mtimespec
            #else
                let written = status.st_mtim
            #endif
            items.append(
                Item(
                    path: prefix + name, isFolder: isFolder, size: isFolder ? 0 : Int(status.st_size),
                    written: "\(written.tv_sec).\(written.tv_nsec)"))
            if isFolder { collect(folder + "/" + name, prefix + name + "/", &items) }
        }
    }
}
