import Multimodal
import YAML

/// A directory that huggingface/transformers wrote for a CLIPModel or a SiglipModel, or for one tower of them:
/// `config.json`, `preprocessor_config.json` (or `processor_config.json`), the tokenizer's files, `model.safetensors` or
/// `pytorch_model.bin`.
///
/// Defaults of settings that are not written: transformers' configuration_clip.py, configuration_siglip.py and the image
/// processors beside them. Pictures are resized as Pillow does it, as transformers did before its processors moved to
/// torchvision.
struct TransformersLayout {
    static let configName = "config.json"
    static let weightsName = "model.safetensors"

    let node: YAMLNode
    let folder: String

    init(_ node: YAMLNode, folder: String) {
        self.node = node
        self.folder = folder
    }

    /// What a class of models has, by its name.
    private struct Class {
        var isSiglip = false
        var hasImage = true
        var hasText = true
        /// Whether the towers' features are projected into a space that is not theirs.
        var hasProjection = true
    }

    /// By `model_type`, and the class in `architectures`; the first class of a type is the one of files that name none.
    private static let classes: [(type: String, name: String, has: Class)] = [
        ("clip", "CLIPModel", Class()),
        ("clip_text_model", "CLIPTextModelWithProjection", Class(hasImage: false)),
        ("clip_text_model", "CLIPTextModel", Class(hasImage: false, hasProjection: false)),
        ("clip_vision_model", "CLIPVisionModelWithProjection", Class(hasText: false)),
        ("clip_vision_model", "CLIPVisionModel", Class(hasText: false, hasProjection: false)),
        ("siglip", "SiglipModel", Class(isSiglip: true)),
        ("siglip_text_model", "SiglipTextModel", Class(isSiglip: true, hasImage: false)),
        ("siglip_vision_model", "SiglipVisionModel", Class(isSiglip: true, hasText: false)),
    ]

    func translated() throws -> ModelLayout {
        let kind = try kind()
        try checkKeys(kind)
        var (image, text): (LayoutReading.Image?, LayoutReading.Text?)
        var (embedding, ids): (YAMLNode?, SpecialIDs) = (nil, SpecialIDs())
        if kind.hasText {
            let section = kind.hasImage ? try section("text_config", kind) : node
            (text, ids) = try self.text(section, kind)
            if kind.isSiglip { embedding = section.written("projection_size") }
            if !kind.hasProjection || kind.isSiglip { embedding = embedding ?? width(section, kind, of: "text") }
        }
        if kind.hasImage {
            let section = kind.hasText ? try section("vision_config", kind) : node
            image = try self.image(section, kind)
            if !kind.hasProjection || kind.isSiglip { embedding = embedding ?? width(section, kind, of: "vision") }
        }
        var keys = KeyMap.transformers
        // Towers that are saved alone lack the name that they have in the whole since transformers 5.
        if !kind.hasProjection || kind.isSiglip, image == nil || text == nil {
            keys.optionalPrefix = kind.hasText ? "text_model." : "vision_model."
        }
        var layout = ModelLayout(
            config: try LayoutReading.config(
                folder: folder, image: image, text: text,
                embedding: embedding ?? node.written("projection_dim") ?? .int(512),
                loss: kind.isSiglip ? "sigmoid" : "info-nce",
                weights: LayoutReading.weights(Self.weightsName, "pytorch_model.bin", in: folder), at: node),
            keys: keys, endToken: ids.end)
        (layout.startToken, layout.padToken) = (ids.start, ids.pad)
        return layout
    }

    private func kind() throws -> Class {
        let known = Self.classes
        let type = try node.written("model_type")?.text() ?? "clip"
        guard let first = known.first(where: { $0.type == type }) else {
            throw LayoutReading.refusal(
                node.written("model_type") ?? node, "models of type '\(type)' are not supported",
                remedy: "these are: \(Set(known.map(\.type)).sorted().joined(separator: ", "))")
        }
        guard let classes = node.written("architectures"), case .sequence(let names) = classes.content,
            let name = try names.first?.text()
        else { return first.has }
        guard let exact = known.first(where: { $0.type == type && $0.name == name }) else {
            throw LayoutReading.refusal(
                classes, "the class \(name) of type '\(type)' is not supported",
                remedy: "these are: \(known.map(\.name).joined(separator: ", "))")
        }
        return exact.has
    }

    /// Refuses keys that are not known to be read or to be without effect.
    private func checkKeys(_ kind: Class) throws {
        for file in ["adapter_config.json"] where FileSystem.isFile(FileSystem.resolve(file, in: folder)) {
            throw CheckpointError(
                folder, "has an \(file), and adapters are not supported; merge it into the weights, or remove it")
        }
        let (image, text) = (
            KeyTable.transformersImages(isSiglip: kind.isSiglip), KeyTable.transformersTexts(isSiglip: kind.isSiglip)
        )
        guard kind.hasImage, kind.hasText else { return try (kind.hasImage ? image : text).check(node) }
        try KeyTable.transformersModel(isSiglip: kind.isSiglip).check(node)
        for (table, name) in [(image, "vision_config"), (text, "text_config")] {
            for part in [name, "\(name)_dict"] { try node.written(part).map(table.check) }
        }
    }

    /// What describes a tower of a model of both: all of `text_config_dict` goes before `text_config`, whose keys count no
    /// more then, but for SigLIP, which passes over it (configuration_clip.py, configuration_siglip.py). Without either
    /// the defaults hold.
    private func section(_ name: String, _ kind: Class) throws -> YAMLNode {
        let section = (kind.isSiglip ? nil : node.written("\(name)_dict")) ?? node.written(name)
        guard let section else { return YAMLNode(.mapping([]), at: node.location) }
        _ = try section.mapping()
        return section
    }

    // MARK: - Towers

    private func image(_ vision: YAMLNode, _ kind: Class) throws -> LayoutReading.Image {
        if let channels = vision.written("num_channels"), try channels.int() != 3 {
            throw LayoutReading.refusal(
                channels, "pictures have \(try channels.int()) channels", remedy: "only pictures of 3 are supported")
        }
        if let head = vision.written("vision_use_head"), try !head.bool() {
            throw LayoutReading.refusal(
                head, "without its head the tower gives no vector of a picture", remedy: "the model cannot be used here"
            )
        }
        let size = try LayoutReading.side(vision.written("image_size") ?? .int(224))
        let patch = try LayoutReading.side(vision.written("patch_size") ?? .int(kind.isSiglip ? 16 : 32))
        var settings = try tower(vision, kind, of: "vision")
        if kind.isSiglip {
            settings += [
                ("classToken", .bool(false)), ("patchBias", .bool(true)), ("preNorm", .bool(false)),
                ("pooling", .string("attention")),
            ]
        }
        if kind.isSiglip || !kind.hasProjection { settings.append(("projection", .string("none"))) }
        return LayoutReading.Image(
            encoder: "vit",
            config: LayoutReading.mapping([("imageSize", size), ("patchSize", patch)] + settings, at: vision),
            preprocess: try TransformersProcessor(
                folder: folder,
                otherwise: node.written("image_processor_type").map(TransformersProcessorClass.named)
                    ?? (kind.isSiglip ? .siglip : .clip)
            ).preprocess())
    }

    /// Ids that the text tower's description says, where its words count.
    private struct SpecialIDs {
        var end: YAMLNode?
        var start: YAMLNode?
        var pad: YAMLNode?
    }

    private func text(_ text: YAMLNode, _ kind: Class) throws -> (LayoutReading.Text, SpecialIDs) {
        var ids = SpecialIDs()
        var settings = try tower(text, kind, of: "text")
        if kind.isSiglip {
            // Those of CLIP stand in SigLIP's files, too, as the class's defaults, and mean nothing there.
            ids.end = try text.written("eos_token_id").flatMap { try $0.int() == 49407 ? nil : $0 }
            ids.pad = try text.written("pad_token_id").flatMap { try $0.int() == 1 ? nil : $0 }
            settings += [("causal", .bool(false)), ("pooling", .string("last")), ("projection", .string("bias"))]
        } else {
            let written = text.written("eos_token_id") ?? .int(49407)
            if case .sequence = written.content {
                throw LayoutReading.refusal(written, "several end tokens are not supported", remedy: "write one id")
            }
            // Configurations written before the id was put right have 2, which means the largest id
            // (transformers modeling_clip.py, CLIPTextModel).
            if try written.int() != 2 {
                ids.end = written
                ids.start = try text.written("bos_token_id").flatMap { try $0.int() == 0 ? nil : $0 }
                // The class's default is 1, which CLIP's texts are never filled with; 0 and the end are its programs'.
                let others = [0, 1, try written.int()]
                ids.pad = try text.written("pad_token_id").flatMap { others.contains(try $0.int()) ? nil : $0 }
                settings += [("pooling", .string("eos")), ("endToken", written)]
            }
            if !kind.hasProjection { settings.append(("projection", .string("none"))) }
        }
        let vocabulary = text.written("vocab_size") ?? .int(kind.isSiglip ? 32000 : 49408)
        let length = text.written("max_position_embeddings") ?? .int(kind.isSiglip ? 64 : 77)
        settings += [("contextLength", length), ("vocabularySize", vocabulary)]
        let files = try TokenizerFolder(folder: folder, model: node)
        let tokenizer =
            try kind.isSiglip
            ? files.sentencePiece(vocabularySize: vocabulary, contextLength: length, isOpenCLIP: false)
            : files.clip(contextLength: length)
        return (LayoutReading.Text(config: LayoutReading.mapping(settings, at: text), tokenizer: tokenizer), ids)
    }

    /// Sizes of towers that are not written.
    private static let defaults: [String: (width: Int, hidden: Int, heads: Int)] = [
        "clip text": (512, 2048, 8), "clip vision": (768, 3072, 12), "siglip text": (768, 3072, 12),
        "siglip vision": (768, 3072, 12),
    ]

    private func defaults(_ kind: Class, of tower: String) -> (width: Int, hidden: Int, heads: Int) {
        Self.defaults["\(kind.isSiglip ? "siglip" : "clip") \(tower)"] ?? (768, 3072, 12)
    }

    private func width(_ section: YAMLNode, _ kind: Class, of tower: String) -> YAMLNode {
        section.written("hidden_size") ?? .int(defaults(kind, of: tower).width)
    }

    /// The settings that both towers have.
    private func tower(
        _ section: YAMLNode, _ kind: Class, of tower: String
    ) throws -> [(key: String, value: YAMLNode?)] {
        let defaults = defaults(kind, of: tower)
        let width = width(section, kind, of: tower)
        let hidden = section.written("intermediate_size") ?? .int(defaults.hidden)
        let activation = section.written("hidden_act") ?? .string(kind.isSiglip ? "gelu_pytorch_tanh" : "quick_gelu")
        let forms = [
            "quick_gelu": "quick_gelu", "gelu": "gelu", "gelu_new": "gelu_tanh", "gelu_pytorch_tanh": "gelu_tanh",
        ]
        guard let form = forms[try activation.text()] else {
            throw LayoutReading.refusal(
                activation, "the activation \(try activation.text()) is not supported",
                remedy: "these are: \(forms.keys.sorted().joined(separator: ", "))")
        }
        return [
            ("width", width), ("layers", section.written("num_hidden_layers") ?? .int(12)),
            ("heads", section.written("num_attention_heads") ?? .int(defaults.heads)),
            ("mlpRatio", try LayoutReading.ratio(hidden: hidden, width: width)),
            ("activation", LayoutReading.text(form, from: activation)),
            ("epsilon", section.written("layer_norm_eps") ?? (kind.isSiglip ? .double(1e-6) : nil)),
        ]
    }
}
