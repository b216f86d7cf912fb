import AtomicFiles
import Testing

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

@Suite struct AtomicFileTests {
    private struct Stop: Error {}

    @Test("a file is written whole and leaves nothing beside it")
    func whole() throws {
        try withDirectory { directory in
            let count = try AtomicFile.write(to: "\(directory)/a") { file in
                try file.write("one ")
                try file.write([0x32])
                return file.count
            }
            #expect(count == 5)
            #expect(contents("\(directory)/a") == Array("one 2".utf8))
            #expect(names(directory) == ["a"])
        }
    }

    @Test("a failure keeps the old file and removes the new one")
    func failure() throws {
        try withDirectory { directory in
            try AtomicFile.write("old", to: "\(directory)/a")
            #expect(throws: Stop.self) {
                try AtomicFile.write(to: "\(directory)/a") { file in
                    try file.write("new")
                    throw Stop()
                }
            }
            #expect(contents("\(directory)/a") == Array("old".utf8))
            #expect(names(directory) == ["a"])
        }
    }

    @Test("permissions of the old file stay, links are followed")
    func permissionsAndLinks() throws {
        try withDirectory { directory in
            try AtomicFile.write("old", to: "\(directory)/a")
            chmod("\(directory)/a", 0o600)
            symlink("a", "\(directory)/b")
            try AtomicFile.write("new", to: "\(directory)/b")
            #expect(contents("\(directory)/a") == Array("new".utf8))
            var status = stat()
            #expect(lstat("\(directory)/a", &status) == 0 && status.st_mode & 0o777 == 0o600)
            #expect(lstat("\(directory)/b", &status) == 0 && status.st_mode & S_IFMT == S_IFLNK)
        }
    }

    @Test("a directory, a pipe and a missing directory are refused with the reason")
    func refused() throws {
        try withDirectory { directory in
            mkfifo("\(directory)/pipe", 0o600)
            for (path, text) in [
                (directory, "there is a directory of this name"), ("\(directory)/pipe", "there is a device or a pipe"),
                ("\(directory)/none/a", "its directory does not exist"), ("", "its directory does not exist"),
                ("\(directory)/a\0b", "its directory does not exist"),
            ] {
                let error = #expect(throws: AtomicFileError.self) { try AtomicFile.write("x", to: path) }
                #expect(error?.description.contains(text) == true)
            }
            #expect(names(directory) == ["pipe"])
        }
    }

    @Test("a full disk is named as such")
    func diskFull() {
        let error = AtomicFileError(path: "m.bin", action: .write, code: ENOSPC)
        #expect(error.isDiskFull)
        #expect(error.description == "m.bin: cannot write the file: the disk is full; free some space and try again")
    }

    private func withDirectory(_ body: (String) throws -> Void) throws {
        var template = Array("/tmp/atomic-XXXXXX\0".utf8CString)
        let directory = try #require(mkdtemp(&template).map { String(cString: $0) })
        defer {
            for name in names(directory) { unlink("\(directory)/\(name)") }
            rmdir(directory)
        }
        try body(directory)
    }

    private func names(_ directory: String) -> [String] {
        guard let stream = opendir(directory) else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    private func contents(_ path: String) -> [UInt8] {
        let descriptor = open(path, O_RDONLY)
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 100)
        let count = read(descriptor, &bytes, bytes.count)
        return Array(bytes.prefix(max(count, 0)))
    }
}
