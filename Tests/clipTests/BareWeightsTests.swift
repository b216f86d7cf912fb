import CLIPKit
import TestSupport
import Testing

/// `--model` with a file of weights, `--config`, and `--image-size`.
@Suite struct BareWeightsTests {
    private let model = TinyModel.shared
    private static let openAI = fixture("OpenAI/vit/ViT-tiny.pt")

    private func run(_ arguments: [String], _ lines: [String] = [], at path: String) throws -> Program.Result {
        try model.run(arguments + ["--model", path], lines: lines)
    }

    @Test("a file of OpenAI's is a model, for every command that takes one")
    func openAI() throws {
        let embedded = try run(["embed"], ["a cat"], at: Self.openAI)
        #expect(embedded.status == 0, "\(embedded.error)")
        #expect(try embedded.records()[0].embedding.count == 24)
        let ranked = try model.run(
            ["rank", "--query", "a cat", "--model", Self.openAI], input: Array(embedded.output.utf8))
        #expect(ranked.status == 0 && ranked.output.contains("\"score\":1"), "\(ranked.error)")
        #expect(try run(["tokenize"], ["a cat"], at: Self.openAI).status == 0)
        #expect(
            try model.run(["graph", "--tower", "image", "--model", Self.openAI], lines: []).output.contains(
                "convolution"))
        #expect(try model.run(["models", "info", Self.openAI], lines: []).output.contains("ViT-tiny"))
    }

    @Test("other weights need --config, and give the same vectors with it as in their directory")
    func config() throws {
        let weights = model.path + "/model.safetensors"
        let refused = try run(["embed"], ["a dog"], at: weights)
        #expect(refused.status == 1 && refused.error.contains(weights) && refused.error.contains("--config"))
        let given = try run(["embed", "--config", model.path + "/model.yaml"], ["a dog"], at: weights)
        #expect(try given.records()[0].string("space") == model.space, "\(given.error)")
        #expect(try given.records()[0].embedding == run(["embed"], ["a dog"], at: model.path).records()[0].embedding)
        let both = try run(["embed", "--config", model.path + "/model.yaml"], ["a dog"], at: model.path)
        #expect(both.status == 1 && both.error.contains("has its own description"), "\(both.error)")
    }

    @Test("pictures of another size are of another space, which rank finds with the same flag")
    func imageSize() throws {
        let red = try model.picture("bare-red.png", 255, 0, 0)
        let large = try run(["embed", "--image-size", "32"], [red], at: model.path)
        #expect(large.status == 0, "\(large.error)")
        #expect(try large.records()[0].string("space") != model.space)
        let query = ["rank", "--query", "a dog", "--model", model.path]
        #expect(try model.run(query + ["--image-size", "32"], input: Array(large.output.utf8)).status == 0)
        #expect(try model.run(query, input: Array(large.output.utf8)).status == 1)
        let odd = try run(["embed", "--image-size", "7"], [red], at: model.path)
        #expect(odd.status == 1 && odd.error.contains("patch"), "\(odd.error)")
        #expect(try run(["embed", "--image-size", "0"], [red], at: model.path).status == 64)
    }
}

/// `--config` and `--image-size` mean the same in every command that opens a model.
@Suite struct OpeningOptionsTests {
    private let model = TinyModel.shared
    private var weights: String { model.path + "/model.safetensors" }
    private var config: String { model.path + "/model.yaml" }

    @Test("every command that opens a model takes weights with their description")
    func bareWeights() throws {
        let folder = try TemporaryFolder()
        let list = folder["list.txt"]
        try folder.write("a dog\na cat\n", to: list)
        for (command, output) in [
            (["bench", "--iterations", "1", "--batch-size", "2", "--model", weights], "items_per_second"),
            (["graph", "--model", weights], "convolution"),
            (["models", "info", weights], model.space),
            (["models", "convert", weights, folder.path + "/converted"], model.space),
            (["models", "quantize", weights, folder.path + "/small", "--calibration", list], "MEAN COSINE"),
            (["models", "verify", folder.path + "/converted/model.safetensors"], "the same"),
        ] {
            let isVerify = command[1] == "verify"
            let description = isVerify ? folder.path + "/converted/model.yaml" : config
            let given = try model.run(command + ["--config", description], lines: [])
            #expect(given.status == 0 && given.output.contains(output), "\(command): \(given.error)")
            let missing = try model.run(command, lines: [])
            #expect(missing.status == 1 && missing.error.contains("--config"), "\(command): \(missing.error)")
        }
        let tokens = try model.run(["tokenize", "--model", weights, "--config", config], lines: ["a dog"])
        #expect(tokens.status == 0 && tokens.output.contains("tokens"), "\(tokens.error)")
    }

    @Test("every command that opens a model takes its pictures in the size that is asked for, or says why not")
    func imageSize() throws {
        let folder = try TemporaryFolder()
        let list = folder["list.txt"]
        try folder.write("a dog\n", to: list)
        for command in [
            ["bench", "--iterations", "1", "--batch-size", "2", "--model", model.path],
            ["graph", "--model", model.path],
            ["models", "info", model.path], ["models", "convert", model.path, folder.path + "/converted"],
            ["models", "quantize", model.path, folder.path + "/small", "--calibration", list],
        ] {
            let odd = try model.run(command + ["--image-size", "7"], lines: [])
            #expect(odd.status == 1 && odd.error.contains("patch"), "\(command): \(odd.error)")
            #expect(try model.run(command + ["--image-size", "0"], lines: []).status == 64)
            let large = try model.run(command + ["--image-size", "32"], lines: [])
            #expect(large.status == 0, "\(command): \(large.error)")
            switch command[1] {
            case "info": #expect(large.output.contains("32 pixels"))
            case "convert", "quantize":
                let info = try model.run(["models", "info", command[3]], lines: [])
                #expect(info.output.contains("32 pixels"), "\(info.error)")
            default: break
            }
        }
        let graph = try model.run(["graph", "--model", model.path, "--image-size", "32"], lines: [])
        #expect(graph.output.contains("3, 32, 32"), "\(graph.output.prefix(300))")
    }

    @Test("rank does not search for another model where a description or a size is asked for")
    func rank() throws {
        let embedded = try model.run(["embed"], lines: ["a dog"])
        for flags in [["--config", config], ["--image-size", "7"]] {
            let ranked = try model.run(["rank", "--query", "a dog"] + flags, input: Array(embedded.output.utf8))
            #expect(ranked.status == 1, "\(flags): \(ranked.output)")
            #expect(ranked.error.contains("own description") || ranked.error.contains("patch"), "\(ranked.error)")
        }
    }

    @Test("a tokenizer's file takes no description of a model")
    func tokenizer() throws {
        for flags in [["--config", config], ["--image-size", "32"]] {
            #expect(try model.run(["tokenize", "--tokenizer", "merges.txt"] + flags, lines: ["a"]).status == 64)
        }
    }
}
