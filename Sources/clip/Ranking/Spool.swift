#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Bytes that are written once, front to back, and read again: in memory while they are few, then in a temporary file
/// that has no name, so that it is gone when the process is.
final class Spool {
    private let folder: String
    private let limit: Int
    private var buffer: [UInt8] = []
    private var descriptor: Int32 = -1
    private var fileCount = 0

    /// Bytes so far.
    var count: Int { fileCount + buffer.count }

    /// - Parameters:
    ///   - folder: where the file is made: `TMPDIR`.
    ///   - limit: bytes that stay in memory.
    init(folder: String, limit: Int = 16 << 20) {
        self.folder = folder
        self.limit = limit
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    func append(_ bytes: UnsafeRawBufferPointer) throws {
        buffer.append(contentsOf: bytes)
        if buffer.count >= limit { try spill() }
    }

    func append(_ bytes: [UInt8]) throws { try bytes.withUnsafeBytes { try append($0) } }

    /// The bytes from `offset` on, as many as fit.
    func read(at offset: Int, into target: UnsafeMutableRawBufferPointer) throws {
        var done = 0
        while done < target.count {
            let position = offset + done
            guard position < fileCount else {
                let start = position - fileCount
                guard start + target.count - done <= buffer.count else { throw failure("ends early", 0) }
                buffer.withUnsafeBytes {
                    UnsafeMutableRawBufferPointer(rebasing: target[done...]).copyMemory(
                        from: UnsafeRawBufferPointer(rebasing: $0[start..<start + target.count - done]))
                }
                return
            }
            let wanted = min(target.count - done, fileCount - position)
            let count = pread(descriptor, target.baseAddress.map { $0 + done }, wanted, off_t(position))
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw failure("cannot be read", count < 0 ? errno : 0) }
            done += count
        }
    }

    func bytes(at offset: Int, count: Int) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        try bytes.withUnsafeMutableBytes { try read(at: offset, into: $0) }
        return bytes
    }

    private func spill() throws {
        if descriptor < 0 { try makeFile() }
        try buffer.withUnsafeBytes { bytes in
            var rest = bytes
            while !rest.isEmpty {
                let count = write(descriptor, rest.baseAddress, rest.count)
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { throw failure("cannot be written", errno) }
                rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(count))
            }
        }
        fileCount += buffer.count
        buffer.removeAll(keepingCapacity: true)
    }

    private func makeFile() throws {
        var template = Array((folder + "/clip-rank-XXXXXX").utf8CString)
        descriptor = mkstemp(&template)
        guard descriptor >= 0 else { throw failure("cannot be made", errno) }
        unlink(template)
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    }

    private func failure(_ what: String, _ code: Int32) -> SpoolError {
        SpoolError(folder: folder, what: what, code: code)
    }
}

/// Why candidates cannot be kept on disk until the queries are known.
struct SpoolError: Error, CustomStringConvertible {
    var folder: String
    var what: String
    var code: Int32

    var description: String {
        if code == ENOSPC || code == EDQUOT {
            return
                "the disk is full while candidates are kept in \(folder) until all queries are known; free some space, "
                + "or set TMPDIR to a folder with more"
        }
        let reason = code == 0 ? "" : ": \(String(cString: strerror(code)))"
        return "a temporary file in \(folder) \(what)\(reason); set TMPDIR to a folder that works"
    }
}
