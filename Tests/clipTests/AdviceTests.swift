import TestSupport
import Testing

/// Advice is followed to the letter, as somebody would who copies it from the terminal.
@Suite struct AdviceTests {
    let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        let pictures = "\(repositoryRoot)/Examples/pictures"
        let script =
            "cd '\(folder.path)' && mkdir -p 'my pics/more' && cp '\(pictures)/red-hexagon.png' 'my pics' && "
            + "cp '\(pictures)/pink-ring.png' 'my pics/more' && echo 'a red hexagon' > list.txt"
        #expect(try Program.shell(script, in: folder).status == 0)
    }

    private func shell(_ script: String) throws -> Program.Result {
        try Program.shell("cd '\(folder.path)' && " + script, environment: ["CLIP_MODEL": "starter"], in: folder)
    }

    /// The rest of the message, from `start` on.
    private func advice(_ result: Program.Result, from start: String) throws -> String {
        let range = try #require(result.error.ranges(of: start).last, "\(result.error)")
        return String(result.error[range.lowerBound...].prefix { $0 != "\n" && $0 != ";" })
    }

    @Test("a folder, and a list, as arguments of embed")
    func arguments() throws {
        let given = try shell("clip embed 'my pics'")
        #expect(given.status == 64)
        let followed = try shell(advice(given, from: "find "))
        #expect(followed.status == 0 && followed.lines.count == 2, "\(followed)")
        let list = try shell("clip embed list.txt")
        #expect(list.status == 64)
        let embedded = try shell(advice(list, from: "clip embed < "))
        #expect(embedded.status == 0 && embedded.lines.count == 1, "\(embedded)")
    }

    @Test("an option in front of its command")
    func order() throws {
        let given = try shell("clip --model starter embed list.txt --as image")
        #expect(given.status == 64)
        #expect(try advice(given, from: "clip embed ") == "clip embed --model starter list.txt --as image")
    }

    @Test("a model that cannot be verified is converted, and the copy verified")
    func verify() throws {
        let tiny = TinyModel.shared.path
        let given = try shell("clip models verify '\(tiny)'")
        #expect(given.status == 1)
        let command = try advice(given, from: "clip models convert ")
        #expect(try shell(command).status == 0, "\(command)")
        let verified = try shell("clip models verify NEW-DIRECTORY")
        #expect(verified.status == 1)
        let path = try advice(verified, from: "./NEW-DIRECTORY")
        #expect(path == "./NEW-DIRECTORY")
        let done = try shell("clip models verify \(path)")
        #expect(done.status == 0, "\(done)")
    }
}
