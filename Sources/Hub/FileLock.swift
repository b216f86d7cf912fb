import AtomicFiles

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// A lock between processes, as Python's `filelock` takes it: `flock` on a file that may stay behind.
final class FileLock {
    private let descriptor: Int32

    private init(descriptor: Int32) { self.descriptor = descriptor }

    /// The system lets go of the lock with its descriptor, also when the program dies.
    deinit { close(descriptor) }

    /// Waits until nobody else has it. File systems without locks give one that keeps nobody out.
    static func take(_ path: String, onWait: () -> Void) async throws -> FileLock {
        var hasWaited = false
        while true {
            let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o664)
            guard descriptor >= 0 else { throw AtomicFileError(path: path, action: .create, code: errno) }
            let lock = FileLock(descriptor: descriptor)
            if flock(descriptor, LOCK_EX | LOCK_NB) == 0 {
                // Python removes the file when it lets go: then this is a lock that nobody else sees.
                var status = stat()
                if fstat(descriptor, &status) == 0, status.st_nlink > 0 { return lock }
                continue
            }
            guard errno == EWOULDBLOCK || errno == EINTR else { return lock }
            if !hasWaited { onWait() }
            hasWaited = true
            try await Task.sleep(for: .milliseconds(100))
        }
    }
}
