import TestSupport
import Testing

@Suite struct CommandTests {
    let model = TinyModel.shared

    @Test("tokenize gives ids with start and end, passes other keys on and tells what was cut")
    func tokenize() throws {
        let long = String(repeating: "at ", count: 30)
        let result = try model.run(
            ["tokenize"], lines: ["the", "{\"id\":5,\"text\":\"at\",\"tag\":\"x\"}", long, "{\"image\":\"a.png\"}"])
        // Bytes are 0...511, the three merges follow, then start and end.
        #expect(result.lines[0] == "{\"id\":\"1\",\"tokens\":[515,513,516]}")
        #expect(result.lines[1] == "{\"id\":5,\"tokens\":[515,514,516],\"tag\":\"x\"}")
        #expect(result.lines[2].hasSuffix("516],\"truncated\":8}"), "\(result.lines[2])")
        #expect(result.status == 2)
        #expect(result.error.contains("line 4: the record is an image; only texts have tokens"))
        #expect(result.error.contains("1 text had more tokens than the model takes"))
    }

    @Test("tokenizer train makes merges that tokenize takes")
    func tokenizerTrain() throws {
        let folder = try TemporaryFolder()
        let output = folder["m.txt"]
        let lines = (0..<5).map { "{\"caption\":\"the cat sat \($0)\"}" }
        let made = try model.run(
            ["tokenizer", "train", "--vocabulary-size", "518", "--json-key", "caption", "--output", output],
            lines: lines)
        #expect(made.status == 0, "\(made.error)")
        #expect(folder.text(output).split(separator: "\n").count == 5)
        let tokens = try model.run(["tokenize", "--tokenizer", output], lines: [String(repeating: "the ", count: 100)])
        #expect(tokens.status == 0)
        #expect(!tokens.output.contains("truncated"))
        let missing = try model.run(["tokenize", "--tokenizer", folder["none.txt"]], lines: ["a"])
        #expect(missing.status == 1)
        #expect(missing.error.contains("none.txt"))
        let small = try model.run(["tokenizer", "train", "--vocabulary-size", "5", "--output", output], lines: ["a"])
        #expect(small.status == 1)
    }

    @Test("lists are columns for people, and JSON lines with --json")
    func lists() throws {
        let text = try model.run(["plugins", "list"], lines: [])
        #expect(text.lines[0].hasPrefix("NAME "))
        #expect(text.lines.contains { $0.hasPrefix("vit ") })
        let json = try model.run(["plugins", "list", "--json"], lines: []).records()
        #expect(try json.map { try $0.string("name") }.contains("info-nce"))
        let info = try model.run(["plugins", "info", "vit"], lines: [])
        #expect(
            info.lines.contains {
                $0.hasPrefix("  patchSize ") && $0.contains(" integer, default 32, 1 to 8192 pixels")
            })
        #expect(try model.run(["plugins", "info", "vit", "--json"], lines: []).records().count == 1)

        let environment = ["CLIP_MODEL_PATH": model.folder.path]
        let models = try model.run(["models", "list", "--json"], lines: [], environment: environment).records()
        #expect(try models.contains { try $0.string("name") == "tiny" && $0.string("path") == model.path })
        let tiny = try model.run(["models", "info", model.path, "--json"], lines: []).records()
        #expect(try tiny[0].string("space") == model.space)
        #expect(try tiny[0].number("contextLength") == 24)
    }

    @Test("graph prints every tower, gradients and DOT")
    func graph() throws {
        let image = try model.run(["graph"], lines: [])
        #expect(image.output.contains("input 'images' : float32[1, 3, 16, 16]"))
        let text = try model.run(["graph", "--tower", "text", "--batch-size", "3"], lines: [])
        #expect(text.output.contains("input 'tokens' : int32[3, 24]"))
        let loss = try model.run(["graph", "--tower", "loss"], lines: [])
        let gradient = try model.run(["graph", "--tower", "loss", "--gradient"], lines: [])
        #expect(loss.output.contains("output loss = "))
        #expect(gradient.output.contains("output gradient of logit_scale = "))
        #expect(gradient.lines.count > loss.lines.count)
        let dot = try model.run(["graph", "--format", "dot"], lines: [])
        #expect(dot.output.hasPrefix("digraph model {"))
    }

    @Test("doctor names what would keep commands from working, with exit status 1")
    func doctor() throws {
        let fine = try model.run(["doctor"], lines: [])
        #expect(fine.status == 0, "\(fine.output)")
        #expect(fine.output.contains("space \(model.space)"))
        #expect(fine.output.contains("libyaml"))
        let broken = try model.run(["doctor", "--model", "none"], lines: [])
        #expect(broken.status == 1)
        #expect(broken.output.contains("there is no model of this name"))
    }
}
