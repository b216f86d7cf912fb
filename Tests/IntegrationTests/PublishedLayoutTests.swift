import AtomicFiles
import BPETokenizer
import CPUBackend
import Checkpoints
import Imaging
import InfoNCELoss
import ModelGraph
import Multimodal
import ReferenceBackend
import ResNetEncoder
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

/// Directories that transformers and open_clip wrote (Tests/Fixtures/Published/make.py), with the vectors they give.
@Suite struct PublishedLayoutTests {
    static let names = ["transformers", "open-clip-vit", "open-clip-custom-text", "open-clip-resnet"]

    private let plugins: PluginRegistry

    init() throws {
        plugins = try PluginRegistry([
            BPEPlugin(), ViTPlugin(), ResNetPlugin(), TransformerPlugin(), InfoNCEPlugin(), CPUPlugin(),
            ReferencePlugin(),
        ])
    }

    private static func fixture(_ name: String) -> String {
        let parts = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(2)
        return parts.joined(separator: "/") + "/Fixtures/Published/" + name
    }

    private struct Vectors {
        var images: [Float]
        var texts: [Float]
    }

    /// What the model gives for the pixels in `expected.safetensors` and for the texts beside it.
    private func vectors(_ folder: String, backend: String) throws -> Vectors {
        let model = try ModelDirectory.open(path: folder, plugins: plugins)
        let expected = try Safetensors(path: folder + "/expected.safetensors")
        let embedder = Embedder(
            model: model.model, backend: try plugins.backend(backend), parameters: { try model.parameters(for: $0) })
        let texts = try YAMLNode.load(folder + "/texts.json").array { try $0.string() }
            .map { model.tokenizer.tokenize($0, contextLength: model.model.text.contextLength) }
        return Vectors(
            images: try embedder.embed(images: expected.tensor("pixels").floats, count: 2, normalize: false).floats,
            texts: try embedder.embed(texts: texts, padToken: model.tokenizer.padToken, normalize: false).floats)
    }

    private func distance(_ a: [Float], _ b: [Float]) -> Float {
        guard a.count == b.count else { return .infinity }
        return zip(a, b).map { abs($0 - $1) }.max() ?? .infinity
    }

    @Test("ids and vectors are the reference's, within 1e-4", arguments: names, ["cpu", "reference"])
    func vectors(name: String, backend: String) throws {
        let folder = Self.fixture(name)
        let expected = try Safetensors(path: folder + "/expected.safetensors")
        let model = try ModelDirectory.open(path: folder, plugins: plugins)
        let ids = try expected.tensor("ids")
        let length = model.model.text.contextLength
        for (row, text) in try YAMLNode.load(folder + "/texts.json").array({ try $0.string() }).enumerated() {
            var own = model.tokenizer.tokenize(text, contextLength: length).ids
            own += Array(repeating: model.tokenizer.padToken, count: length - own.count)
            #expect(own.map(Float.init) == Array(ids.floats[row * length..<(row + 1) * length]))
        }
        let own = try vectors(folder, backend: backend)
        let images = distance(own.images, try expected.tensor("images").floats)
        let texts = distance(own.texts, try expected.tensor("texts").floats)
        #expect(images < 1e-4 && texts < 1e-4, "images \(images), texts \(texts)")
    }

    @Test("preprocessing follows the layout")
    func preprocessing() throws {
        let hugging = try ModelDirectory.open(path: Self.fixture("transformers"), plugins: plugins).transform
        #expect(hugging.convert == .first && hugging.cropRounding == .down && hugging.resizeMode == .shortest)
        #expect(hugging.resize == 16 && hugging.interpolation == .bicubic)
        let open = try ModelDirectory.open(path: Self.fixture("open-clip-vit"), plugins: plugins).transform
        #expect(open.convert == .last && open.cropRounding == .halfEven && open.resizeMode == .squash)
        #expect(open.interpolation == .bilinear && open.mean == [0.5, 0.5, 0.5] && open.std == [0.5, 0.5, 0.5])
    }

    /// A copy of a fixture with `old` replaced in one of its files.
    private func changed(_ name: String, _ file: String, _ old: String, _ new: String) throws -> String {
        var template = Array("/tmp/clip-tests-XXXXXX".utf8CString)
        let folder = String(cString: try #require(mkdtemp(&template)))
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
        #expect(model.config.text.config?[path: "pooling"] == nil)
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
        var template = Array("/tmp/clip-tests-XXXXXX".utf8CString)
        let folder = String(cString: try #require(mkdtemp(&template))) + "/model"
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
                try plugins.canonicalSettings(.imageEncoder, config.image),
                try plugins.canonicalSettings(.textEncoder, config.text),
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
            ("open-clip-vit", "\"patch_size\": 8", "\"timm_model_name\": \"vit\"", "timm towers are not supported"),
            ("open-clip-vit", "\"patch_size\": 8", "\"pool_type\": \"avg\"", "'avg' is not supported; tok is"),
            ("open-clip-vit", "\"patch_size\": 8", "\"ls_init_value\": 0.1", "layer scale is not supported"),
            ("open-clip-vit", "\"patch_size\": 8", "\"patchsize\": 8", "unknown key 'patchsize'"),
            ("open-clip-vit", "\"heads\": 3", "\"pool_type\": \"last\"", "'last' is not supported"),
            ("open-clip-vit", "\"heads\": 3", "\"no_causal_mask\": true", "without causal mask"),
            ("open-clip-vit", "\"heads\": 3", "\"hf_model_name\": \"xlm\"", "text towers of transformers"),
            ("open-clip-vit", "\"embed_dim\": 20", "\"embed_dim\": 20, \"init_logit_bias\": -10", "learned bias"),
            ("open-clip-vit", "\"embed_dim\": 20", "\"embed_dim\": 20, \"multimodal_cfg\": {}", "CoCa"),
            ("open-clip-vit", "\"squash\"", "\"crop\"", "'crop' is not supported"),
            ("transformers", "\"model_type\": \"clip\"", "\"model_type\": \"siglip\"", "type 'siglip'"),
            ("transformers", "\"quick_gelu\"", "\"silu\"", "activation silu"),
            ("transformers", "\"vision_config\"", "\"picture_config\"", "'vision_config' is missing"),
            ("transformers", "\"eos_token_id\": 530", "\"eos_token_id\": 500", "ends texts with id 500"),
        ])
    func refusals(name: String, old: String, new: String, message: String) throws {
        let file = name == "transformers" ? "config.json" : "open_clip_config.json"
        let text = failure(try changed(name, file, old, new))
        #expect(text.contains(message) && text.contains("/\(file):"), "\(text)")
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
