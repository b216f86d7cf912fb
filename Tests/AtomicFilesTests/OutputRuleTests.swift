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

@Suite struct OutputRuleTests {
    private let folder: String

    init() throws {
        folder = try temporaryFolder()
    }

    private func refusal(_ body: () throws -> Void) -> String {
        do {
            try body()
            return ""
        } catch { return "\(error)" }
    }

    @Test("a file that is there is replaced only when asked, or by the same bytes")
    func files() throws {
        let path = folder + "/merges.txt"
        try OutputRule.write([1, 2], toFile: path, force: false)
        try OutputRule.write([1, 2], toFile: path, force: false)
        for other: [UInt8] in [[1, 3], [1], [1, 2, 3], []] {
            #expect(refusal { try OutputRule.write(other, toFile: path, force: false) }.contains("--force"))
        }
        try OutputRule.write([3], toFile: path, force: true)
        #expect(refusal { try OutputRule.write([3], toFile: path, force: false) }.isEmpty)
        #expect(mkdir(folder + "/sub", 0o777) == 0)
        #expect(
            refusal { try OutputRule.write([3], toFile: folder + "/sub", force: false) }.contains("is there already"))
    }

    @Test("a file that is read is never written, by whatever name")
    func sameFile() throws {
        let input = folder + "/input"
        try AtomicFile.write("x", to: input)
        #expect(symlink(input, folder + "/symbolic") == 0 && link(input, folder + "/hard") == 0)
        for name in ["input", "./input", "symbolic", "hard"] {
            let text = refusal { try OutputRule.check(file: folder + "/" + name, isNone: [input]) }
            #expect(text.contains("is the same file as '\(input)'"), "\(name)")
        }
        let descriptor = open(folder + "/hard", O_RDONLY)
        defer { close(descriptor) }
        #expect(
            refusal { try OutputRule.check(file: input, isNot: descriptor, named: "a") }.contains("same file as 'a'"))
        #expect(refusal { try OutputRule.check(file: folder + "/new", isNot: descriptor, named: "a") }.isEmpty)
        #expect(refusal { try OutputRule.check(file: folder + "/new", isNone: [input]) }.isEmpty)
    }

    @Test(
        "a folder that is read, folders in it and around it are not written to",
        arguments: [
            ("model", "is what is read"), ("model/", "is what is read"), ("model/.", "is what is read"),
            ("link", "is what is read"), ("model/new", "lies inside"), ("link/new/deep", "lies inside"),
            ("", "is a folder around"), ("model-2", ""), ("other/new", ""),
        ])
    func folders(name: String, message: String) throws {
        for name in ["model", "other"] { #expect(mkdir(folder + "/" + name, 0o777) == 0) }
        #expect(symlink("model", folder + "/link") == 0)
        let text = refusal { try OutputRule.check(folder: folder + "/" + name, isNone: [folder + "/model"]) }
        #expect(message.isEmpty ? text.isEmpty : text.contains(message), "\(text)")
    }

    @Test("the folder of a bare file that is read is refused, one beside the file is not")
    func bareFile() throws {
        try AtomicFile.write("x", to: folder + "/ViT.pt")
        #expect(!refusal { try OutputRule.check(folder: folder, isNone: [folder + "/ViT.pt"]) }.isEmpty)
        #expect(refusal { try OutputRule.check(folder: folder + "/new", isNone: [folder + "/ViT.pt"]) }.isEmpty)
    }
}
