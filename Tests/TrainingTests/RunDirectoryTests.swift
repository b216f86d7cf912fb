import AtomicFiles
import Checkpoints
import Multimodal
import TestSupport
import Testing
import Training

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Where a run may write: nobody's work is written over unasked.
@Suite struct RunDirectoryTests {
    /// What is in a folder, by name.
    private func contents(_ folder: String) throws -> [String: [UInt8]] {
        try FileSystem.names(in: folder).reduce(into: [:]) { contents, name in
            contents[name] = try MappedFile(folder + "/" + name).withBytes(Array.init)
        }
    }

    @Test(
        "a folder with somebody's work is refused, resumed or not, named, and stays as it was",
        arguments: [
            ["model.yaml", "model.safetensors", "metrics.jsonl", "training.yaml"],
            ["config.json", "model.safetensors"],
            ["notes.txt"], [".hidden"], ["training.yaml"], ["checkpoint.safetensors"],
        ])
    func taken(names: [String]) throws {
        let folder = try TinyRun.folder()
        try FileSystem.makeDirectory(folder + "/run")
        for name in names { try AtomicFile.write("mine", to: folder + "/run/" + name) }
        let before = try contents(folder + "/run")
        let text = failure { _ = try TinyRun.trainer(folder).run() }
        #expect(
            text.contains("is not empty") && text.contains(names.sorted()[0]) && text.contains("--force"), "\(text)")
        let resumed = failure { _ = try TinyRun.trainer(folder, resumes: true).run() }
        #expect(resumed.contains(names.sorted()[0]), "\(resumed)")
        #expect(try contents(folder + "/run") == before)
    }

    @Test("asked to, a run replaces the files of a run's names and leaves all others")
    func forced() throws {
        let folder = try TinyRun.folder()
        try FileSystem.makeDirectory(folder + "/run")
        for name in ["model.yaml", "checkpoint.safetensors", "notes.txt"] {
            try AtomicFile.write("mine", to: folder + "/run/" + name)
        }
        _ = try TinyRun.trainer(folder, replaces: true).run()
        #expect(try ModelDirectory.open(path: folder + "/run", plugins: TinyRun.plugins()).config.name == "tiny")
        #expect(try contents(folder + "/run")["notes.txt"] == Array("mine".utf8))
    }

    @Test(
        "asked to, it does not write through links to what lies elsewhere",
        arguments: ["model.safetensors", "metrics.jsonl"])
    func links(name: String) throws {
        let folder = try TinyRun.folder()
        try FileSystem.makeDirectory(folder + "/run")
        try AtomicFile.write("mine", to: folder + "/elsewhere")
        #expect(symlink(folder + "/elsewhere", folder + "/run/" + name) == 0)
        let text = failure { _ = try TinyRun.trainer(folder, replaces: true).run() }
        #expect(text.contains("run/\(name): is a link"), "\(text)")
        #expect(try MappedFile(folder + "/elsewhere").withBytes(Array.init) == Array("mine".utf8))
    }

    @Test("nothing to resume is an error, and makes nothing")
    func nothingToResume() throws {
        let folder = try TinyRun.folder()
        #expect(
            failure { _ = try TinyRun.trainer(folder, resumes: true).run() }
                .contains("has no checkpoint.safetensors, so there is nothing to resume"))
        #expect(!FileSystem.isDirectory(folder + "/run"))
        _ = try TinyRun.trainer(folder).run()
        remove(folder + "/run/checkpoint.safetensors")
        let before = try contents(folder + "/run")
        #expect(failure { _ = try TinyRun.trainer(folder, resumes: true).run() }.contains("nothing to resume"))
        #expect(failure { _ = try TinyRun.trainer(folder).run() }.contains("holds an earlier run"))
        #expect(try contents(folder + "/run") == before)
    }

    @Test("a run that ended before its first step is no work to keep")
    func unstarted() throws {
        struct Failure: Error {}
        let folder = try TinyRun.folder()
        #expect(throws: Failure.self) {
            try TinyRun.trainer(folder).run(report: { if case .prepared = $0 { throw Failure() } })
        }
        #expect(FileSystem.isFile(folder + "/run/training.yaml"))
        #expect(try TinyRun.trainer(folder).run().steps == 6)
    }

    @Test("a checkpoint that a later run in the same folder has not replaced yet is not gone on from")
    func otherRun() throws {
        struct Failure: Error {}
        let folder = try TinyRun.folder()
        _ = try TinyRun.trainer(folder).run()
        #expect(throws: Failure.self) {
            try TinyRun.trainer(folder, replaces: true, settings: [("seed", "4")]).run(
                report: { if case .prepared = $0 { throw Failure() } })
        }
        #expect(
            failure { _ = try TinyRun.trainer(folder, resumes: true).run() }.contains(
                "is of an earlier run in this folder"))
    }

    @Test(
        "what a run reads it does not write over, by whatever name",
        arguments: ["config.yaml", "pairs.jsonl"], ["training.yaml", "metrics.jsonl", "model.yaml"])
    func inputs(input: String, target: String) throws {
        let folder = try TinyRun.folder()
        try FileSystem.makeDirectory(folder + "/run")
        let before = try MappedFile(folder + "/" + input).withBytes(Array.init)
        for make in [link, symlink] {
            #expect(make(folder + "/" + input, folder + "/run/" + target) == 0)
            let text = failure { _ = try TinyRun.trainer(folder, replaces: true).run() }
            #expect(text.contains("is the same file as"), "\(text)")
            remove(folder + "/run/" + target)
        }
        #expect(try MappedFile(folder + "/" + input).withBytes(Array.init) == before)
    }
}
