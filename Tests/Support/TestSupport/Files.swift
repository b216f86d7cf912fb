#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// What a helper could not do for a test.
package struct SupportError: Error, CustomStringConvertible {
    package var description: String

    package init(_ description: String) { self.description = description }
}

/// The folder of the package, without a slash at its end.
package let repositoryRoot = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(4)
    .joined(separator: "/")

/// The path of what stands in `Tests/Fixtures`.
package func fixture(_ name: String) -> String { "\(repositoryRoot)/Tests/Fixtures/\(name)" }

/// The bytes of a file.
package func contents(of path: String) throws -> [UInt8] {
    guard let file = fopen(path, "rb") else {
        throw SupportError("\(path) cannot be read: \(String(cString: strerror(errno)))")
    }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
        let count = fread(&chunk, 1, chunk.count, file)
        if count == 0 { return bytes }
        bytes.append(contentsOf: chunk[..<count])
    }
}

package func text(of path: String) throws -> String { String(decoding: try contents(of: path), as: UTF8.self) }

/// The lines that are not empty.
package func lines(of path: String) throws -> [String] {
    try text(of: path).split(separator: "\n").map(String.init)
}

/// The folder that a file is in.
package func folder(of path: String) -> String {
    path.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
}

/// Writes a file without waiting for the disk, which thousands of files would do for long.
package func overwrite(_ path: String, _ bytes: [UInt8]) throws {
    guard let file = fopen(path, "wb") else {
        throw SupportError("\(path) cannot be written: \(String(cString: strerror(errno)))")
    }
    defer { fclose(file) }
    guard fwrite(bytes, 1, bytes.count, file) == bytes.count else { throw SupportError("\(path) is not written whole") }
}

package func overwrite(_ path: String, _ text: String) throws { try overwrite(path, Array(text.utf8)) }

/// Writes a file, and makes the folders that it is in.
package func place(_ text: String, at path: String) throws {
    for slash in path.indices where path[slash] == "/" && slash != path.startIndex {
        mkdir(String(path[..<slash]), 0o755)
    }
    try overwrite(path, text)
}

/// What is in a folder, sorted; nothing where there is none.
package func names(in folder: String) -> [String] {
    guard let stream = opendir(folder) else { return [] }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
        let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
            String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
        if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted()
}
