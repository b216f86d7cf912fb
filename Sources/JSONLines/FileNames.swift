#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// What the system has under a name.
package enum FileNames {
    package enum Found: Sendable {
        case file, folder
        /// A device, a pipe, a socket, or a symbolic link to nothing: "a device".
        case other(String)
    }

    /// What stands under a name, seen from the working directory; nil where nothing does, or where nobody can tell.
    ///
    /// Asks the system only where the bytes can be a name at all: most texts cost one `lstat`, long ones nothing.
    package static func find(_ name: some Collection<UInt8>) -> Found? {
        guard canBeName(name) else { return nil }
        let path = name.map { CChar(bitPattern: $0) } + [0]
        var status = stat()
        guard lstat(path, &status) == 0 else { return nil }
        if status.st_mode & S_IFMT == S_IFLNK, stat(path, &status) != 0 { return .other("a symbolic link to nothing") }
        switch status.st_mode & S_IFMT {
        case S_IFREG: return .file
        case S_IFDIR: return .folder
        case S_IFIFO: return .other("a named pipe")
        case S_IFSOCK: return .other("a socket")
        default: return .other("a device")
        }
    }

    /// Whether these bytes are short enough for a name, its parts too, and hold no NUL.
    private static func canBeName(_ name: some Collection<UInt8>) -> Bool {
        guard !name.isEmpty, name.count < 4096 else { return false }
        var part = 0
        for byte in name {
            part = byte == 0x2F ? 0 : part + 1
            if byte == 0 || part > 255 { return false }
        }
        return true
    }
}
