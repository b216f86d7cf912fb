#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// All bytes of the file at `path`, or its first ones where it has more than `limit`. What a download left in its place is
/// refused as what it is.
package func readFile(_ path: String, limit: Int) throws(YAMLError) -> [UInt8] {
    func failure(_ code: Int32) -> YAMLError {
        let remedy = code == ENOENT ? "check the path" : code == EACCES ? "check its permissions" : ""
        return YAMLError(
            at: YAMLLocation(file: path, line: 0, column: 0), "cannot be read: \(String(cString: strerror(code)))",
            remedy: remedy)
    }
    // A path with a NUL inside would be cut there by the system.
    guard !path.utf8.contains(0) else { throw failure(ENOENT) }
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw failure(errno) }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while bytes.count <= limit {
        let count = chunk.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
        if count == 0 { break }
        if count < 0 {
            if errno == EINTR { continue }
            throw failure(errno)
        }
        bytes += chunk[..<count]
    }
    if let found = ForeignText.found(bytes) {
        throw YAMLError(at: YAMLLocation(file: path, line: 0, column: 0), found.what, remedy: found.remedy)
    }
    return bytes
}
