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

@Suite struct AtomicDirectoryTests {
    private struct Failure: Error {}

    private let folder: String

    init() throws {
        folder = try temporaryFolder()
    }

    private func exists(_ path: String) -> Bool { access(folder + "/" + path, F_OK) == 0 }

    /// Whether the folder holds only these.
    private func holds(_ expected: Set<String>) -> Bool { Set(names(in: folder)) == expected }

    private func fill(_ name: String, _ file: String, replacing: Bool = false) throws {
        try AtomicDirectory.write(to: folder + "/" + name, replacing: replacing) {
            #expect(mkdir($0 + "/deep", 0o777) == 0)
            try AtomicFile.write("x", to: $0 + "/deep/" + file)
        }
    }

    @Test("a directory is there when its body is done, also in place of an empty one")
    func written() throws {
        try fill("a", "one")
        #expect(mkdir(folder + "/b", 0o777) == 0)
        try fill("b/", "two")
        #expect(exists("a/deep/one") && exists("b/deep/two") && holds(["a", "b"]))
    }

    @Test("when the body fails, nothing is left and what was there stays")
    func failed() throws {
        try fill("a", "one")
        for name in ["a", "b"] {
            #expect(throws: Failure.self) {
                try AtomicDirectory.write(to: folder + "/" + name, replacing: true) {
                    try AtomicFile.write("x", to: $0 + "/half")
                    throw Failure()
                }
            }
        }
        #expect(exists("a/deep/one") && holds(["a"]))
    }

    @Test("a directory with something in it gives way only when asked, and links out of it are not followed")
    func replaced() throws {
        try fill("outside", "mine")
        try fill("a", "one")
        #expect(symlink(folder + "/outside", folder + "/a/link") == 0)
        #expect(throws: AtomicFileError.self) { try fill("a", "two") }
        #expect(exists("a/deep/one") && !exists("a/deep/two"))
        try fill("a", "two", replacing: true)
        #expect(!exists("a/deep/one") && exists("a/deep/two") && exists("outside/deep/mine"))
        #expect(holds(["a", "outside"]))
    }

    @Test("a file, and a place without a parent, are refused")
    func refused() throws {
        try AtomicFile.write("x", to: folder + "/file")
        #expect(throws: AtomicFileError.self) { try fill("file", "one", replacing: true) }
        #expect(throws: AtomicFileError.self) { try fill("no/where", "one") }
        #expect(holds(["file"]))
    }
}
