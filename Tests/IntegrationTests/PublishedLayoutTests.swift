import AtomicFiles
import BPETokenizer
import CPUBackend
import Imaging
import InfoNCELoss
import ModelGraph
import Multimodal
import ReferenceBackend
import ResNetEncoder
import SentencePieceTokenizer
import SigmoidLoss
import TestSupport
import Testing
import TransformerEncoder
import ViTEncoder
import YAML

@testable import Checkpoints

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Directories that transformers and open_clip wrote (Tests/Fixtures/Published/make.py), with the vectors they give.
@Suite struct PublishedLayoutTests {
    static let names = [
        "transformers", "transformers-text", "transformers-text-states", "transformers-vision", "siglip",
        "open-clip-vit", "open-clip-custom-text", "open-clip-resnet", "open-clip-siglip", "open-clip-timm",
        "open-clip-timm-linear",
        "open-clip-average", "open-clip-unprojected",
    ]

    private let plugins: PluginRegistry

    init() throws {
        plugins = try PluginRegistry([
            BPEPlugin(), ViTPlugin(), ResNetPlugin(), TransformerPlugin(), InfoNCEPlugin(), SigmoidPlugin(),
            CPUPlugin(), ReferencePlugin(), SentencePiecePlugin(),
        ])
    }

    private static func fixture(_ name: String) -> String {
        TestSupport.fixture("Published/" + name)
    }

    /// A model of any layout, in parts: open_clip's may name the small timm towers of `make.py`.
    private struct Parts {
        var config: ModelConfig
        var model: DualEncoder
        var keys: KeyMap
        var weights: any WeightFile

        static let towers = TimmTower.published.merging([
            "tiny_siglip": TimmTower(
                .siglip, 20, patch: 8, width: 24, layers: 1, heads: 3, mlpRatio: 2.5, activation: "gelu_tanh"),
            "tiny_clip": TimmTower(.clip, 16, patch: 8, width: 24, layers: 1, heads: 3),
        ]) { $1 }

        /// Checks, too, that every tensor is used and every parameter there.
        init(_ folder: String, _ plugins: PluginRegistry) throws {
            let layout = try ModelLayout(
                file: #require(ModelLayout.file(in: folder)), timmTowers: Self.towers)
            (config, keys) = (layout.config, layout.keys)
            model = try DualEncoder(config, plugins: plugins)
            weights = try WeightFiles.open(path: folder + "/" + config.weights)
            _ = try ModelDirectory.check(weights, model, keys)
        }

        func parameters(_ graph: Graph) throws -> [String: TensorData] {
            try ModelDirectory.parameters(for: graph, in: weights, keys)
        }
    }

    private struct Vectors {
        var images: [Float] = []
        var texts: [Float] = []
    }

    /// What the model gives for the pixels and ids in `expected.safetensors`.
    private func vectors(_ folder: String, backend: String) throws -> Vectors {
        let parts = try Parts(folder, plugins)
        let expected = try Safetensors(path: folder + "/expected.safetensors")
        let embedder = Embedder(
            model: parts.model, backend: try plugins.backend(backend), parameters: { try parts.parameters($0) })
        var vectors = Vectors()
        if parts.config.image != nil {
            let pixels = try expected.tensor("pixels").floats
            vectors.images = try embedder.embed(images: pixels, count: 2, normalize: false).floats
        }
        if parts.config.text != nil {
            let length = try parts.model.text.contextLength
            let ids = try expected.tensor("ids").floats.map { Int32($0) }
            let texts = stride(from: 0, to: ids.count, by: length)
                .map { TokenizedText(ids: Array(ids[$0..<$0 + length]), truncated: 0) }
            vectors.texts = try embedder.embed(texts: texts, padToken: 0, normalize: false).floats
        }
        return vectors
    }

    private func distance(_ a: [Float], _ b: [Float]) -> Float {
        guard a.count == b.count else { return .infinity }
        return zip(a, b).map { abs($0 - $1) }.max() ?? .infinity
    }

    @Test(
        "vectors are the reference's, within 1e-4, of all that is in the file", arguments: names, ["cpu", "reference"])
    func vectors(name: String, backend: String) throws {
        let folder = Self.fixture(name)
        let expected = try Safetensors(path: folder + "/expected.safetensors")
        let own = try vectors(folder, backend: backend)
        for (key, values) in [("images", own.images), ("texts", own.texts)] where expected[key] != nil {
            let distance = distance(values, try expected.tensor(key).floats)
            #expect(distance < 1e-4, "\(key): \(distance)")
        }
        #expect(own.images.isEmpty == (expected["images"] == nil) && own.texts.isEmpty == (expected["texts"] == nil))
    }

    @Test(
        "ids are the reference's",
        arguments: [
            "transformers", "transformers-text", "open-clip-vit", "open-clip-custom-text", "open-clip-resnet",
            "open-clip-average", "siglip", "open-clip-siglip",
        ])
    func ids(name: String) throws {
        let folder = Self.fixture(name)
        let expected = try Safetensors(path: folder + "/expected.safetensors").tensor("ids").floats
        let model = try Parts(folder, plugins).model
        let tokenizer = try ModelDirectory.tokenizer(of: model, folder: folder, plugins: plugins)
        let length = try model.text.contextLength
        for (row, text) in try YAMLNode.load(folder + "/texts.json").array({ try $0.string() }).enumerated() {
            var own = tokenizer.tokenize(text, contextLength: length).ids
            own += Array(repeating: tokenizer.padToken, count: length - own.count)
            #expect(own.map(Float.init) == Array(expected[row * length..<(row + 1) * length]))
        }
    }

    @Test("a model with one tower embeds that, and says of the other that it has none")
    func oneTower() throws {
        let text = try ModelDirectory.open(path: Self.fixture("transformers-text"), plugins: plugins)
        let image = try ModelDirectory.open(path: Self.fixture("transformers-vision"), plugins: plugins)
        #expect(try text.calibration() == nil && image.calibration() == nil)
        #expect(text.config.embedding == 20 && image.config.embedding == 20)
        func message(_ body: () throws -> Void) -> String {
            do {
                try body()
                return ""
            } catch { return "\(error)" }
        }
        let noImage = "config.json:1:1: the model 'transformers-text' has no image encoder; it embeds texts only"
        let noText = "config.json:1:1: the model 'transformers-vision' has no text encoder; it embeds pictures only"
        #expect(message { _ = try text.transform }.hasSuffix(noImage), "\(message { _ = try text.transform })")
        #expect(message { _ = try text.model.imageGraph(batch: 1) }.hasSuffix(noImage))
        #expect(message { _ = try image.tokenizer }.hasSuffix(noText))
        #expect(message { _ = try image.model.textGraph(batch: 1, length: 4) }.hasSuffix(noText))
        #expect(message { _ = try image.model.lossGraph(batch: 2, length: 4) }.contains("has no"))
        let embedder = Embedder(
            model: text.model, backend: try plugins.backend("reference"), parameters: { try text.parameters(for: $0) })
        #expect(message { _ = try embedder.embed(images: [0], count: 1) }.hasSuffix(noImage))
    }

    @Test("a tower saved alone has its tensors with and without the tower's name")
    func prefix() throws {
        let parts = try Parts(Self.fixture("transformers-text-states"), plugins)
        #expect(parts.weights["embeddings.token_embedding.weight"] != nil)
        #expect(parts.keys.optionalPrefix == "text_model.")
        #expect(parts.config.embedding == 12)
    }

    @Test("preprocessing follows the layout")
    func preprocessing() throws {
        let hugging = try ModelDirectory.open(path: Self.fixture("transformers"), plugins: plugins).transform
        #expect(hugging.convert == .first && hugging.cropRounding == .down && hugging.resizeMode == .shortest)
        #expect(hugging.resize == 16 && hugging.interpolation == .bicubic)
        // transformers 5 writes the same settings into processor_config.json.
        #expect(
            try ModelDirectory.open(path: Self.fixture("transformers-vision"), plugins: plugins).transform == hugging)
        let siglip = try ModelDirectory.open(path: Self.fixture("siglip"), plugins: plugins).transform
        #expect(siglip.crop == .none && siglip.resizeMode == .squash && siglip.resize == 20)
        #expect(siglip.interpolation == .bilinear && siglip.mean == [0.5, 0.5, 0.5] && siglip.std == [0.5, 0.5, 0.5])
        let open = try ModelDirectory.open(path: Self.fixture("open-clip-vit"), plugins: plugins).transform
        #expect(open.convert == .last && open.cropRounding == .halfEven && open.resizeMode == .squash)
        #expect(open.interpolation == .bilinear && open.mean == [0.5, 0.5, 0.5] && open.std == [0.5, 0.5, 0.5])
    }

    /// A copy of a fixture with `old` replaced in one of its files.
    private func changed(_ name: String, _ file: String, _ old: String, _ new: String) throws -> String {
        let folder = try temporaryFolder()
        for file in FileSystem.names(in: Self.fixture(name)) {
            try FileSystem.copy(Self.fixture(name) + "/" + file, to: folder + "/" + file)
        }
        let text = try MappedFile(folder + "/" + file).withBytes { String(decoding: $0, as: UTF8.self) }
        let parts = text.split(separator: old, omittingEmptySubsequences: false)
        try #require(parts.count > 1)
        try AtomicFile.write(parts.joined(separator: new), to: folder + "/" + file)
        return folder
    }

    @Test("an eos_token_id of 2 means the largest id")
    func oldEnd() throws {
        let folder = try changed("transformers", "config.json", "\"eos_token_id\": 530", "\"eos_token_id\": 2")
        let model = try ModelDirectory.open(path: folder, plugins: plugins)
        #expect(model.config.text?.config?[path: "pooling"] == nil)
        let expected = try Safetensors(path: folder + "/expected.safetensors")
        #expect(try distance(vectors(folder, backend: "cpu").texts, expected.tensor("texts").floats) < 1e-4)
    }

    @Test(
        "activation, epsilon and heads show in the vectors",
        arguments: [
            ("transformers", "\"quick_gelu\"", "\"gelu\""),
            ("transformers", "\"layer_norm_eps\": 0.001", "\"layer_norm_eps\": 1e-05"),
            ("open-clip-vit", "\"head_width\": 10", "\"head_width\": 20"),
        ])
    func sensitivity(name: String, old: String, new: String) throws {
        let file = name == "transformers" ? "config.json" : "open_clip_config.json"
        let folder = try changed(name, file, old, new)
        let expected = try Safetensors(path: folder + "/expected.safetensors")
        #expect(try distance(vectors(folder, backend: "cpu").images, expected.tensor("images").floats) > 3e-4)
    }

    @Test("a directory written as model.yaml keeps the space")
    func rewritten() throws {
        let folder = try temporaryFolder() + "/model"
        let model = try ModelDirectory.open(path: Self.fixture("transformers"), plugins: plugins)
        let parameters = try model.parameters(for: model.model.lossGraph(batch: 2, length: 16))
        try ModelDirectory.write(
            to: folder, config: model.config, parameters: parameters, dtype: .float32, tokenizerFolder: model.folder,
            plugins: plugins)
        #expect(FileSystem.isFile(folder + "/model.yaml"))
        #expect(try ModelDirectory.open(path: folder, plugins: plugins).space == model.space)
    }

    @Test("settings that came later change a space only away from their defaults")
    func laterSettings() throws {
        func settings(_ name: String) throws -> [String] {
            let config = try ModelDirectory.open(path: Self.fixture(name), plugins: plugins).config
            return [
                try plugins.canonicalSettings(.imageEncoder, #require(config.image)),
                try plugins.canonicalSettings(.textEncoder, #require(config.text)),
            ]
        }
        #expect(
            try settings("open-clip-vit") == [
                "{\"activation\":\"gelu\",\"heads\":4,\"imageSize\":16,\"layers\":2,\"mlpRatio\":2.5,\"patchSize\":8,"
                    + "\"width\":40}",
                "{\"activation\":\"gelu\",\"contextLength\":16,\"heads\":3,\"layers\":2,\"mlpRatio\":4.0,"
                    + "\"vocabularySize\":531,\"width\":24}",
            ])
        #expect(try settings("open-clip-custom-text").allSatisfy { $0.contains("\"epsilon\":0.001") })
        #expect(try settings("transformers")[1].contains("\"endToken\":530"))
        #expect(try settings("transformers")[1].contains("\"pooling\":\"eos\""))
    }

    @Test(
        "what is not supported is refused with its place",
        arguments: [
            ("open-clip-vit", "\"patch_size\": 8", "\"timm_model_name\": \"vit\"", "timm tower vit is not"),
            ("open-clip-vit", "\"patch_size\": 8", "\"pool_type\": \"none\"", "'none' is not supported; tok"),
            ("open-clip-vit", "\"patch_size\": 8", "\"attentional_pool\": true", "attentional pool"),
            ("open-clip-vit", "\"patch_size\": 8", "\"patchsize\": 8", "unknown key 'patchsize'"),
            ("open-clip-vit", "\"heads\": 3", "\"pool_type\": \"none\"", "'none' is not supported"),
            ("open-clip-vit", "\"heads\": 3", "\"embed_cls\": true", "learned class token"),
            ("open-clip-vit", "\"heads\": 3", "\"hf_model_name\": \"xlm\"", "text towers of transformers"),
            ("open-clip-vit", "\"embed_dim\": 20", "\"embed_dim\": 20, \"multimodal_cfg\": {}", "CoCa"),
            ("open-clip-vit", "\"squash\"", "\"crop\"", "'crop' is not supported"),
            ("open-clip-vit", "\"patch_size\": 8", "\"pos_embed_type\": \"rope\"", "'rope' is not supported"),
            ("open-clip-vit", "\"patch_size\": 8", "\"block_type\": \"custom\"", "'custom' is not supported"),
            ("open-clip-vit", "\"patch_size\": 8", "\"qk_norm\": true", "such blocks"),
            ("open-clip-vit", "\"patch_size\": 8", "\"ls_init_value\": 0", "starts above 0"),
            ("open-clip-vit", "\"heads\": 3", "\"scale_fc\": true", "such blocks"),
            ("open-clip-vit", "\"heads\": 3", "\"proj_type\": \"mlp\"", "'mlp' is not supported"),
            ("open-clip-vit", "\"heads\": 3", "\"tokenizer_mode\": \"clips\"", "this is not supported"),
            ("open-clip-vit", "\"heads\": 3", "\"hf_tokenizer_name\": \"roberta\"", "as SigLIP has them"),
            ("open-clip-vit", "\"heads\": 3", "\"pad_token\": 3", "unknown key 'pad_token'"),
            ("open-clip-vit", "\"model_cfg\"", "\"postprocess_cfg\": {}, \"model_cfg\"", "'postprocess_cfg' is no key"),
            ("open-clip-resnet", "\"width\": 4", "\"width\": 4, \"depth\": 4", "unknown key 'depth'"),
            ("open-clip-siglip", "\"map\"", "\"avg\"", "this pool of vit_base_patch32_siglip_256"),
            ("open-clip-siglip", "\"none\"", "\"mlp\"", "'mlp' is not supported"),
            ("open-clip-siglip", "\"image_size\": 20", "\"image_size\": 224", "takes pictures of 256 pixels"),
            ("siglip", "\"vision_use_head\": true", "\"vision_use_head\": false", "without its head"),
            ("siglip", "\"SiglipModel\"", "\"SiglipForImageClassification\"", "SiglipForImageClassification of type"),
            ("transformers", "\"model_type\": \"clip\"", "\"model_type\": \"blip\"", "type 'blip'"),
            ("transformers", "\"quick_gelu\"", "\"silu\"", "activation silu"),
            ("transformers", "\"vision_config\"", "\"picture_config\"", "'picture_config' is no key"),
            ("transformers", "\"eos_token_id\": 530", "\"eos_token_id\": 500", "ends texts with id 500"),
        ])
    func refusals(name: String, old: String, new: String, message: String) throws {
        let file = name.hasPrefix("open") ? "open_clip_config.json" : "config.json"
        let folder = try changed(name, file, old, new)
        if name == "open-clip-siglip" {  // a tower that is known, of its size unless that is what is changed
            let text = try MappedFile(folder + "/" + file).withBytes { String(decoding: $0, as: UTF8.self) }
            try AtomicFile.write(
                text.replacing("tiny_siglip", with: "vit_base_patch32_siglip_256")
                    .replacing("\"image_size\": 20", with: "\"image_size\": 256"), to: folder + "/" + file)
        }
        let text = failure(folder)
        #expect(text.contains(message) && text.contains("/\(file):"), "\(text)")
    }

    @Test("a learned bias of the logits is needed where it is described")
    func bias() throws {
        let folder = try changed(
            "open-clip-vit", "open_clip_config.json", "\"embed_dim\": 20",
            "\"embed_dim\": 20, \"init_logit_bias\": -10")
        #expect(failure(folder).contains("'logit_bias': is missing"), "\(failure(folder))")
    }

    @Test("SigLIP's texts are filled with their end, SigLIP2's with what Gemma's tokenizer has for that")
    func padding() throws {
        func tokenizer(_ folder: String, _ cleaning: String) throws -> any Tokenizer {
            let file = try #require(ModelLayout.file(in: folder))
            let choice = try #require(try ModelLayout(file: file, timmTowers: Parts.towers).config.tokenizer)
            #expect(try choice.config?[path: "cleaning"]?.text() == cleaning)
            return try plugins.tokenizer(choice, folder: folder)
        }
        let first = try tokenizer(Self.fixture("siglip"), "transformers")
        #expect(first.padToken == 1 && first.endToken == 1)
        let second = try tokenizer(
            changed(
                "siglip", "tokenizer_config.json", "\"SiglipTokenizer\"", "\"GemmaTokenizer\", \"pad_token\": \"<pad>\""
            ),
            "lower")
        #expect(second.padToken == 0 && second.endToken == 1)
        let open = try tokenizer(Self.fixture("open-clip-siglip"), "open_clip")
        #expect(open.padToken == 1 && open.endToken == 1)
    }

    @Test("weights of another shape are refused with file, tensor and both shapes")
    func shapes() throws {
        let text = failure(
            try changed(
                "transformers", "config.json", "\"projection_dim\": 20,\n  \"text", "\"projection_dim\": 21,\n  \"text")
        )
        #expect(text.contains("model.safetensors") && text.contains("projection"), "\(text)")
        #expect(text.contains("has shape [20, ") && text.contains("needs [21, "), "\(text)")
        let folder = try changed("open-clip-vit", "open_clip_config.json", "\"layers\": 2", "\"layers\": 1")
        #expect(failure(folder).contains("resblocks.1.") && failure(folder).contains("is not part of the model"))
    }

    @Test(
        "files that are missing are named with what to do",
        arguments: [
            ("open-clip-vit", "bpe_simple_vocab_16e6.txt.gz", "copy it from there"),
            ("open-clip-vit", "open_clip_model.safetensors", "has no open_clip_model.safetensors"),
            ("transformers", "merges.txt", "has no merges.txt"),
            ("transformers", "preprocessor_config.json", "has no preprocessor_config.json"),
        ])
    func missing(name: String, file: String, message: String) throws {
        let folder = try changed(name, "texts.json", "cat", "cat")
        #expect(unlink(folder + "/" + file) == 0)
        #expect(failure(folder).contains(message), "\(failure(folder))")
    }

    private func failure(_ folder: String) -> String {
        do {
            _ = try ModelDirectory.open(path: folder, plugins: plugins)
            return ""
        } catch { return "\(error)" }
    }
}
