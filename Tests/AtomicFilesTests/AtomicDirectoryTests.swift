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

    private func fill(_ name: String, _ file: String, purpose: String = "a test", force: Bool = false) throws {
        let record = OutputRecord(command: "clip test", purpose: purpose)
        try AtomicDirectory.write(to: folder + "/" + name, record: record, force: force) {
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
                try AtomicDirectory.write(
                    to: folder + "/" + name, record: OutputRecord(command: "clip test", purpose: "a test"), force: true
                ) {
                    try AtomicFile.write("x", to: $0 + "/half")
                    throw Failure()
                }
            }
        }
        #expect(exists("a/deep/one") && holds(["a"]))
    }

    @Test("what the same command made for the same purpose gives way, whatever it was called")
    func repeated() throws {
        try fill("a", "one")
        try fill("a", "two")
        #expect(!exists("a/deep/one") && exists("a/deep/two") && exists("a/" + OutputRecord.name) && holds(["a"]))
    }

    @Test("somebody's work gives way to nobody, and is named")
    func taken() throws {
        func refusal(_ name: String, purpose: String = "a test") -> String {
            do {
                try fill(name, "two", purpose: purpose)
                return ""
            } catch { return "\(error)" }
        }
        try fill("made", "one")
        #expect(refusal("made", purpose: "another").contains("for another purpose (a test)"))
        try AtomicFile.write("mine", to: folder + "/made/notes.txt")
        #expect(refusal("made").contains("was changed since 'clip test' made it: notes.txt;"))
        unlink(folder + "/made/notes.txt")
        #expect(symlink("elsewhere", folder + "/made/link") == 0)
        #expect(refusal("made").contains("link"))
        unlink(folder + "/made/link")
        try AtomicFile.write("edited", to: folder + "/made/deep/one")
        #expect(refusal("made").contains("deep/one; choose another place, or write into it with --force"))

        #expect(mkdir(folder + "/mine", 0o777) == 0)
        for name in ["a", "b", "c", "d", "e", "f", "model.yaml"] {
            try AtomicFile.write("x", to: folder + "/mine/" + name)
        }
        #expect(refusal("mine").contains("is not empty, it holds a, b, c, d, e, f and 1 more; "))
        // A record by another command, one that is none, and one in a folder with nothing else prove nothing.
        try OutputRecord(command: "clip other", purpose: "a test").write(in: folder + "/mine")
        #expect(refusal("mine").contains("is not empty"))
        try AtomicFile.write("command", to: folder + "/mine/" + OutputRecord.name)
        #expect(refusal("mine").contains("is not empty"))
        try OutputRecord(command: "clip test", purpose: "a test").write(in: folder + "/mine")
        #expect(refusal("mine").contains("was changed"))
        #expect(exists("mine/model.yaml") && exists("made/deep/one") && holds(["made", "mine"]))
    }

    @Test("asked to, files of the same names are replaced and all others stay; links are neither followed nor lost")
    func forced() throws {
        try fill("outside", "mine")
        #expect(mkdir(folder + "/a", 0o750) == 0 && mkdir(folder + "/a/deep", 0o777) == 0)
        #expect(mkdir(folder + "/a/empty", 0o777) == 0)
        try AtomicFile.write("old", to: folder + "/a/deep/one")
        try AtomicFile.write("mine", to: folder + "/a/deep/notes")
        #expect(symlink(folder + "/outside", folder + "/a/link") == 0)
        try fill("a", "one", force: true)
        var status = stat()
        #expect(lstat(folder + "/a/link", &status) == 0 && status.st_mode & S_IFMT == S_IFLNK)
        #expect(stat(folder + "/a/deep/one", &status) == 0 && status.st_size == 1)
        #expect(stat(folder + "/a", &status) == 0 && status.st_mode & 0o777 == 0o750)
        #expect(exists("a/deep/notes") && exists("a/empty") && exists("outside/deep/mine"))
        // What the command made itself and nobody changed is gone after another run, what is somebody's is not.
        try fill("a", "two", force: true)
        #expect(!exists("a/deep/one") && exists("a/deep/two") && exists("a/deep/notes") && exists("a/link"))
        #expect(holds(["a", "outside"]))
    }

    @Test("what was kept beside is shown to the check, whose refusal leaves everything as it was")
    func mixed() throws {
        struct Mixed: Error {}
        #expect(mkdir(folder + "/a", 0o777) == 0)
        try AtomicFile.write("mine", to: folder + "/a/notes")
        #expect(throws: Mixed.self) {
            try AtomicDirectory.write(
                to: folder + "/a", record: OutputRecord(command: "clip test", purpose: ""), force: true,
                check: { if access($0 + "/notes", F_OK) == 0, access($0 + "/new", F_OK) == 0 { throw Mixed() } }
            ) { try AtomicFile.write("x", to: $0 + "/new") }
        }
        #expect(exists("a/notes") && !exists("a/new") && holds(["a"]))
    }

    @Test("a file, and a place without a parent, are refused")
    func refused() throws {
        try AtomicFile.write("x", to: folder + "/file")
        #expect(throws: OutputRefusal.self) { try fill("file", "one", force: true) }
        #expect(throws: AtomicFileError.self) { try fill("no/where", "one") }
        #expect(holds(["file"]))
    }
}
