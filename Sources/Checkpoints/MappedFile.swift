#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// A file's bytes as memory, read when they are touched. Read-only; stays mapped as long as this lives.
package final class MappedFile: @unchecked Sendable {
    package let path: String
    /// Valid while this lives, which the pointer alone does not see to.
    let bytes: UnsafeRawBufferPointer

    package init(_ path: String) throws(CheckpointError) {
        func failure(_ code: Int32) -> CheckpointError {
            CheckpointError(path, "cannot be read: \(String(cString: strerror(code)))")
        }
        guard !path.utf8.contains(0) else { throw failure(ENOENT) }
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw failure(errno) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw failure(errno) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw CheckpointError(path, "is not a regular file; name the file itself")
        }
        let count = Int(status.st_size)
        self.path = path
        if count == 0 {
            bytes = UnsafeRawBufferPointer(start: nil, count: 0)
            return
        }
        guard let memory = mmap(nil, count, PROT_READ, MAP_PRIVATE, descriptor, 0), memory != MAP_FAILED else {
            throw failure(errno)
        }
        bytes = UnsafeRawBufferPointer(start: memory, count: count)
    }

    package func withBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        defer { withExtendedLifetime(self) {} }
        return try body(bytes)
    }

    deinit {
        if let base = bytes.baseAddress { munmap(UnsafeMutableRawPointer(mutating: base), bytes.count) }
    }
}
