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

/// Bare files of weights: OpenAI's, with the vectors that open_clip gives for them (Tests/Fixtures/OpenAI/make.py), and
/// others, with a description.
@Suite struct OpenAIFileTests {
    private let plugins: PluginRegistry
    private static let fixtures = fixture("")
    private static let vit = fixtures + "OpenAI/vit/ViT-tiny.pt"
    private static let resnet = fixtures + "OpenAI/resnet/RN-tiny.safetensors"
    private static let published = fixtures + "Published/open-clip-vit"

    init() throws {
        plugins = try PluginRegistry([
            BPEPlugin(), ViTPlugin(), ResNetPlugin(), TransformerPlugin(), InfoNCEPlugin(), CPUPlugin(),
            ReferencePlugin(),
        ])
    }

    private func open(_ path: String, config: String? = nil, merges: String? = nil) throws -> ModelDirectory {
        try ModelDirectory.open(path: path, plugins: plugins, options: .init(config: config, merges: merges))
    }

    private func embedder(_ model: ModelDirectory, _ backend: String = "reference") throws -> Embedder {
        Embedder(
            model: model.model, backend: try plugins.backend(backend), parameters: { try model.parameters(for: $0) })
    }

    private func distance(_ a: [Float], _ b: [Float]) -> Float {
        a.count == b.count ? zip(a, b).reduce(0) { max($0, abs($1.0 - $1.1)) } : .infinity
    }

    @Test(
        "OpenAI's files give the reference's vectors and ids, with no description beside them",
        arguments: [vit, resnet], ["reference", "cpu"])
    func vectors(path: String, backend: String) throws {
        let model = try open(path)
        let expected = try Safetensors(path: FileSystem.folder(of: path) + "/expected.safetensors")
        let texts = try YAMLNode.load(FileSystem.folder(of: path) + "/texts.json").array { try $0.string() }
            .map { try model.tokenizer.tokenize($0, contextLength: model.model.text.contextLength) }
        let ids = try expected.tensor("ids").doubles.map(Int32.init)
        for (row, text) in texts.enumerated() {
            #expect(Array(ids[(row * 12)...].prefix(text.ids.count)) == text.ids)
        }
        let embedder = try embedder(model, backend)
        let images = try embedder.embed(images: expected.tensor("pixels").floats, count: 2, normalize: false).floats
        let words = try embedder.embed(texts: texts, padToken: model.tokenizer.padToken, normalize: false).floats
        #expect(try distance(images, expected.tensor("images").floats) < 1e-5)
        #expect(try distance(words, expected.tensor("texts").floats) < 1e-5)
    }

    @Test("their architecture and preprocessing follow from the weights")
    func architecture() throws {
        let (vit, resnet) = (try open(Self.vit), try open(Self.resnet))
        #expect(vit.config.name == "ViT-tiny" && resnet.config.name == "RN-tiny")
        #expect(vit.config.image?.name == "vit" && resnet.config.image?.name == "resnet")
        #expect(
            try vit.transform.canonicalText.hasPrefix(
                "resize=16 mode=shortest interpolation=bicubic crop=center size=16"))
        #expect(try vit.transform.mean == [0.48145466, 0.4578275, 0.40821073])
        #expect(
            try plugins.canonicalSettings(.imageEncoder, #require(vit.config.image))
                == "{\"activation\":\"quick_gelu\",\"heads\":1,\"imageSize\":16,\"layers\":1,\"mlpRatio\":4.0,"
                + "\"patchSize\":8,\"width\":64}")
        #expect(
            try plugins.canonicalSettings(.textEncoder, #require(resnet.config.text))
                == "{\"activation\":\"quick_gelu\",\"contextLength\":12,\"heads\":1,\"layers\":1,\"mlpRatio\":4.0,"
                + "\"vocabularySize\":522,\"width\":64}")
    }

    @Test("merges are looked for beside the file, and else where the caller says; an error tells where to get them")
    func merges() throws {
        let folder = try temporaryFolder()
        try FileSystem.copy(Self.vit, to: folder + "/model.pt")
        let text = failure { _ = try open(folder + "/model.pt") }
        #expect(text.contains("openai/CLIP") && text.contains("CLIP_BPE_MERGES"), "\(text)")
        let merges = FileSystem.folder(of: Self.vit) + "/bpe_simple_vocab_16e6.txt.gz"
        #expect(try open(folder + "/model.pt", merges: merges).space == open(Self.vit).space)
        // A relative path is as seen from here, whatever the folders of the description and the weights
        var here = [CChar](repeating: 0, count: 4096)
        let depth = String(cString: try #require(getcwd(&here, here.count))).split(separator: "/").count
        let relative = String(repeating: "../", count: depth) + merges.dropFirst()
        #expect(try open(folder + "/model.pt", merges: relative).space == open(Self.vit).space)
    }

    @Test("other weights are refused without a description, and open with one in any layout")
    func described() throws {
        let folder = try temporaryFolder()
        let bare = folder + "/weights.safetensors"
        try FileSystem.copy(Self.published + "/open_clip_model.safetensors", to: bare)
        try FileSystem.copy(
            Self.published + "/bpe_simple_vocab_16e6.txt.gz", to: folder + "/bpe_simple_vocab_16e6.txt.gz")
        let text = failure { _ = try open(bare) }
        #expect(text.hasPrefix(bare + ": ") && text.contains("--config"), "\(text)")

        let whole = try open(Self.published)
        let document = Self.published + "/open_clip_config.json"
        #expect(try open(bare, config: document).space == whole.space)
        // One of open_clip's model_configs: what is under model_cfg, and preprocessing that is not written
        let config = try #require(try YAMLNode.load(document)[path: "model_cfg"])
        try AtomicFile.write(config.jsonText(), to: folder + "/ViT-tiny.json")
        let model = try open(bare, config: folder + "/ViT-tiny.json")
        #expect(model.space != whole.space)
        #expect(try model.parameters(for: model.model.imageGraph(batch: 1)).count > 20)
        #expect(try model.transform.mean == [0.48145466, 0.4578275, 0.40821073])
        let transformers = Self.fixtures + "Published/transformers"
        try FileSystem.copy(transformers + "/model.safetensors", to: folder + "/other.bin")
        #expect(
            try open(folder + "/other.bin", config: transformers + "/config.json").space == open(transformers).space)
        #expect(failure { _ = try open(Self.published, config: document) }.contains("has its own description"))
        #expect(failure { _ = try open(bare, config: folder + "/none.json") }.contains("none.json"))
    }

    @Test(
        "OpenAI's names with shapes that make no model are refused, with the tensor",
        arguments: [
            ("visual.conv1.weight", [64, 3, 8], "visual.conv1.weight"),
            ("ln_final.weight", [64, 1], "ln_final.weight"),
            ("text_projection", [64], "text_projection"), ("visual.positional_embedding", [9], "axes are expected"),
            ("token_embedding.weight", [], "axes are expected"),
        ])
    func misshapen(name: String, shape: [Int], message: String) throws {
        let archive = try TorchArchive(path: Self.vit)
        var tensors: [String: TensorData] = [:]
        for entry in archive.entries { tensors[entry.name] = try archive.tensor(entry.name) }
        tensors[name] = TensorData(TensorType(.float16, Shape(shape))) { _ in }
        let path = try temporaryFolder() + "/wrong.safetensors"
        try Safetensors.write(to: path, tensors)
        let text = failure { _ = try open(path) }
        #expect(text.hasPrefix(path + ": ") && text.contains(message), "\(text)")
        tensors[name] = nil
        try Safetensors.write(to: path, tensors)
        #expect(failure { _ = try open(path) }.contains("'\(name)'"))
    }

    // MARK: - Pictures of another size

    @Test("with another image size a ViT gives the vectors of open_clip's force_image_size", arguments: [8, 24, 40])
    func imageSize(size: Int) throws {
        let model = try ModelDirectory.open(path: Self.published, plugins: plugins, options: .init(imageSize: size))
        #expect(try model.model.image.imageSize == size && model.transform.squareSize == size)
        let expected = try Safetensors(path: Self.fixtures + "Positions/vectors.safetensors")
        let vector = try embedder(model).embed(
            images: expected.tensor("pixels-\(size)").floats, count: 1, normalize: false)
        #expect(try distance(vector.floats, expected.tensor("images-\(size)").floats) < 1e-5)
        #expect(try model.space != open(Self.published).space)
    }

    @Test("the size that a model has changes nothing; one that cannot be is refused")
    func imageSizes() throws {
        func open(_ path: String, _ size: Int) throws -> ModelDirectory {
            try ModelDirectory.open(path: path, plugins: plugins, options: .init(imageSize: size))
        }
        #expect(try open(Self.published, 16).space == self.open(Self.published).space)
        #expect(failure { _ = try open(Self.published, 7) }.contains("patch"))
        #expect(failure { _ = try open(Self.published, 0) }.contains("up to 8192"))
        #expect(failure { _ = try open(Self.resnet, 64) }.contains("attnpool.positional_embedding"))
        // transformers' directories say how pictures are cut, too
        let other = try open(Self.fixtures + "Published/transformers", 32)
        #expect(try other.transform.canonicalText.contains("resize=32") && other.transform.squareSize == 32)
    }
}
