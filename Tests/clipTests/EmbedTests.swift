import CLIPKit
import TestSupport
import Testing

@Suite struct EmbedTests {
    let model = TinyModel.shared

    @Test("images and texts of one stream come out in order, with ids, kind, space and unit vectors")
    func mixed() throws {
        let red = try model.picture("mixed-red.png", 255, 0, 0)
        let result = try model.run(
            ["embed", "--batch-size", "2"],
            lines: ["a dog", red, "{\"id\":7.50,\"text\":\"the cat\"}", "", "{\"id\":\"x\",\"image\":\"\(red)\"}"]
                .filter { !$0.isEmpty })
        #expect(result.status == 0, "\(result.error)")
        let records = try result.records()
        #expect(try records.map { try $0.id } == ["\"1\"", "\"2\"", "7.50", "\"x\""])
        #expect(try records.map { try $0.string("modality") } == ["text", "image", "text", "image"])
        #expect(try records[0].string("text") == "a dog")
        #expect(try records[1].string("path") == red)
        for record in records {
            #expect(try record.string("space") == model.space)
            let vector = try record.embedding
            #expect(vector.count == 16)
            #expect(abs(vector.reduce(0) { $0 + $1 * $1 } - 1) < 1e-5)
        }
        #expect(try records[1].embedding == records[3].embedding)
    }

    @Test("keys that nobody knows pass through byte for byte")
    func passThrough() throws {
        let line = "{\"tag\": \"\\u00e9\\/\", \"text\":\"a\", \"n\": 1.50e0, \"deep\": {\"a\" : [1, 2]}}"
        let output = try model.run(["embed"], lines: [line]).output
        #expect(output.contains("\"tag\":\"\\u00e9\\/\",\"n\":1.50e0,\"deep\":{\"a\" : [1, 2]},\"embedding\":["))
    }

    @Test("a vector does not depend on what is embedded with it")
    func batches() throws {
        let lines = (0..<40).map { "the thing number \($0) " + String(repeating: "x", count: $0 % 9) }
        let together = try model.run(["embed"], lines: lines).records()
        let one = try model.run(["embed", "--batch-size", "1", "--jobs", "1", "--threads", "1"], lines: lines).records()
        #expect(together.count == 40)
        for (a, b) in zip(together, one) {
            #expect(try a.id == b.id)
            #expect(try zip(a.embedding, b.embedding).allSatisfy { abs($0 - $1) < 1e-5 })
        }
    }

    @Test("base64 holds the same numbers as the array")
    func encodings() throws {
        let array = try model.run(["embed"], lines: ["a dog"]).records()[0].embedding
        let result = try model.run(["embed", "--encoding", "base64"], lines: ["a dog"])
        #expect(result.output.contains("\"embedding\":\""))
        #expect(try result.records()[0].embedding == array)
    }

    @Test("--no-normalize gives vectors of the model's own length, in the same direction")
    func unnormalized() throws {
        let unit = try model.run(["embed"], lines: ["a dog"]).records()[0].embedding
        let raw = try model.run(["embed", "--no-normalize"], lines: ["a dog"]).records()[0].embedding
        let length = raw.reduce(0) { $0 + $1 * $1 }.squareRoot()
        #expect(abs(length - 1) > 1e-3)
        #expect(zip(unit, raw).allSatisfy { abs($0 - $1 / length) < 1e-5 })
    }

    @Test("image files can be named as arguments")
    func arguments() throws {
        let blue = try model.picture("args blue.png", 0, 0, 255)
        let result = try model.run(["embed", blue, blue], lines: [])
        #expect(result.status == 0, "\(result.error)")
        #expect(try result.records().map { try $0.string("path") } == [blue, blue])
        let list = try model.run(["embed", "list.txt"], lines: [])
        #expect(list.status == 64)
        #expect(list.error.contains("clip embed < 'list.txt'"))
    }

    @Test("--as says what plain lines are")
    func kinds() throws {
        let text = try model.run(["embed", "--as", "text"], lines: ["dog.png"])
        #expect(try text.records()[0].string("text") == "dog.png")
        let green = try model.picture("no-ending", 0, 255, 0)
        let image = try model.run(["embed", "--as", "image"], lines: [green])
        #expect(try image.records()[0].string("path") == green)
    }

    @Test("--null takes paths with line feeds and bytes that are no UTF-8")
    func nullSeparated() throws {
        let folder = try TemporaryFolder()
        let picture = folder.bytes(try model.picture("null.png", 1, 2, 3))
        try folder.write(picture, to: folder["a\nb.png"])
        let made = try model.shell(
            "cp null.png \"$(printf 'bad\\377.png')\" 2>/dev/null || cp '\(model.folder["null.png"])' '\(model.folder.path)'/\"$(printf 'bad\\377.png')\""
        )
        #expect(made.status == 0, "\(made.error)")
        let bad = Array((model.folder.path + "/bad").utf8) + [0xFF] + Array(".png".utf8)
        let result = try model.run(["embed", "--null"], input: Array(folder["a\nb.png"].utf8) + [0] + bad)
        #expect(result.status == 0, "\(result.error)")
        let records = try result.records()
        #expect(try records[0].string("path") == folder["a\nb.png"])
        #expect(try records[1].string("path") == nil)
        #expect(try records[1].string("path_base64") == Base64.encode(bad))
    }

    @Test("a text that is too long is cut, told on its record and on standard error")
    func truncation() throws {
        let result = try model.run(["embed"], lines: ["short", String(repeating: "word ", count: 50)])
        #expect(result.status == 0)
        let records = try result.records()
        #expect(try records[0].number("truncated") == nil)
        let cut = try #require(try records[1].number("truncated"))
        #expect(cut > 100)
        #expect(result.error.contains("1 text had more tokens than the model takes"))
        #expect(result.error.hasPrefix("clip embed: "))
    }

    @Test("under --strict a text that is too long fails, and the rest goes on")
    func strict() throws {
        let long = String(repeating: "word ", count: 50)
        let result = try model.run(["embed", "--strict", "--on-error", "record"], lines: ["short", long, "end"])
        #expect(result.status == 2)
        #expect(result.lines.count == 3)
        #expect(result.lines[1].contains("\"code\":\"text.truncated\""), "\(result.lines[1])")
        #expect(result.error.contains("more than the model takes; shorten it"), "\(result.error)")
        let tokens = try model.run(["tokenize", "--strict"], lines: ["short", long, "end"])
        #expect(tokens.status == 2)
        #expect(tokens.lines.count == 2)
        #expect(tokens.error.contains("more than the model takes; shorten it"), "\(tokens.error)")
    }

    @Test("error records from upstream pass through, and the exit status tells")
    func upstream() throws {
        let line = "{\"id\":\"8\",\"line\":8,\"error\":{\"code\":\"image.decode\",\"message\":\"x\"}}"
        let result = try model.run(["embed"], lines: ["a", line, "b"])
        #expect(result.status == 2)
        #expect(result.lines.count == 3)
        #expect(result.lines[1] == line)
        #expect(result.error == "clip embed: 1 record had failed upstream\n")
    }
}
