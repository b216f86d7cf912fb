import AtomicFiles
import Checkpoints
import Imaging
import Multimodal
import TestModels
import TestSupport
import Testing
import YAML

@Suite struct ModelDirectoryTests {
    @Test("what is written is read back", arguments: [DType.float32, .bfloat16, .float16])
    func roundTrip(dtype: DType) throws {
        let folder = try temporaryFolder() + "/deep/model"
        let written = try TinyModel.write(to: folder, dtype: dtype)
        let model = try ModelDirectory.open(path: folder, plugins: TinyModel.plugins())
        #expect(model.config.name == "tiny")
        let transform = try model.transform
        #expect(transform.resize == 8 && transform.mean == [0.5, 0.5, 0.5])
        let graph = try model.model.imageGraph(batch: 1)
        let values = try model.parameters(for: graph)
        #expect(values.count == graph.parameterSignature.count)
        for (name, value) in values {
            #expect(value.dtype == .float32)
            #expect(value == written[name]?.converted(to: dtype).converted(to: .float32))
        }
        let calibration = try model.calibration()
        #expect(abs((calibration?.scale ?? 0) - 1 / 0.07) < 0.1)
        #expect(
            try ModelDirectory.open(path: folder + "/model.yaml", plugins: TinyModel.plugins()).space == model.space)
        #expect(model.space.count == 8)
    }

    @Test("the space follows weights, preprocessing, tokenizer and settings, not formatting")
    func space() throws {
        let plugins = try TinyModel.plugins()
        func space(_ edit: (String) throws -> Void = { _ in }, seed: UInt64 = 1, yaml: String = TinyModel.yaml) throws
            -> String
        {
            let folder = try temporaryFolder()
            try TinyModel.write(to: folder, yaml: yaml, seed: seed)
            try edit(folder)
            return try ModelDirectory.open(path: folder, plugins: plugins).space
        }
        func replacing(_ old: String, _ new: String) -> String {
            let parts = TinyModel.yaml.split(separator: old, omittingEmptySubsequences: false)
            #expect(parts.count == 2)
            return parts.joined(separator: new)
        }
        let first = try space()
        #expect(try space() == first)
        #expect(try space(yaml: replacing("resize: 8,", "interpolation: bicubic, resize: 8, crop: center,")) == first)
        #expect(try space(yaml: replacing("layers: 1, heads: 2}}", "mlpRatio: 4, layers: 1, heads: 2}}")) == first)
        #expect(try space(yaml: replacing("name: tiny", "name: other")) == first)
        #expect(try space(seed: 2) != first)
        #expect(try space(yaml: replacing("resize: 8,", "resize: 8, interpolation: bilinear,")) != first)
        #expect(try space(yaml: replacing("resize: 8,", "resize: 8, alpha: drop,")) == first)
        #expect(try space(yaml: replacing("resize: 8,", "resize: 8, alpha: white,")) != first)
        #expect(
            try space(yaml: replacing("width: 8, layers: 1, heads: 2}}", "width: 8, layers: 1, heads: 4}}")) != first)
        #expect(try space({ try AtomicFile.write("another", to: $0 + "/table.txt") }) != first)
    }

    @Test("the tokenizer's files come along, under the names that the written description has")
    func tokenizerFiles() throws {
        let files = try temporaryFolder()
        let folder = try temporaryFolder() + "/out"
        try FileSystem.makeDirectory(files + "/sub")
        try AtomicFile.write("elsewhere", to: files + "/sub/other.txt")
        let yaml = TinyModel.yaml.split(separator: "table.txt").joined(separator: "sub/other.txt")
        let config = try ModelConfig(YAMLNode.parse(yaml, file: "train.yaml"))
        let plugins = try TinyModel.plugins()
        let model = try DualEncoder(config, plugins: plugins)
        try ModelDirectory.write(
            to: folder, config: config, parameters: model.lossGraph(batch: 2, length: 6).initialParameters(seed: 1),
            dtype: .bfloat16, tokenizerFolder: files, plugins: plugins)
        #expect(FileSystem.names(in: folder) == ["model.safetensors", "model.yaml", "other.txt"])
        #expect(try ModelDirectory.open(path: folder, plugins: plugins).tokenizer.digest == "elsewhere")
    }

    @Test("weights that do not fit are refused with file, tensor and shapes")
    func weights() throws {
        func text(_ change: @escaping (inout [String: TensorData]) -> Void) throws -> String {
            let folder = try temporaryFolder()
            try TinyModel.write(to: folder, change: change)
            let plugins = try TinyModel.plugins()
            return failure { _ = try ModelDirectory.open(path: folder, plugins: plugins) }
        }
        let missing = try text { $0["visual.proj"] = nil }
        #expect(missing.contains("model.safetensors: tensor 'visual.proj': is missing") && missing.contains("[8, 4]"))
        let wrong = try text { $0["visual.proj"] = TensorData(TensorType(.float32, [8, 5])) { _ in } }
        #expect(wrong.contains("has shape [8, 5], the model needs [8, 4]"))
        let extra = try text { $0["visual.more"] = TensorData(scalar: 1) }
        #expect(extra.contains("'visual.more'") && extra.contains("not part of the model 'tiny'"))
        #expect(try text { $0["text.position_ids"] = TensorData([1, 2], shape: [2]) } == "")
    }

    @Test(
        "a description that cannot work is refused with its place",
        arguments: [
            ("resize: 8,", "resize: 8, smooth: 1,", "unknown key 'smooth'"),
            ("resize: 8,", "resize: 9,", "pictures become 9 pixels wide, the image encoder takes 8"),
            ("resize: 8,", "resize: 8, crop: none,", "keep their proportions"),
            ("resize: 8,", "resize: 8, interpolation: bicubik,", "did you mean 'bicubic'"),
            ("std: [0.5, 0.5, 0.5]", "std: [0.5, 0.5]", "2 numbers for three channels"),
            ("std: [0.5, 0.5, 0.5]", "std: [0.5, 0, 0.5]", "std must not be zero"),
            (", heads: 2}}\npre", "}}\npre", "12 heads do not divide a width of 8"),
            ("table: table.txt", "table: table.txt, vocabulary: 129", "has 129 ids, the text encoder's vocabulary 128"),
        ])
    func descriptions(old: String, new: String, message: String) throws {
        let folder = try temporaryFolder()
        try TinyModel.write(to: folder)
        let parts = TinyModel.yaml.split(separator: old, omittingEmptySubsequences: false)
        try AtomicFile.write(parts.joined(separator: new), to: folder + "/model.yaml")
        let plugins = try TinyModel.plugins()
        let text = failure { _ = try ModelDirectory.open(path: folder, plugins: plugins) }
        #expect(text.contains("/model.yaml:") && text.contains(message), "\(text)")
    }
}
