import AtomicFiles
import BPETokenizer
import Checkpoints
import InfoNCELoss
import Multimodal
import TestSupport
import Testing
import TransformerEncoder
import ViTEncoder
import YAML

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Directories of the full size of ViT-B/32 but with an empty file of weights: what the description says is compared
/// before the weights are opened, so that their error shows that the description was accepted.
@Suite struct PublishedContradictionTests {
    private let plugins: PluginRegistry

    init() throws {
        plugins = try PluginRegistry([BPEPlugin(), ViTPlugin(), TransformerPlugin(), InfoNCEPlugin()])
    }

    enum Layout: String, CaseIterable, Sendable {
        case openCLIP = "models--timm--vit_base_patch32_clip_224.openai"
        case transformers = "models--openai--clip-vit-base-patch32"

        var files: [String: String] {
            let merges = "#version: 0.2\na b</w>\n"
            switch self {
            case .openCLIP:
                return [
                    "merges.txt": merges, "open_clip_model.safetensors": "",
                    "open_clip_config.json": """
                    {
                      "model_cfg": {
                        "embed_dim": 512,
                        "quick_gelu": true,
                        "vision_cfg": {"image_size": 224, "layers": 12, "width": 768, "patch_size": 32},
                        "text_cfg": {
                          "context_length": 77, "vocab_size": 515, "width": 512, "heads": 8, "layers": 12
                        }
                      },
                      "preprocess_cfg": {
                        "mean": [0.48145466, 0.4578275, 0.40821073],
                        "std": [0.26862954, 0.26130258, 0.27577711],
                        "interpolation": "bicubic",
                        "resize_mode": "shortest"
                      }
                    }
                    """,
                ]
            case .transformers:
                return [
                    "merges.txt": merges, "model.safetensors": "",
                    "config.json": """
                    {
                      "model_type": "clip",
                      "projection_dim": 512,
                      "text_config": {
                        "hidden_act": "quick_gelu", "max_position_embeddings": 77, "vocab_size": 515, "eos_token_id": 2
                      },
                      "vision_config": {
                        "hidden_act": "quick_gelu",
                        "image_size": 224
                      }
                    }
                    """,
                    "preprocessor_config.json": """
                    {
                      "size": 224, "crop_size": 224, "resample": 3,
                      "image_mean": [0.48145466, 0.4578275, 0.40821073],
                      "image_std": [0.26862954, 0.26130258, 0.27577711]
                    }
                    """,
                ]
            }
        }
    }

    /// The error of opening the directory where one text of its files is changed.
    private func message(
        _ layout: Layout, replacing old: String = "", with new: String = "", in folder: String? = nil,
        checksPublished: Bool = true
    ) throws -> String {
        let folder = try folder ?? temporaryFolder() + "/hub/\(layout.rawValue)/snapshots/1a2b3c"
        try FileSystem.makeDirectory(folder)
        var wasChanged = old.isEmpty
        for (name, text) in layout.files {
            let isHere = !old.isEmpty && text.contains(old)
            wasChanged = wasChanged || isHere
            try AtomicFile.write(isHere ? text.replacing(old, with: new) : text, to: folder + "/" + name)
        }
        #expect(wasChanged, "'\(old)' is in no file")
        do {
            _ = try ModelDirectory(
                path: folder, plugins: plugins, options: .init(checksPublished: checksPublished))
            return ""
        } catch {
            return "\(error)"
        }
    }

    @Test("a description that says what is published is accepted", arguments: Layout.allCases)
    func agrees(layout: Layout) throws {
        let text = try message(layout)
        #expect(text.contains("model.safetensors") && !text.contains("published"), "\(text)")
    }

    @Test(
        "a contradiction is refused with file, line, both values and the way to override it",
        arguments: [
            (
                Layout.openCLIP, "\"quick_gelu\": true,", "", "open_clip_config.json:",
                "activation is gelu, and quick_gelu"
            ),
            (.openCLIP, "0.48145466", "0.5", "open_clip_config.json:11:", "mean is [0.5, "),
            (.openCLIP, "0.26862954", "1.0", "open_clip_config.json:12:", "std is [1.0, "),
            (.openCLIP, "bicubic", "bilinear", "open_clip_config.json:13:", "interpolation is bilinear, and bicubic"),
            (.openCLIP, "shortest", "squash", "open_clip_config.json:14:", "resizeMode is squash, and shortest"),
            (
                .openCLIP, "\"image_size\": 224", "\"image_size\": 256", "open_clip_config.json:5:",
                "imageSize is 256, and 224"
            ),
            (
                .openCLIP, "\"embed_dim\": 512", "\"embed_dim\": 640", "open_clip_config.json:3:",
                "embedding is 640, and 512"
            ),
            (
                .openCLIP, "\"context_length\": 77", "\"context_length\": 64", "open_clip_config.json:7:",
                "contextLength is 64, and 77"
            ),
            (
                .transformers, "\"hidden_act\": \"quick_gelu\",\n", "\"hidden_act\": \"gelu\",\n", "config.json:8:",
                "activation is gelu, and quick_gelu"
            ),
            (
                .transformers, "\"quick_gelu\", \"max", "\"gelu\", \"max", "config.json:5:",
                "activation is gelu, and quick_gelu"
            ),
            (
                .transformers, "\"resample\": 3", "\"resample\": 2", "preprocessor_config.json:",
                "interpolation is bilinear"
            ),
            (.transformers, "0.4578275", "0.4", "preprocessor_config.json:3:", "mean is [0.48"),
            (
                .transformers, "\"size\": 224,", "\"size\": 256,", "preprocessor_config.json:2:",
                "imageSize is 256, and 224"
            ),
            (
                .transformers, "\"size\": 224,", "\"size\": {\"height\": 224, \"width\": 224},",
                "preprocessor_config.json:", "resizeMode is squash"
            ),
        ])
    func contradicts(layout: Layout, old: String, new: String, place: String, what: String) throws {
        let text = try message(layout, replacing: old, with: new)
        #expect(text.contains(place) && text.contains(what), "\(text)")
        #expect(text.contains("'ViT-B-32:openai'") && text.contains("--trust-model"), "\(text)")
        let trusted = try message(layout, replacing: old, with: new, checksPublished: false)
        #expect(trusted != "" && !trusted.contains("published"), "\(trusted)")
    }

    @Test("what a mirror is known to state otherwise is not compared there; the kind of tokenizer is")
    func mirror() throws {
        let folder = try temporaryFolder() + "/hub/models--google--siglip-base-patch16-224/snapshots/1a2b3c"
        // Its transformers' layout has another GELU than open_clip's; this directory's is a third one.
        let text = try message(.transformers, in: folder)
        #expect(text.contains("config.json:5:") && text.contains("contextLength is 77, and 64"), "\(text)")
        let tokens = "\"max_position_embeddings\": "
        let tokenizer = try message(.transformers, replacing: tokens + "77", with: tokens + "64", in: folder)
        #expect(tokenizer.contains("config.json:1:"), "\(tokenizer)")
        #expect(tokenizer.contains("tokenizer is bpe, and sentencepiece"), "\(tokenizer)")
    }

    @Test("what decides no number is not compared: a mean with fewer digits")
    func rounding() throws {
        let text = try message(.openCLIP, replacing: "0.48145466", with: "0.481455")
        #expect(!text.contains("published"), "\(text)")
    }

    @Test("a directory of one's own may say what it likes, unless it names the repository or is asked for by name")
    func otherDirectories() throws {
        let base = try temporaryFolder()
        let own = try message(.openCLIP, replacing: "bicubic", with: "bilinear", in: base + "/mine")
        #expect(!own.contains("published"), "\(own)")
        let stated = try message(
            .transformers, replacing: "\"projection_dim\": 512,",
            with: "\"_name_or_path\": \"openai/clip-vit-base-patch32\", \"projection_dim\": 640,", in: base + "/stated")
        #expect(stated.contains("embedding is 640, and 512"), "\(stated)")

        _ = try message(.openCLIP, replacing: "bicubic", with: "bilinear", in: base + "/models/ViT-B-32:openai")
        var store = ModelStore(environment: ["CLIP_MODEL_PATH": base + "/models"])
        let named = #expect(throws: YAMLError.self) { try store.open("ViT-B-32/openai", plugins: plugins) }
        #expect(named?.description.contains("interpolation is bilinear") == true)
        store.checksPublished = false
        #expect(throws: CheckpointError.self) { try store.open("ViT-B-32/openai", plugins: plugins) }
    }
}
