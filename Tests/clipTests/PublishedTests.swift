import ClipCommands
import TestSupport
import Testing
import YAML

/// What the commands say of published models.
@Suite struct PublishedTests {
    let model = TinyModel.shared

    /// The tiny model where the hub's cache would have OpenAI's ViT-B/32, which it is not.
    private func disguised(_ folder: TemporaryFolder) throws -> String {
        try folder.write(TinyModel.merges, to: folder["merges.txt"])
        let path = folder["hub/models--timm--vit_base_patch32_clip_224.openai/snapshots/1a2b3c"]
        try TinyModel.write(to: path, seed: 1, tokenizerFolder: folder.path, checksPublished: false)
        return path
    }

    @Test("a directory that contradicts what is published of it is refused; --trust-model and settings override that")
    func trust() throws {
        let folder = try TemporaryFolder()
        let path = try disguised(folder)
        func embed(_ arguments: [String] = [], _ environment: [String: String] = [:]) throws -> Program.Result {
            try Program.run(
                ["embed", "--model", path] + arguments, lines: ["a"], environment: environment, in: folder)
        }
        let refused = try embed()
        #expect(refused.status == 1)
        #expect(refused.output.isEmpty)
        #expect(refused.error.contains("model.yaml:"), "\(refused.error)")
        #expect(refused.error.contains("activation is gelu, and quick_gelu in the published model 'ViT-B-32:openai'"))
        #expect(refused.error.contains("--trust-model"))

        let trusted = try embed(["--trust-model"])
        #expect(trusted.status == 0, "\(trusted.error)")
        #expect(try embed([], ["CLIP_TRUST_MODEL": "true"]).output == trusted.output)
        #expect(try embed([], ["CLIP_TRUST_MODEL": "false"]).status == 1)
        #expect(try embed([], ["CLIP_TRUST_MODEL": "perhaps"]).status == 64)

        let query = ["rank", "--query", "a", "--model", path]
        #expect(try Program.run(query, lines: trusted.lines, in: folder).status == 1)
        #expect(try Program.run(query + ["--trust-model"], lines: trusted.lines, in: folder).status == 0)
        let info = ["models", "info", path, "--json"]
        #expect(try Program.run(info, in: folder).status == 1)
        let facts = try Program.run(info + ["--trust-model"], in: folder).records()[0]
        #expect(try facts.string("published") == "ViT-B-32:openai" && facts.number("imagenet") == 63.32)
    }

    @Test("models list shows what is here and what is published, as columns and as JSON lines")
    func list() throws {
        let environment = ["CLIP_MODEL_PATH": model.folder.path]
        func list(_ arguments: String...) throws -> Program.Result {
            try model.run(["models", "list"] + arguments, lines: [], environment: environment)
        }
        let text = try list()
        #expect(text.lines.contains { $0.hasPrefix("tiny ") })
        let row = try #require(text.lines.first { $0.hasPrefix("ViT-B-32:openai ") })
        #expect(
            row.split(separator: " ") == [
                "ViT-B-32:openai", "512", "224", "63.32", "-", "timm/vit_base_patch32_clip_224.openai",
            ])
        #expect(try !list("--local").output.contains("openai"))
        #expect(try !list("--published").output.contains("tiny"))
        #expect(try list("--published", "--local").status == 64)
        let records = try list("--json").records()
        #expect(try records.contains { try $0.string("name") == "tiny" && $0.string("repository") == nil })
        let published = try list("--published", "--json").records()
        #expect(published.count >= 60)
        for record in published {
            #expect(try record.number("embedding") != nil && record.number("imageSize") != nil)
            #expect(try record.string("repository") != nil && record.string("path") == nil)
        }
    }

    @Test("models info tells what is known of a published model that is not here, and a model that is here is opened")
    func info() throws {
        let folder = try TemporaryFolder()
        let text = try Program.run(["models", "info", "vit-l-14/laion2b_s32b_b82k"], in: folder)
        #expect(text.lines.contains("mean             0.5, 0.5, 0.5"), "\(text.output)")
        #expect(text.lines.contains("imagenet         75.25 % zero-shot"), "\(text.output)")
        let record = try Program.run(["models", "info", "ViT-B-32:openai", "--json"], in: folder).records()[0]
        #expect(try record.string("textActivation") == "quick_gelu")
        #expect(try record.string("source")?.contains("openclip_results.csv") == true)

        let near = try Program.run(["models", "info", "ViT-B-32:opnai"], in: folder)
        #expect(near.status == 1)
        #expect(near.error.contains("did you mean 'ViT-B-32:openai'?"), "\(near.error)")
        let absent = try Program.run(["embed", "--model", "ViT-B-32:openai"], lines: ["a"], in: folder)
        #expect(absent.status == 1)
        #expect(absent.error.contains("is a published model that is not on this machine"), "\(absent.error)")
    }
}
