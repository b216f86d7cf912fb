#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// What a regular file is to the system, whatever it is called: two names of one file (a symbolic link, a hard link, a
/// path by another way) give equal values.
public struct FileIdentity: Hashable, Sendable {
    private let device: UInt64
    private let number: UInt64

    /// The regular file at `path`, links followed; nil where there is none.
    public init?(_ path: String) {
        guard !path.utf8.contains(0) else { return nil }
        self.init(cPath: path)
    }

    /// The same of a path as the system has it, which need not be text.
    public init?(cPath path: UnsafePointer<CChar>) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        self.init(status)
    }

    /// The regular file that is open as `descriptor`; nil for a terminal, a pipe, a device.
    public init?(descriptor: Int32) {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { return nil }
        self.init(status)
    }

    private init?(_ status: stat) {
        guard status.st_mode & S_IFMT == S_IFREG else { return nil }
        device = UInt64(truncatingIfNeeded: status.st_dev)
        number = UInt64(truncatingIfNeeded: status.st_ino)
    }
}
