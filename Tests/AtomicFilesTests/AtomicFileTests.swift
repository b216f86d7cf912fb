import AtomicFiles
import TestSupport
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
        try withTemporaryFolder { directory in
            let count = try AtomicFile.write(to: "\(directory)/a") { file in
                try file.write("one ")
                try file.write([0x32])
                return file.count
            }
            #expect(count == 5)
            #expect(try contents(of: "\(directory)/a") == Array("one 2".utf8))
            #expect(names(in: directory) == ["a"])
        }
    }

    @Test("a failure keeps the old file and removes the new one")
    func failure() throws {
        try withTemporaryFolder { directory in
            try AtomicFile.write("old", to: "\(directory)/a")
            #expect(throws: Stop.self) {
                try AtomicFile.write(to: "\(directory)/a") { file in
                    try file.write("new")
                    throw Stop()
                }
            }
            #expect(try contents(of: "\(directory)/a") == Array("old".utf8))
            #expect(names(in: directory) == ["a"])
        }
    }

    @Test("permissions of the old file stay, links are followed")
    func permissionsAndLinks() throws {
        try withTemporaryFolder { directory in
            try AtomicFile.write("old", to: "\(directory)/a")
            chmod("\(directory)/a", 0o600)
            symlink("a", "\(directory)/b")
            try AtomicFile.write("new", to: "\(directory)/b")
            #expect(try contents(of: "\(directory)/a") == Array("new".utf8))
            var status = stat()
            #expect(lstat("\(directory)/a", &status) == 0 && status.st_mode & 0o777 == 0o600)
            #expect(lstat("\(directory)/b", &status) == 0 && status.st_mode & S_IFMT == S_IFLNK)
        }
    }

    @Test("a directory, a pipe and a missing directory are refused with the reason")
    func refused() throws {
        try withTemporaryFolder { directory in
            mkfifo("\(directory)/pipe", 0o600)
            for (path, text) in [
                (directory, "there is a directory of this name"), ("\(directory)/pipe", "there is a device or a pipe"),
                ("\(directory)/none/a", "its directory does not exist"), ("", "its directory does not exist"),
                ("\(directory)/a\0b", "its directory does not exist"),
            ] {
                let error = #expect(throws: AtomicFileError.self) { try AtomicFile.write("x", to: path) }
                #expect(error?.description.contains(text) == true)
            }
            #expect(names(in: directory) == ["pipe"])
        }
    }

    @Test("a full disk is named as such")
    func diskFull() {
        let error = AtomicFileError(path: "m.bin", action: .write, code: ENOSPC)
        #expect(error.isDiskFull)
        #expect(error.description == "m.bin: cannot write the file: the disk is full; free some space and try again")
    }
}
