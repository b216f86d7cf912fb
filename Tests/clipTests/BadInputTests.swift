import CLIPKit
import TestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// What goes wrong with single records: a message that names the line, exit status 2, and the rest done.
@Suite struct BadInputTests {
    let model = TinyModel.shared

    /// Embeds `bad` between two good lines, and gives the message about it.
    private func message(_ bad: [UInt8], sourceLocation: Testing.SourceLocation = #_sourceLocation) throws -> String {
        let input = Array("first\n".utf8) + bad + Array("\nlast\n".utf8)
        let result = try model.run(["embed"], input: input)
        #expect(result.status == 2, "\(result)", sourceLocation: sourceLocation)
        #expect(try result.records().map { try $0.id } == ["\"1\"", "\"3\""], sourceLocation: sourceLocation)
        #expect(result.error.hasPrefix("clip embed: line 2: "), "\(result.error)", sourceLocation: sourceLocation)
        return result.error
    }

    private func message(_ bad: String, sourceLocation: Testing.SourceLocation = #_sourceLocation) throws -> String {
        try message(Array(bad.utf8), sourceLocation: sourceLocation)
    }

    @Test("images that are missing, empty, cut short, no pictures, folders, pipes or enormous")
    func images() throws {
        let folder = try TemporaryFolder()
        #expect(try message(folder["none.png"]).contains("none.png: no such file"))

        try folder.write([], to: folder["zero.png"])
        #expect(try message(folder["zero.png"]).contains("zero.png: "))

        let whole = folder.bytes(try model.picture("whole.png", 9, 8, 7))
        try folder.write(Array(whole.prefix(whole.count / 2)), to: folder["cut.png"])
        #expect(try message(folder["cut.png"]).contains("cut.png: "))

        try folder.write("hello\n", to: folder["text.jpg"])
        #expect(try message(folder["text.jpg"]).contains("text.jpg: "))

        #expect(mkdir(folder["folder.png"], 0o755) == 0)
        #expect(try message(folder["folder.png"]).contains("folder.png: a directory"))

        // Without a writer, opening it for reading would wait for ever.
        #expect(mkfifo(folder["pipe.png"], 0o600) == 0)
        #expect(try message(folder["pipe.png"]).contains("pipe.png: a named pipe"))

        // The header of a PNG of 100,000 by 100,000 pixels: width and height stand at byte 16.
        var huge = whole
        huge.replaceSubrange(16..<24, with: [0, 1, 0x86, 0xA0, 0, 1, 0x86, 0xA0])
        try folder.write(huge, to: folder["huge.png"])
        let text = try message(folder["huge.png"])
        #expect(text.contains("huge.png: "))
    }

    @Test("lines that are not UTF-8, blank, or broken JSON")
    func lines() throws {
        #expect(try message([0x61, 0xFF, 0x62]).contains("not UTF-8"))
        #expect(try message([UInt8](repeating: 0x20, count: 3)).contains("blank"))
        #expect(try message("").contains("empty"))
        #expect(try message("{\"text\": \"a\"").contains("broken JSON"))
        #expect(try message("{\"text\": 7}").contains("'text' must be a string"))
        #expect(try message("{\"txt\": \"a\"}").contains("neither 'image' nor 'text'"))
        #expect(try message("{\"text\": \"a\", \"image\": \"b\"}").contains("both 'image' and 'text'"))
        #expect(try message("{\"id\": [1], \"text\": \"a\"}").contains("'id' must be a string or a number"))
    }

    @Test("a JSON line of 50 MB is one record like any other")
    func longLine() throws {
        var line = Array("{\"id\":1,\"text\":\"a\",\"blob\":\"".utf8)
        line += [UInt8](repeating: 0x78, count: 50 << 20)
        line += Array("\"}\nlast\n".utf8)
        let result = try model.run(["embed"], input: line)
        #expect(result.status == 0, "\(result.error)")
        #expect(result.lines.count == 2)
        #expect(result.output.utf8.count > 50 << 20)
        #expect(result.peakMemory < 1 << 30)

        let broken = try model.run(["embed"], input: Array(line.dropLast(8)) + Array("\nlast\n".utf8))
        #expect(broken.status == 2)
        #expect(broken.lines.count == 1)
        #expect(broken.error.utf8.count < 1000)
    }

    @Test("--on-error record writes the error in its place, fail stops at it")
    func onError() throws {
        let lines = ["first", "missing.png", "last"]
        let record = try model.run(["embed", "--on-error", "record"], lines: lines)
        #expect(record.status == 2)
        #expect(record.lines.count == 3)
        #expect(
            record.lines[1]
                == "{\"id\":\"2\",\"line\":2,\"error\":{\"code\":\"image.missing\",\"message\":\"missing.png: no such file\"}}"
        )
        let fail = try model.run(["embed", "--on-error", "fail"], lines: lines)
        #expect(fail.status == 2)
        #expect(try fail.records().map { try $0.id } == ["\"1\""])
        #expect(fail.error == "clip embed: line 2: missing.png: no such file\n")
    }

    @Test("a stream that cannot be read is exit status 1; an empty one is fine")
    func streams() throws {
        let folder = try Program.run(
            ["embed"], inputPath: model.folder.path, environment: ["CLIP_MODEL": model.path], in: model.folder)
        #expect(folder.status == 1)
        #expect(folder.error.contains("standard input: cannot be read"))
        let empty = try model.run(["embed"], input: [])
        #expect(empty.status == 0)
        #expect(empty.output.isEmpty && empty.error.isEmpty)
    }

    @Test("a model whose weights are not finite gives no record")
    func notFinite() throws {
        let folder = try TemporaryFolder()
        try folder.write(TinyModel.merges, to: folder["merges.txt"])
        try TinyModel.write(to: folder["nan"], seed: 5, tokenizerFolder: folder.path) { parameters in
            parameters["text_projection"] = TensorData([Float](repeating: .nan, count: 256), shape: [16, 16])
        }
        let result = try Program.run(["embed", "--model", folder["nan"]], lines: ["a dog", "the cat"], in: folder)
        #expect(result.status == 2)
        #expect(result.output.isEmpty)
        #expect(result.error.contains("line 2: the model gave no finite numbers"))
    }
}
