import Checkpoints
import Multimodal
import TestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// What is said of a name or a path that opens nothing, in a store with two models of its own and a hub's cache.
@Suite struct ModelNameTests {
    private let folder: String
    private let store: ModelStore

    private static let commit = String(repeating: "a1b2", count: 10)

    init() throws {
        folder = try temporaryFolder()
        for model in ["models/tiny", "models/starter"] {
            try place("name: x\n", at: "\(folder)/\(model)/model.yaml")
        }
        let cached = "\(folder)/hub/models--openai--clip-vit-base-patch32"
        try place(Self.commit, at: cached + "/refs/main")
        try place("{}", at: cached + "/snapshots/\(Self.commit)/config.json")
        try place("weights", at: "\(folder)/bare/x.safetensors")
        try place("text", at: "\(folder)/notes.txt")
        try place("-", at: "\(folder)/other/readme")
        try place("-", at: "\(folder)/empty/x")
        #expect(unlink("\(folder)/empty/x") == 0)
        store = ModelStore(environment: [
            "CLIP_MODEL_PATH": "\(folder)/models:\(folder)/nowhere", "HF_HUB_CACHE": "\(folder)/hub",
        ])
    }

    private func message(_ model: String) throws -> String {
        let error = #expect(throws: CheckpointError.self, "\(model)") { try store.path(of: model) }
        return "\(try #require(error))".replacing(folder, with: "")
    }

    @Test("names and paths that are there")
    func found() throws {
        #expect(try store.path(of: "tiny") == "\(folder)/models/tiny")
        #expect(try store.path(of: "\(folder)/models/tiny") == "\(folder)/models/tiny")
        let snapshot = "\(folder)/hub/models--openai--clip-vit-base-patch32/snapshots/\(Self.commit)"
        for name in ["ViT-B-32:openai", "vit-b-32:openai", "ViT-B-32/openai", "hf:openai/clip-vit-base-patch32"] {
            #expect(try store.path(of: name) == snapshot, "\(name)")
        }
    }

    @Test(
        "an architecture, in any spelling, gets the models that have it, those that are here first",
        arguments: ["ViT-B-32", "vit-b-32", "ViT-B/32", "ViT_B_32", "VIT-B-32-quickgelu", "vit b 32"])
    func architecture(name: String) throws {
        let text = try message(name)
        #expect(text.contains("did you mean 'ViT-B-32:openai', which is here?"), "\(text)")
        #expect(text.contains("others that can be had: ViT-B-32:laion400m_e31, "), "\(text)")
        #expect(!text.contains("ViT-B-32-256"), "\(text)")
    }

    @Test(
        "other spellings of a published model get its name",
        arguments: [
            ("ViT-B-32 openai", "did you mean 'ViT-B-32:openai', which is here?"),
            ("ViT-B-32-openai", "did you mean 'ViT-B-32:openai', which is here?"),
            ("openai:ViT-B-32", "did you mean 'ViT-B-32:openai', which is here?"),
            ("openai/ViT-B-32", "did you mean 'ViT-B-32:openai', which is here?"),
            ("ViT-B-32:opeani", "did you mean 'ViT-B-32:openai', which is here?"),
            ("clip-vit-base-patch32", "did you mean 'ViT-B-32:openai', which is here?"),
            ("openai/clip-vit-base-patch32", "did you mean 'ViT-B-32:openai', which is here?"),
            ("https://huggingface.co/openai/clip-vit-base-patch32", "did you mean 'ViT-B-32:openai', which is here?"),
            ("ViT-L/14", "did you mean 'ViT-L-14:openai'"), ("rn50", "did you mean 'RN50:openai'"),
            ("ViT-B-61", "did you mean 'ViT-B-16:openai'"), ("siglip", "did you mean 'ViT-B-16-SigLIP:webli'"),
            ("google/siglip-base-patch16-224", "hf:google/siglip-base-patch16-224"),
            ("somebody/something", "is written 'hf:somebody/something', once 'clip models pull hf:somebody/something'"),
            (
                "https://huggingface.co/a/b/tree/main",
                "is an address, not a path; a repository of the hub is written 'hf:a/b'"
            ),
            ("huggingface.co/a/b", "is an address, not a path; a repository of the hub is written 'hf:a/b'"),
        ])
    func spelling(name: String, remedy: String) throws {
        let text = try message(name)
        #expect(text.contains(remedy), "\(text)")
    }

    @Test("a published model that is not here names the command that fetches it")
    func pull() throws {
        let text = try message("RN50:openai")
        #expect(text.contains("is a published model that is not on this machine"), "\(text)")
        #expect(text.contains("'clip models pull RN50:openai'"))
        #expect(try message("RN101").contains("'clip models pull RN101:openai' fetches the first of them"))
    }

    @Test("a name near one that is here, or near none, says where was looked")
    func near() throws {
        #expect(try message("tinny").contains("did you mean 'tiny'?"))
        #expect(try message("start").contains("did you mean 'starter'?"))
        let none = try message("qqqqqqqq")
        #expect(none.contains("looked in /models, /nowhere (which is no directory)"), "\(none)")
        #expect(none.contains("use one of starter or tiny"), "\(none)")
        #expect(try message("").contains("its name is empty"))
        let itself = ModelStore(environment: ["CLIP_MODEL_PATH": "\(folder)/models/tiny"])
        let error = #expect(throws: CheckpointError.self) { try itself.path(of: "qqqqqqqq") }
        #expect(error?.message.contains("models/tiny is itself a model") == true)
    }

    @Test("paths that are no model say what would do")
    func paths() throws {
        #expect(try message("\(folder)/empty").contains("is an empty directory"))
        #expect(try message("\(folder)/other").contains("has no model.yaml, open_clip_config.json or config.json"))
        #expect(try message("\(folder)/bare").contains("write --model /bare/x.safetensors, with --config FILE"))
        #expect(try message("\(folder)/notes.txt").contains("is text, and no weights; name a model's directory"))
        try place("GGUF\u{3}\u{0}\u{0}\u{0}", at: "\(folder)/x.gguf")
        #expect(try message("\(folder)/x.gguf").contains("is a GGUF file"))
        let cached = try message("\(folder)/hub/models--openai--clip-vit-base-patch32")
        #expect(cached.contains("write hf:openai/clip-vit-base-patch32"), "\(cached)")
        #expect(try message("\(folder)/models/tinny").contains("did you mean /models/tiny?"))
        #expect(try message("\(folder)/modles/tiny").contains("there is no directory /modles"))
        #expect(try message("/does/not/exist").contains("there is no directory /does"))
        #expect(try message("~/models/tiny").contains("'~' stands for the home directory only where the shell"))
        #expect(try message("file://\(folder)/models/tiny").contains("write the path alone"))
        #expect(try message("./nothing").contains("there is no such model directory or file"))
    }
}
