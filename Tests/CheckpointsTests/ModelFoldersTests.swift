import AtomicFiles
import TestModels
import TestSupport
import Testing

@testable import Checkpoints

/// A directory that is no model's is told as what it is, and with the folder in it that would do.
@Suite struct ModelFoldersTests {
    private func copy(_ name: String, to folder: String, without left: [String] = []) throws {
        try FileSystem.makeDirectory(folder)
        for file in FileSystem.names(in: fixture("Published/" + name)) where !left.contains(file) {
            try FileSystem.copy(fixture("Published/\(name)/\(file)"), to: "\(folder)/\(file)")
        }
    }

    private func message(_ folder: String) -> String {
        let store = ModelStore(environment: [:])
        return failure { _ = try store.path(of: folder) }
    }

    @Test("a parent of models names those that would do, and no others")
    func parents() throws {
        let folder = try temporaryFolder()
        try FileSystem.makeDirectory(folder + "/empty")
        try AtomicFile.write("name: x\n", to: folder + "/empty/model.yaml")
        #expect(!message(folder).contains("write \(folder)/empty"))
        try TinyModel.write(to: folder + "/b")
        #expect(
            message(folder).hasPrefix("\(folder): ")
                && message(folder).hasSuffix("there is one inside: write \(folder)/b"),
            "\(message(folder))")
        try copy("transformers", to: folder + "/a")
        #expect(
            message(folder).hasSuffix("there are some inside: write \(folder)/a or \(folder)/b"), "\(message(folder))")
        // One whose weights are missing would not do.
        try copy("transformers", to: folder + "/c", without: ["model.safetensors"])
        #expect(!message(folder).contains("\(folder)/c"))
    }

    @Test("sentence-transformers")
    func sentenceTransformers() throws {
        let folder = try temporaryFolder()
        try AtomicFile.write(#"[{"idx": 0, "path": "0_CLIPModel"}]"#, to: folder + "/modules.json")
        #expect(message(folder).contains("is a sentence-transformers directory, and none of its modules can be opened"))
        try copy("transformers", to: folder + "/0_CLIPModel")
        #expect(
            message(folder).contains(
                "is a sentence-transformers directory; there is one inside: write \(folder)/0_CLIPModel"))
    }

    @Test("a pipeline of diffusers")
    func diffusers() throws {
        let folder = try temporaryFolder()
        try AtomicFile.write(#"{"_class_name": "StableDiffusionPipeline"}"#, to: folder + "/model_index.json")
        #expect(message(folder).contains("is a diffusers pipeline, without an encoder that can be opened here"))
        let tokenizer = [
            "merges.txt", "vocab.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
        ]
        try copy("transformers", to: folder + "/text_encoder", without: tokenizer)
        try FileSystem.makeDirectory(folder + "/tokenizer")
        let text = message(folder)
        #expect(
            text.contains("its text encoder is '\(folder)/text_encoder'")
                && text.contains("'\(folder)/tokenizer' are copied"), "\(text)")
        try copy("transformers", to: folder + "/text_encoder")
        #expect(message(folder).contains("is a diffusers pipeline; there is one inside: write \(folder)/text_encoder"))
    }

    @Test("an adapter is no model, whatever weights are in it")
    func adapter() throws {
        let folder = try temporaryFolder()
        try AtomicFile.write(
            #"{"base_model_name_or_path": "openai/clip-vit-base-patch32"}"#, to: folder + "/adapter_config.json")
        try AtomicFile.write([1], to: folder + "/adapter_model.safetensors")
        let text = message(folder)
        #expect(
            text.contains("holds an adapter (LoRA)") && text.contains("into openai/clip-vit-base-patch32 in Python"),
            "\(text)")
    }

    @Test("runs of trainers: the newest weights of open_clip, folders of transformers")
    func runs() throws {
        let folder = try temporaryFolder()
        try FileSystem.makeDirectory(folder + "/checkpoints")
        try AtomicFile.write("batch_size: 8\n", to: folder + "/params.txt")
        for epoch in [2, 9, 10] { try AtomicFile.write([1], to: "\(folder)/checkpoints/epoch_\(epoch).pt") }
        #expect(
            message(folder).contains("its weights are '\(folder)/checkpoints/epoch_10.pt', to be named with --config"))
        let trainer = try temporaryFolder()
        try copy("transformers", to: trainer + "/checkpoint-500")
        #expect(message(trainer).hasSuffix("write \(trainer)/checkpoint-500"))
    }

    @Test("a repository in a hub's cache")
    func hub() throws {
        let folder = try temporaryFolder() + "/repository"
        try copy("transformers", to: folder + "/snapshots/0123456789abcdef")
        #expect(message(folder).hasSuffix("write \(folder)/snapshots/0123456789abcdef"), "\(message(folder))")
    }
}
