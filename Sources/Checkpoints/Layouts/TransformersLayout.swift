import Multimodal
import YAML

/// A directory that huggingface/transformers wrote for a CLIPModel: `config.json`, `preprocessor_config.json`,
/// `merges.txt` (and `vocab.json`), `model.safetensors` or
/// `pytorch_model.bin`.
///
/// Defaults of settings that are not written: transformers' configuration_clip.py and image_processing_clip.py. Pictures
/// are resized as Pillow does it, as transformers did before its processors moved to torchvision.
struct TransformersLayout {
    static let configName = "config.json"
    static let preprocessorName = "preprocessor_config.json"
    static let weightsName = "model.safetensors"

    let node: YAMLNode
    let folder: String

    init(_ node: YAMLNode, folder: String) {
        self.node = node
        self.folder = folder
    }

    func translated() throws -> ModelLayout {
        if let type = node.written("model_type"), try type.text() != "clip" {
            throw LayoutReading.refusal(
                type, "models of type '\(try type.text())' are not supported", remedy: "CLIPModel ('clip') is")
        }
        if let classes = node.written("architectures"), case .sequence(let names) = classes.content,
            let name = names.first,
            try name.text() != "CLIPModel"
        {
            throw LayoutReading.refusal(
                classes, "the class \(try name.text()) is not supported", remedy: "CLIPModel, with both towers, is")
        }
        let (vision, text) = (try section("vision_config"), try section("text_config"))
        let size = try LayoutReading.side(vision.written("image_size") ?? .int(224))
        if let channels = vision.written("num_channels"), try channels.int() != 3 {
            throw LayoutReading.refusal(
                channels, "pictures have \(try channels.int()) channels", remedy: "only pictures of 3 are supported")
        }
        let image = LayoutReading.mapping(
            [
                ("imageSize", size),
                ("patchSize", try LayoutReading.side(vision.written("patch_size") ?? .int(32))),
            ] + (try tower(vision, width: 768, hidden: 3072, layers: 12, heads: 12)), at: vision)

        let vocabulary = text.written("vocab_size") ?? .int(49408)
        let end = text.written("eos_token_id") ?? .int(49407)
        if case .sequence = end.content {
            throw LayoutReading.refusal(end, "several end tokens are not supported", remedy: "write one id")
        }
        // Configurations written before the id was put right have 2, which means the largest id
        // (transformers modeling_clip.py, CLIPTextModel).
        let usesLargest = try end.int() == 2
        let texts = LayoutReading.mapping(
            [
                ("contextLength", text.written("max_position_embeddings") ?? .int(77)), ("vocabularySize", vocabulary),
                ("pooling", usesLargest ? nil : .string("eos")), ("endToken", usesLargest ? nil : end),
            ] + (try tower(text, width: 512, hidden: 2048, layers: 12, heads: 8)), at: text)

        return ModelLayout(
            config: try LayoutReading.config(
                folder: folder, image: ("vit", image), preprocess: try preprocess(imageSize: size), text: texts,
                tokenizer: try tokenizer(), embedding: node.written("projection_dim") ?? .int(512),
                weights: LayoutReading.weights(
                    Self.weightsName, "pytorch_model.bin", in: folder),
                at: node),
            keys: .transformers, endToken: usesLargest ? nil : end)
    }

    private func section(_ name: String) throws -> YAMLNode {
        guard let section = node.written(name), case .mapping = section.content else {
            throw node.error("'\(name)' is missing", remedy: "only CLIPModel, with both towers, is supported")
        }
        return section
    }

    /// The settings that both towers have.
    private func tower(
        _ section: YAMLNode, width: Int, hidden: Int, layers: Int, heads: Int
    ) throws -> [(key: String, value: YAMLNode?)] {
        let widthNode = section.written("hidden_size") ?? .int(width)
        let hiddenNode = section.written("intermediate_size") ?? .int(hidden)
        let activation = section.written("hidden_act") ?? .string("quick_gelu")
        let forms = [
            "quick_gelu": "quick_gelu", "gelu": "gelu", "gelu_new": "gelu_tanh", "gelu_pytorch_tanh": "gelu_tanh",
        ]
        guard let form = forms[try activation.text()] else {
            throw LayoutReading.refusal(
                activation, "the activation \(try activation.text()) is not supported",
                remedy: "these are: \(forms.keys.sorted().joined(separator: ", "))")
        }
        return [
            ("width", widthNode), ("layers", section.written("num_hidden_layers") ?? .int(layers)),
            ("heads", section.written("num_attention_heads") ?? .int(heads)),
            ("mlpRatio", try LayoutReading.ratio(hidden: hiddenNode, width: widthNode)),
            ("activation", LayoutReading.text(form, from: activation)), ("epsilon", section.written("layer_norm_eps")),
        ]
    }

    // MARK: - Tokenizer

    private func tokenizer() throws -> YAMLNode {
        guard FileSystem.isFile(FileSystem.resolve("merges.txt", in: folder)) else {
            let hasOther = FileSystem.isFile(FileSystem.resolve("tokenizer.json", in: folder))
            throw CheckpointError(
                folder,
                "has no merges.txt" + (hasOther ? "; tokenizer.json is not read" : "")
                    + "; put the model's vocab.json and merges.txt beside config.json")
        }
        return YAMLNode.mapping([
            "name": .string("bpe"),
            "config": .mapping([
                "merges": .string("merges.txt"), "cleaning": .string("transformers"), "padding": .string("end"),
            ]),
        ])
    }

    // MARK: - Preprocessing

    private func preprocess(imageSize: YAMLNode) throws -> YAMLNode {
        let file = FileSystem.resolve(Self.preprocessorName, in: folder)
        guard FileSystem.isFile(file) else {
            throw CheckpointError(
                folder, "has no \(Self.preprocessorName), which says how pictures are resized and normalised; add it")
        }
        let settings = try YAMLNode.load(file)
        for step in ["do_resize", "do_center_crop", "do_rescale", "do_normalize", "do_convert_rgb"] {
            guard let isDone = settings.written(step), try !isDone.bool() else { continue }
            throw LayoutReading.refusal(isDone, "leaving this step out is not supported", remedy: "use true")
        }
        if let factor = settings.written("rescale_factor"), try abs(factor.double() * 255 - 1) > 1e-6 {
            throw LayoutReading.refusal(factor, "another factor than 1/255 is not supported", remedy: "use 1/255")
        }
        let (resize, mode) = try resizing(settings)
        return LayoutReading.mapping(
            [
                ("resize", resize), ("resizeMode", .string(mode)),
                ("interpolation", .string(try interpolation(settings))), ("crop", .string("center")),
                ("cropSize", try cropSize(settings)), ("cropRounding", .string("down")), ("convert", .string("first")),
                ("mean", settings.written("image_mean")), ("std", settings.written("image_std")),
            ], at: settings)
    }

    /// `size`: a number or `shortest_edge` is the shorter side; `height` and `width` are both.
    private func resizing(_ settings: YAMLNode) throws -> (YAMLNode, mode: String) {
        guard let size = settings.written("size") else { return (.int(224), "shortest") }
        guard case .mapping = size.content else { return (size, "shortest") }
        if let edge = size.written("shortest_edge"), size.written("longest_edge") == nil { return (edge, "shortest") }
        return (try square(size), "squash")
    }

    private func cropSize(_ settings: YAMLNode) throws -> YAMLNode {
        guard let size = settings.written("crop_size") else { return .int(224) }
        guard case .mapping = size.content else { return size }
        return try square(size)
    }

    private func square(_ size: YAMLNode) throws -> YAMLNode {
        guard let height = size.written("height"), let width = size.written("width"), try height.int() == width.int()
        else {
            throw size.error(
                "only shortest_edge, or an equal height and width, is supported",
                remedy: "the model cannot be used here")
        }
        return height
    }

    /// `resample` by Pillow's numbers.
    private func interpolation(_ settings: YAMLNode) throws -> String {
        guard let node = settings.written("resample") else { return "bicubic" }
        switch try node.int() {
        case 2: return "bilinear"
        case 3: return "bicubic"
        default:
            throw LayoutReading.refusal(
                node, "the filter \(try node.int()) is not supported", remedy: "use 2 (bilinear) or 3 (bicubic)")
        }
    }
}
