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
