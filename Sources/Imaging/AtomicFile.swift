#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Writes under a temporary name beside the target, flushes to disk, and renames.
func writeAtomically(_ bytes: [UInt8], to path: String) throws(ImageError) {
    guard !path.isEmpty, !path.utf8.contains(0) else {
        throw ImageError(.write, reason: "cannot be written: the path is empty or contains a NUL byte")
    }
    func failure(_ what: String) -> ImageError {
        ImageError(.write, reason: "\(what): \(systemMessage(errno))")
    }

    // Named by chance and opened exclusively, so that two writers never share a temporary file.
    let temporary = path + ".tmp-" + String(UInt64.random(in: .min ... .max), radix: 36)
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw failure("cannot be written") }
    var renamed = false
    defer {
        close(descriptor)
        if !renamed { unlink(temporary) }
    }

    var written = 0
    while written < bytes.count {
        let count = bytes.withUnsafeBytes { buffer in
            write(descriptor, buffer.baseAddress.map { $0 + written }, buffer.count - written)
        }
        if count < 0 && errno == EINTR { continue }
        guard count > 0 else { throw failure("cannot be written") }
        written += count
    }
    guard fsync(descriptor) == 0 else { throw failure("cannot be flushed to disk") }
    guard rename(temporary, path) == 0 else { throw failure("cannot be renamed into place") }
    renamed = true
}
