#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Writes files that are there whole or not at all.
public enum AtomicFile {
    /// Writes the file at `path` through `body`, so that readers see the old file or the whole new one, also after a
    /// crash: the bytes go to a temporary file in the same directory, which is flushed to the disk and then renamed.
    ///
    ///     try AtomicFile.write(to: "model.safetensors") { file in try file.write(header); try file.write(weights) }
    ///
    /// An existing file keeps its permissions; a symbolic link keeps pointing at the file that is replaced. Anything
    /// else that exists at `path` (a directory, a device, a pipe) is refused. When `body` throws or writing fails, the
    /// temporary file is removed and `path` stays as it was.
    /// - Throws: `AtomicFileError`, or what `body` throws.
    public static func write<T>(to path: String, _ body: (AtomicFileSink) throws -> T) throws -> T {
        guard !path.isEmpty, !path.utf8.contains(0) else {
            throw AtomicFileError(path: path, action: .create, code: ENOENT)
        }
        let target = try resolved(path)
        var status = stat()
        let exists = lstat(target, &status) == 0
        if exists, status.st_mode & S_IFMT != S_IFREG {
            throw AtomicFileError(
                path: path, action: .replace, code: status.st_mode & S_IFMT == S_IFDIR ? EISDIR : EINVAL)
        }
        let slash = target.utf8.lastIndex(of: UInt8(ascii: "/"))
        let directory = slash.map { $0 == target.startIndex ? "/" : String(target[..<$0]) } ?? "."
        let (descriptor, temporary) = try createTemporary(in: directory, for: path)
        let sink = AtomicFileSink(descriptor: descriptor, path: path)
        var isDone = false
        defer {
            sink.close()
            if !isDone { unlink(temporary) }
        }
        if exists { _ = fchmod(descriptor, status.st_mode & 0o7777) }
        let result = try body(sink)
        guard fsync(descriptor) == 0 else { throw AtomicFileError(path: path, action: .write, code: errno) }
        guard rename(temporary, target) == 0 else { throw AtomicFileError(path: path, action: .replace, code: errno) }
        isDone = true
        // The new name is safe only with its directory. Some file systems cannot flush one; the file is whole anyway.
        let folder = open(directory, O_RDONLY | O_CLOEXEC)
        if folder >= 0 {
            _ = fsync(folder)
            _ = Self.close(folder)
        }
        return result
    }

    /// Writes `bytes` as the whole file at `path`; see `write(to:_:)`.
    public static func write(_ bytes: [UInt8], to path: String) throws {
        try write(to: path) { try $0.write(bytes) }
    }

    /// Writes `text` as the whole file at `path`, in UTF-8; see `write(to:_:)`.
    public static func write(_ text: String, to path: String) throws { try write(Array(text.utf8), to: path) }

    /// The path with a symbolic link at its end followed.
    private static func resolved(_ path: String) throws -> String {
        var status = stat()
        guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFLNK else { return path }
        guard let real = realpath(path, nil) else { throw AtomicFileError(path: path, action: .replace, code: errno) }
        defer { free(real) }
        return String(cString: real)
    }

    private static func createTemporary(in directory: String, for path: String) throws -> (Int32, String) {
        for _ in 0..<100 {
            let name = String(UInt64.random(in: 0 ... .max), radix: 36)
            let temporary = (directory == "/" ? "" : directory) + "/.clip-\(name).tmp"
            let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
            if descriptor >= 0 { return (descriptor, temporary) }
            guard errno == EEXIST || errno == EINTR else { break }
        }
        throw AtomicFileError(path: path, action: .create, code: errno)
    }

    static func close(_ descriptor: Int32) -> Int32 {
        #if canImport(Glibc)
            Glibc.close(descriptor)
        #elseif canImport(Musl)
            Musl.close(descriptor)
        #else
            Darwin.close(descriptor)
        #endif
    }
}

/// Takes the bytes of a file that is being written. Unbuffered: hand it chunks of some size.
public final class AtomicFileSink {
    private var descriptor: Int32
    private let path: String
    /// Bytes written so far.
    public private(set) var count = 0

    fileprivate init(descriptor: Int32, path: String) {
        self.descriptor = descriptor
        self.path = path
    }

    /// Appends `bytes`.
    public func write(_ bytes: UnsafeRawBufferPointer) throws(AtomicFileError) {
        guard descriptor >= 0 else { throw AtomicFileError(path: path, action: .write, code: EBADF) }
        var rest = bytes
        while let base = rest.baseAddress, !rest.isEmpty {
            #if canImport(Glibc)
                let written = Glibc.write(descriptor, base, rest.count)
            #elseif canImport(Musl)
                let written = Musl.write(descriptor, base, rest.count)
            #else
                let written = Darwin.write(descriptor, base, min(rest.count, Int(Int32.max)))
            #endif
            if written < 0 {
                if errno == EINTR { continue }
                throw AtomicFileError(path: path, action: .write, code: errno)
            }
            count += written
            rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(written))
        }
    }

    /// Appends `bytes`.
    public func write(_ bytes: [UInt8]) throws { try bytes.withUnsafeBytes { try write($0) } }

    /// Appends `text` in UTF-8.
    public func write(_ text: String) throws { try write(Array(text.utf8)) }

    fileprivate func close() {
        if descriptor >= 0 { _ = AtomicFile.close(descriptor) }
        descriptor = -1
    }
}

/// Why a file was not written, or read on the way.
public struct AtomicFileError: Error, Sendable, Hashable, CustomStringConvertible {
    public enum Action: String, Sendable { case create, write, replace, read, keep }

    /// The file that it is about.
    public var path: String
    public var action: Action
    /// The system's `errno`.
    public var code: Int32

    public init(path: String, action: Action, code: Int32) {
        self.path = path
        self.action = action
        self.code = code
    }

    /// True when the disk, or this user's share of it, is full.
    public var isDiskFull: Bool { code == ENOSPC || code == EDQUOT }

    public var description: String {
        let reason =
            switch code {
            case ENOSPC: "the disk is full; free some space and try again"
            case EDQUOT: "your quota on this disk is used up; free some space and try again"
            case ENOENT: "its directory does not exist; make it first"
            case EACCES, EPERM: "permission denied; choose a place you may write to"
            case EROFS: "the file system is read-only; choose another place"
            case EISDIR: "there is a directory of this name; choose another name"
            case EINVAL where action == .replace: "there is a device or a pipe of this name; choose another name"
            case ENAMETOOLONG: "the name is too long; choose a shorter one"
            default: String(cString: strerror(code))
            }
        let what =
            switch action {
            case .create, .write: "write"
            case .replace: "replace"
            case .read: "read"
            case .keep: "keep"
            }
        return "\(path): cannot \(what) the file: \(reason)"
    }
}
