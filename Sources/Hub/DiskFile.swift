import AtomicFiles
import Checkpoints

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// A file that grows while it is downloaded, and stays where it is when that is broken off.
final class DiskFile {
    let path: String
    private let descriptor: Int32
    private(set) var count: Int

    /// Opens or makes it, to append.
    init(_ path: String) throws {
        self.path = path
        descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw AtomicFileError(path: path, action: .create, code: errno) }
        var status = stat()
        count = fstat(descriptor, &status) == 0 ? Int(status.st_size) : 0
    }

    deinit { close(descriptor) }

    func append(_ bytes: UnsafeRawBufferPointer) throws {
        var rest = bytes
        while !rest.isEmpty {
            let written = write(descriptor, rest.baseAddress, rest.count)
            if written < 0 {
                if errno == EINTR { continue }
                throw AtomicFileError(path: path, action: .write, code: errno)
            }
            count += written
            rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(written))
        }
    }

    func clear() throws {
        guard ftruncate(descriptor, 0) == 0 else { throw AtomicFileError(path: path, action: .write, code: errno) }
        count = 0
    }

    /// Flushes it to the disk and gives it its final name.
    func finish(as target: String) throws {
        guard fsync(descriptor) == 0, rename(path, target) == 0 else {
            throw AtomicFileError(path: target, action: .write, code: errno)
        }
    }

    // MARK: - Of files in general

    /// The size of a file, links followed; nil where there is none.
    static func size(_ path: String) -> Int? {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG ? Int(status.st_size) : nil
    }

    static func isLink(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFLNK
    }

    /// The text of a small file.
    static func text(_ path: String) -> String? {
        guard let file = try? MappedFile(path) else { return nil }
        return file.withBytes { String(decoding: $0.prefix(1 << 16), as: UTF8.self) }
    }

    /// Bytes that may still be written where `folder` is.
    static func freeSpace(_ folder: String) -> Int? {
        var status = statvfs()
        guard statvfs(folder, &status) == 0 else { return nil }
        let (free, overflow) = Int(clamping: status.f_bavail).multipliedReportingOverflow(
            by: Int(clamping: status.f_frsize))
        return overflow ? .max : free
    }

    /// Makes or replaces a symbolic link, at once.
    static func link(_ path: String, to target: String) throws {
        let temporary = path + "." + String(UInt64.random(in: 0 ... .max), radix: 36) + ".tmp"
        guard symlink(target, temporary) == 0 else { throw AtomicFileError(path: path, action: .create, code: errno) }
        guard rename(temporary, path) == 0 else {
            let code = errno
            unlink(temporary)
            throw AtomicFileError(path: path, action: .replace, code: code)
        }
    }

    static func remove(_ path: String) { unlink(path) }
}
