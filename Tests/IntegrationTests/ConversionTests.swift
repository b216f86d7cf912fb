import AtomicFiles
import BPETokenizer
import CLIPKit
import CPUBackend
import InfoNCELoss
import ModelGraph
import Multimodal
import ReferenceBackend
import ResNetEncoder
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

/// Models that transformers and open_clip wrote, written again by `convert`. What those programs give for the result is
/// checked by Tests/Fixtures/Published/converted.py.
@Suite struct ConversionTests {
    private let plugins: PluginRegistry
    private let folder: String

    init() throws {
        plugins = try PluginRegistry([
            BPEPlugin(), ViTPlugin(), ResNetPlugin(), TransformerPlugin(), InfoNCEPlugin(), SigmoidPlugin(),
            CPUPlugin(),
            ReferencePlugin(),
        ])
        folder = try temporaryFolder()
    }

    private static func fixture(_ name: String) -> String {
        TestSupport.fixture("Published/" + name)
    }

    private func open(_ path: String) throws -> ModelDirectory { try ModelDirectory.open(path: path, plugins: plugins) }

    private func convert(
        _ model: ModelDirectory, to name: String, _ layout: ModelLayoutName, dtype: DType? = nil
    ) throws -> ModelDirectory {
        _ = try model.convert(
            to: folder + "/" + name, layout: layout, dtype: dtype, plugins: plugins, backend: "cpu", threads: 1)
        return try open(folder + "/" + name)
    }

    private struct Vectors: Equatable {
        var images: [Float]
        var texts: [Float]
        var ids: [[Int32]]
    }

    /// What a model gives for the pixels and texts of a fixture.
    private func vectors(_ model: ModelDirectory, inputs: String) throws -> Vectors {
        let pixels = try Safetensors(path: inputs + "/expected.safetensors").tensor("pixels").floats
        let texts = try YAMLNode.load(inputs + "/texts.json").array { try $0.string() }
            .map { try model.tokenizer.tokenize($0, contextLength: model.model.text.contextLength) }
        let embedder = Embedder(
            model: model.model, backend: try plugins.backend("cpu"), parameters: { try model.parameters(for: $0) })
        return Vectors(
            images: try embedder.embed(images: pixels, count: 2).floats,
            texts: try embedder.embed(texts: texts, padToken: 0).floats, ids: texts.map(\.ids))
    }

    @Test(
        "through one layout after the other, ids and vectors stay the same bit for bit in float32",
        arguments: ["transformers", "open-clip-vit", "open-clip-custom-text", "open-clip-resnet"])
    func roundTrips(name: String) throws {
        let source = try open(Self.fixture(name))
        let before = try vectors(source, inputs: Self.fixture(name))
        let layouts: [ModelLayoutName] =
            name == "open-clip-resnet" ? [.openCLIP, .clip] : [.openCLIP, .hf, .clip, .hf]
        var model = source
        for (step, layout) in layouts.enumerated() {
            model = try convert(model, to: "\(step)", layout, dtype: .float32)
            #expect(try vectors(model, inputs: Self.fixture(name)) == before, "\(layout)")
            let verified = try ModelVerification(of: model, backends: ["cpu"], plugins: plugins, threads: 1)
            #expect(verified.changedFiles.isEmpty && verified.changedTexts.isEmpty)
            #expect(verified.runs.map(\.precision) == [.float32, .bfloat16])
            guard case .drift(let drift) = verified.runs[0].result else { return #expect(Bool(false), "no drift") }
            #expect(drift.largestDifference < 1e-6)
        }
        // Its own layout and type keep the space.
        #expect(try convert(source, to: "same", .clip).space == source.space)
    }

    @Test(
        "the inverse of a layout's key map gives the tensors of its own file",
        arguments: ["transformers", "siglip", "open-clip-custom-text", "open-clip-siglip", "open-clip-timm"])
    func inverse(name: String) throws {
        let towers = [
            "tiny_siglip": TimmTower(
                .siglip, 20, patch: 8, width: 24, layers: 1, heads: 3, mlpRatio: 2.5, activation: "gelu_tanh"),
            "tiny_clip": TimmTower(.clip, 16, patch: 8, width: 24, layers: 1, heads: 3),
        ]
        let layout = try ModelLayout(
            file: #require(ModelLayout.file(in: Self.fixture(name))), timmTowers: towers)
        let weights = try WeightFiles.open(path: Self.fixture(name) + "/" + layout.config.weights)
        var seen = 0
        for (parameter, type) in try DualEncoder(layout.config, plugins: plugins).completeGraph().parameterSignature {
            let whole = try layout.keys.values(parameter.name, type.shape, in: weights)
            for cut in layout.keys.cuts(parameter.name, type.shape) {
                let (own, theirs) = (cut.values(of: whole), try weights.tensor(cut.tensor))
                #expect(own.floats == theirs.floats && own.shape == cut.shape, "\(cut.tensor)")
                seen += 1
            }
        }
        #expect(seen > 30)
    }

    @Test(
        "a model of one encoder is converted and verified as one",
        arguments: ["transformers-text", "transformers-vision"])
    func oneEncoder(name: String) throws {
        let source = try open(Self.fixture(name))
        let model = try convert(source, to: "one", .clip)
        #expect(model.space == source.space)
        let verified = try ModelVerification(of: model, backends: ["cpu"], plugins: plugins, threads: 1)
        #expect(verified.isGood && verified.golden.texts.isEmpty == (name == "transformers-vision"))
        #expect(verified.golden.pictures.isEmpty == (name == "transformers-text"))
        let message = failure { _ = try convert(source, to: "refused", .hf) }
        #expect(message.contains("models with both encoders"), "\(message)")
    }

    @Test("model.yaml states what the other layouts leave to defaults")
    func explicit() throws {
        let model = try convert(open(Self.fixture("open-clip-vit")), to: "explicit", .clip)
        let text = try MappedFile(model.folder + "/model.yaml").withBytes { String(decoding: $0, as: UTF8.self) }
        for key in [
            "activation: gelu", "epsilon: ", "cropRounding: half-even", "contextLength: 16", "cleaning: openai",
            "alpha: drop",
        ] {
            #expect(text.contains(key), "\(key)")
        }
    }

    @Test("what becomes of transparency follows the layout's programs, and is told where that changes")
    func transparency() throws {
        for (name, alpha) in [("transformers", ImageTransform.Alpha.white), ("open-clip-vit", .drop)] {
            #expect(try open(Self.fixture(name)).transform.alpha == alpha)
        }
        for (name, layout, words) in [
            ("transformers", ModelLayoutName.openCLIP, "alpha is dropped"), ("open-clip-vit", .hf, "laid on white"),
            ("transformers", .clip, nil),
        ] {
            let place = folder + "/\(name)-\(layout.rawValue)"
            let done = try open(Self.fixture(name)).convert(
                to: place, layout: layout, plugins: plugins, backend: "cpu")
            let told = done.notes.joined().contains("alpha") || done.notes.joined().contains("white")
            #expect(told == (words != nil), "\(done.notes)")
            if let words { #expect(done.notes.contains { $0.contains(words) }, "\(done.notes)") }
            let golden = try MappedFile(place + "/golden/vectors.json").withBytes {
                String(decoding: $0, as: UTF8.self)
            }
            #expect(golden.contains("\"orientation\":\"upright\""))
        }
    }

    @Test("--dtype changes matrices and keeps the scale, and the drift is told", arguments: [DType.float16, .bfloat16])
    func types(dtype: DType) throws {
        let source = try open(Self.fixture("transformers"))
        for layout in ModelLayoutName.allCases {
            let done = try source.convert(
                to: folder + "/" + layout.rawValue, layout: layout, dtype: dtype, plugins: plugins, backend: "cpu")
            #expect(done.drift.smallestCosine > 0.999 && done.drift.largestDifference > 1e-5)
            let weights = try open(folder + "/" + layout.rawValue).weights
            #expect(weights["logit_scale"]?.type.dtype == .float32)
            #expect(weights.entries.filter { $0.type.shape.count > 1 }.allSatisfy { $0.type.dtype == dtype })
        }
    }

    @Test("a value beyond float16 is refused by name")
    func overflow() throws {
        let source = try convert(open(Self.fixture("transformers")), to: "large", .clip)
        var parameters = try source.parameters(for: source.model.lossGraph(batch: 2, length: 16))
        let norm = try #require(parameters["ln_final.weight"])
        parameters["ln_final.weight"] = TensorData(norm.type, doubles: norm.doubles.map { _ in 1e6 })
        try ModelDirectory.write(
            to: folder + "/beyond", config: source.config, parameters: parameters, dtype: .float32,
            tokenizerFolder: source.folder, plugins: plugins)
        let message = failure { _ = try convert(open(folder + "/beyond"), to: "half", .clip, dtype: .float16) }
        #expect(message.contains("'ln_final.weight'") && message.contains("bfloat16"), "\(message)")
        #expect(FileSystem.names(in: folder) == ["beyond", "large"])
    }

    /// A model.yaml of the fixture `open-clip-vit` with `old` replaced.
    private func changed(_ old: String, _ new: String) throws -> ModelDirectory {
        let model = try convert(open(Self.fixture("open-clip-vit")), to: "changed", .clip)
        let file = model.folder + "/model.yaml"
        let text = try MappedFile(file).withBytes { String(decoding: $0, as: UTF8.self) }
        let parts = text.split(separator: old, maxSplits: 1, omittingEmptySubsequences: false)
        try #require(parts.count == 2, "\(text)")
        try AtomicFile.write(parts.joined(separator: new), to: file)
        return try open(model.folder)
    }

    @Test(
        "what a layout cannot express is refused with the reason",
        arguments: [
            ("activation: gelu", "activation: quick_gelu", ModelLayoutName.openCLIP, "quick_gelu for both towers"),
            ("resize: 16\n  resizeMode: squash", "resize: 20\n  resizeMode: shortest", .openCLIP, "this model to 20"),
            ("resizeMode: squash", "resizeMode: longest", .hf, "resize the longer side"),
            ("cleaning: openai", "cleaning: canonicalize", .hf, "clean texts as 'canonicalize'"),
            ("cleaning: openai", "cleaning: none", .openCLIP, "leave texts as they are"),
        ])
    func refusals(old: String, new: String, layout: ModelLayoutName, reason: String) throws {
        let model = try changed(old, new)
        let message = failure { _ = try convert(model, to: "refused", layout) }
        #expect(message.contains(reason) && message.contains("layout \(layout.rawValue)"), "\(message)")
        #expect(FileSystem.names(in: folder) == ["changed"])
    }

    @Test("encoders that a layout lacks are refused")
    func encoders() throws {
        let message = failure { _ = try convert(open(Self.fixture("open-clip-resnet")), to: "refused", .hf) }
        #expect(message.contains("no image encoder 'resnet'") && message.contains("--layout clip can"), "\(message)")
    }

    @Test("a directory that is there is not touched unless it was made the same way, or asked; then other files stay")
    func replacing() throws {
        let source = try open(Self.fixture("transformers"))
        func convert(_ name: String, layout: ModelLayoutName = .hf, replacing: Bool = false) -> String {
            failure {
                _ = try source.convert(
                    to: folder + "/" + name, layout: layout, replacing: replacing, plugins: plugins, backend: "cpu")
            }
        }
        #expect(convert("model").isEmpty && convert("model").isEmpty)
        #expect(convert("model", layout: .clip).contains("for another purpose"))
        try AtomicFile.write("mine", to: folder + "/model/notes.txt")
        #expect(convert("model").contains("notes.txt; choose another place, or write into it with --force"))
        #expect(convert("model", layout: .clip, replacing: true).isEmpty)
        // Nothing of the earlier layout is left that would be read instead.
        #expect(FileSystem.isFile(folder + "/model/notes.txt") && !FileSystem.isFile(folder + "/model/config.json"))
        try FileSystem.makeDirectory(folder + "/other")
        try AtomicFile.write("mine", to: folder + "/other/notes.txt")
        #expect(convert("other").contains("it holds notes.txt;"))
        #expect(convert("other", replacing: true).isEmpty && FileSystem.isFile(folder + "/other/notes.txt"))
        #expect(FileSystem.names(in: folder) == ["model", "other"])
    }

    @Test("a model is not converted into itself, nor where what is there would be read in its place")
    func ownDirectory() throws {
        let model = try convert(open(Self.fixture("transformers")), to: "model", .clip)
        func refusal(_ name: String, _ layout: ModelLayoutName) -> String {
            failure {
                _ = try model.convert(
                    to: folder + "/" + name, layout: layout, replacing: true, plugins: plugins, backend: "cpu")
            }
        }
        #expect(refusal("model", .hf).contains("is what is read"))
        #expect(refusal("model/new", .hf).contains("lies inside what is read"))
        #expect(refusal("", .hf).contains("is a folder around what is read"))
        // Somebody's model.yaml is read before a config.json.
        try FileSystem.makeDirectory(folder + "/mixed")
        try AtomicFile.write("name: another", to: folder + "/mixed/model.yaml")
        #expect(refusal("mixed", .hf).contains("would not be read as the model that is written"))
        #expect(FileSystem.names(in: folder + "/mixed") == ["model.yaml"])
    }
}
