import ModelGraph

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// A file's bytes as memory, read when they are touched. Read-only; stays mapped as long as this lives.
package final class MappedFile: PagedMemory, @unchecked Sendable {
    package let path: String
    /// What changes when the file does: where it is, its size and when it was last written.
    package let identity: String
    /// When it was last written, in seconds.
    package let modified: Int
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
        #if canImport(Darwin)
            let (written, changed) = (status.st_mtimespec, status.st_ctimespec)
        #else
            let (written, changed) = (status.st_mtim, status.st_ctim)
        #endif
        modified = max(Int(written.tv_sec), Int(changed.tv_sec))
        identity =
            "\(status.st_dev) \(status.st_ino) \(count) \(written.tv_sec).\(written.tv_nsec) "
            + "\(changed.tv_sec).\(changed.tv_nsec)"
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

    /// Takes the pages of `bytes` out of this process: they are read again when they are touched.
    package func releasePages(of bytes: UnsafeRawBufferPointer) {
        guard let start = bytes.baseAddress, bytes.count > 0 else { return }
        let page = UInt(sysconf(Int32(_SC_PAGESIZE)))
        let first = UInt(bitPattern: start) / page * page
        let count = UInt(bitPattern: start) + UInt(bytes.count) - first
        _ = madvise(UnsafeMutableRawPointer(bitPattern: first), Int(count), MADV_DONTNEED)
    }

    deinit {
        if let base = bytes.baseAddress { munmap(UnsafeMutableRawPointer(mutating: base), bytes.count) }
    }
}
