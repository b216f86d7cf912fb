#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

extension Image {
    /// Reads and decodes a file; see `init(decoding:source:limits:options:)`.
    ///
    /// Never waits: a named pipe or device is refused, not opened for reading.
    ///
    /// - Throws: `ImageError`, with the path in its message.
    public init(
        contentsOfFile path: String, limits: ImageLimits = ImageLimits(), options: ImageOptions = ImageOptions()
    ) throws(ImageError) {
        try self.init(contentsOfFile: Array(path.utf8), limits: limits, options: options)
    }

    /// Reads and decodes a file whose path is given as bytes, which need not be UTF-8.
    public init(
        contentsOfFile path: [UInt8], limits: ImageLimits = ImageLimits(), options: ImageOptions = ImageOptions()
    ) throws(ImageError) {
        let name = String(decoding: path, as: UTF8.self)
        do throws(ImageError) {
            try self.init(decoding: readRegularFile(path, limit: limits.fileBytes), limits: limits, options: options)
        } catch {
            throw error.from(name)
        }
    }
}

/// The whole of a regular file.
private func readRegularFile(_ path: [UInt8], limit: Int) throws(ImageError) -> [UInt8] {
    guard !path.isEmpty, !path.contains(0) else {
        throw ImageError(.missing, reason: "no such file (the path is empty or contains a NUL byte)")
    }
    let cPath = path.map { CChar(bitPattern: $0) } + [0]
    // O_NONBLOCK: opening a named pipe must not wait for a writer.
    let descriptor = open(cPath, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
    guard descriptor >= 0 else { throw openError(errno) }
    defer { close(descriptor) }

    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
        throw ImageError(.unreadable, reason: "cannot be examined: \(systemMessage(errno))")
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
        throw ImageError(.notAFile, reason: "\(describe(status.st_mode & S_IFMT)), not an image file")
    }
    let size = Int(status.st_size)
    guard size <= limit else {
        throw ImageError(.tooLarge, reason: "the file has \(size) bytes; the limit is \(limit) bytes")
    }

    var failure: Int32 = 0
    let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
        while count < size {
            let got = read(descriptor, buffer.baseAddress.map { $0 + count }, size - count)
            if got < 0 && errno == EINTR { continue }
            if got < 0 { failure = errno }
            if got <= 0 { break }
            count += got
        }
    }
    guard failure == 0 else {
        throw ImageError(.unreadable, reason: "cannot be read: \(systemMessage(failure))")
    }
    return bytes
}

private func openError(_ code: Int32) -> ImageError {
    switch code {
    case ENOENT, ENOTDIR, ENAMETOOLONG: ImageError(.missing, reason: "no such file")
    case EISDIR: ImageError(.notAFile, reason: "a directory, not an image file")
    case ENXIO, ENODEV: ImageError(.notAFile, reason: "a socket or device, not an image file")
    default: ImageError(.unreadable, reason: "cannot be opened: \(systemMessage(code))")
    }
}

private func describe(_ type: mode_t) -> String {
    switch type {
    case S_IFDIR: "a directory"
    case S_IFIFO: "a named pipe"
    case S_IFSOCK: "a socket"
    default: "a device"
    }
}

private func systemMessage(_ code: Int32) -> String {
    guard let text = strerror(code) else { return "error \(code)" }
    return String(cString: text)
}
