#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Reads files that are small.
enum SmallFile {
    /// The whole file; nil where it has more than `limit` bytes.
    static func read(_ path: String, limit: Int) throws -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw AtomicFileError(path: path, action: .read, code: errno) }
        defer { _ = AtomicFile.close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = read(descriptor, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw AtomicFileError(path: path, action: .read, code: errno) }
            if count == 0 { return bytes }
            bytes += chunk[..<count]
            if bytes.count > limit { return nil }
        }
    }

    private static func read(_ descriptor: Int32, _ buffer: inout [UInt8], _ count: Int) -> Int {
        #if canImport(Glibc)
            Glibc.read(descriptor, &buffer, count)
        #elseif canImport(Musl)
            Musl.read(descriptor, &buffer, count)
        #else
            Darwin.read(descriptor, &buffer, count)
        #endif
    }
}
