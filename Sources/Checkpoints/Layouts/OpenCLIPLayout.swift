import Multimodal
import YAML

/// A directory that mlfoundations/open_clip pushes to a hub: `open_clip_config.json`, `open_clip_model.safetensors` (or
/// `open_clip_pytorch_model.bin`), and /// the merges of its tokenizer, which open_clip itself keeps in its package: `merges.txt` or
/// `bpe_simple_vocab_16e6.txt.gz` must be put there.
///
/// Settings and defaults: open_clip's model.py (`CLIPVisionCfg`, `CLIPTextCfg`) and transform.py (`PreprocessCfg`). Texts
/// are cleaned as its `SimpleTokenizer` does it. Every setting is read, named as one that decides no vector, or refused.
struct OpenCLIPLayout {
    static let configName = "open_clip_config.json"
    static let weightsName = "open_clip_model.safetensors"

    let node: YAMLNode
    let folder: String
    /// The tokenizer's merges, where none lie in `folder`.
    let otherMerges: String?

    init(_ node: YAMLNode, folder: String, merges: String? = nil) {
        self.node = node
        self.folder = folder
        otherMerges = merges
    }

    /// The tokenizer's merges in `folder`.
    static func merges(in folder: String) -> String? {
        ["merges.txt", "bpe_simple_vocab_16e6.txt.gz"].first { FileSystem.isFile(FileSystem.resolve($0, in: folder)) }
            .map { FileSystem.resolve($0, in: folder) }
    }

    func translated() throws -> ModelLayout {
        var document = try node.mapping()
        let modelNode = try document.required("model_cfg")
        let preprocessNode = document.optional("preprocess_cfg")
        _ = document.rest()  // what it was trained on, and the like

        var model = try modelNode.mapping()
        let embedding = try model.required("embed_dim")
        let visionNode = try model.required("vision_cfg")
        let textNode = try model.required("text_cfg")
        let isQuick = try model.optional("quick_gelu")?.bool() ?? false
        let isCustom = try model.optional("custom_text")?.bool() ?? false
        try refuse("multimodal_cfg", in: &model, "CoCa's decoder is not supported")
        try refuse("init_logit_bias", in: &model, "a learned bias of the logits, as SigLIP has it, is not supported")
        for name in ["init_logit_scale", "nonscalar_logit_scale", "output_dict", "cast_dtype"] {
            _ = model.optional(name)
        }
        try model.finish()

        let image = try image(visionNode, embedding: embedding, isQuick: isQuick)
        let text = try text(textNode, isQuick: isQuick)
        return ModelLayout(
            config: try LayoutReading.config(
                folder: folder, image: (image.encoder, image.config),
                preprocess: try preprocess(preprocessNode, size: image.size), text: text.config,
                tokenizer: try tokenizer(cleaning: text.cleaning), embedding: embedding,
                weights: LayoutReading.weights(
                    Self.weightsName, "open_clip_pytorch_model.bin", in: folder),
                at: modelNode),
            keys: isCustom ? .openCLIPCustomText : .identity, endToken: text.endToken)
    }

    // MARK: - Towers

    private func image(
        _ node: YAMLNode, embedding: YAMLNode, isQuick: Bool
    ) throws -> (encoder: String, config: YAMLNode, size: YAMLNode) {
        var map = try node.mapping()
        try refuse("timm_model_name", in: &map, "timm towers are not supported; native ViT and ResNet towers are")
        for name in map.keys where name.hasPrefix("timm_") { _ = map.optional(name) }
        let size = try LayoutReading.side(map.optional("image_size") ?? .int(224))
        let layers = map.optional("layers") ?? .int(12)
        let width = map.optional("width") ?? .int(768)
        let headWidth = map.optional("head_width") ?? .int(64)
        let patch = map.optional("patch_size")
        let ratio = map.optional("mlp_ratio")
        for name in ["patch_dropout", "output_tokens", "attn_pooler_queries", "attn_pooler_heads"] {
            _ = map.optional(name)  // of training, of outputs that are not asked for, of a pool that is refused
        }
        if case .sequence = layers.content {
            for name in map.keys { _ = map.optional(name) }  // none of a ViT's settings touches a ResNet
            return ("resnet", try resNet(node, size, layers, width, headWidth, embedding), size)
        }
        try refuse("ls_init_value", in: &map, "layer scale is not supported")
        for name in ["attentional_pool", "no_ln_pre"] { try refuse(name, in: &map, "this is not supported") }
        try accept("pool_type", ["tok"], in: &map)
        try accept("pos_embed_type", ["learnable"], in: &map)
        _ = map.optional("final_ln_after_pool")  // the class token's norm is the same before and after the pool
        try refuseBlocks(in: &map)
        let activation = try activation(map.optional("act_kwargs"), isQuick: isQuick)
        let epsilon = try epsilon(map.optional("norm_kwargs"))
        try map.finish()
        let config = LayoutReading.mapping(
            [
                ("imageSize", size), ("patchSize", try LayoutReading.side(patch ?? .int(16))), ("width", width),
                ("layers", layers), ("heads", try heads(width, headWidth, of: 1)), ("mlpRatio", ratio),
                ("activation", activation), ("epsilon", epsilon),
            ], at: node)
        return ("vit", config, size)
    }

    private func resNet(
        _ node: YAMLNode, _ size: YAMLNode, _ layers: YAMLNode, _ width: YAMLNode, _ headWidth: YAMLNode,
        _ embedding: YAMLNode
    ) throws -> YAMLNode {
        let blocks = try layers.array()
        guard blocks.count == 4, try blocks.allSatisfy({ try $0.int() > 0 }) else {
            throw LayoutReading.refusal(layers, "a ResNet has four stages", remedy: "write four numbers of blocks")
        }
        return LayoutReading.mapping(
            [
                ("imageSize", size), ("width", width), ("heads", try heads(width, headWidth, of: 32)),
                ("embedding", embedding),
            ] + blocks.enumerated().map { ("layers\($0 + 1)", $1) }, at: node)
    }

    private func text(
        _ node: YAMLNode, isQuick: Bool
    ) throws -> (config: YAMLNode, cleaning: String, endToken: YAMLNode?) {
        var map = try node.mapping()
        try refuse("hf_model_name", in: &map, "text towers of transformers are not supported; native ones are")
        try refuse(
            "hf_tokenizer_name", in: &map, "tokenizers of transformers are not supported here; open_clip's own is")
        for name in map.keys where name.hasPrefix("hf_") { _ = map.optional(name) }
        for name in ["tokenizer_mode", "ls_init_value"] { try refuse(name, in: &map, "this is not supported") }
        try refuse("embed_cls", in: &map, "a learned class token, as CoCa has it, is not supported")
        try refuse("no_causal_mask", in: &map, "a text tower without causal mask is not supported")
        try refuse("proj_bias", in: &map, "a projection with bias is not supported")
        try accept("proj_type", ["linear"], in: &map)
        let pooling = try accept("pool_type", ["argmax", "eos"], in: &map)
        let usesEnd = try pooling?.text() == "eos"
        let end = map.optional("eos_id") ?? .int(2)
        // Padding cannot reach a causal tower's end; the others are of training, or of outputs that are not asked for.
        for name in ["pad_id", "output_tokens", "final_ln_after_pool"] { _ = map.optional(name) }
        try refuseBlocks(in: &map)
        let config = LayoutReading.mapping(
            [
                ("contextLength", map.optional("context_length")), ("vocabularySize", map.optional("vocab_size")),
                ("width", map.optional("width")), ("heads", map.optional("heads")), ("layers", map.optional("layers")),
                ("mlpRatio", map.optional("mlp_ratio")),
                ("activation", try activation(map.optional("act_kwargs"), isQuick: isQuick)),
                ("epsilon", try epsilon(map.optional("norm_kwargs"))),
                ("pooling", usesEnd ? .string("eos") : nil), ("endToken", usesEnd ? end : nil),
            ], at: node)
        let cleaning = try cleaning(map.optional("tokenizer_kwargs"))
        try map.finish()
        return (config, cleaning, usesEnd ? end : nil)
    }

    private func heads(_ width: YAMLNode, _ headWidth: YAMLNode, of factor: Int) throws -> YAMLNode {
        let (features, one) = (try width.int(in: 1...1 << 20) * factor, try headWidth.int(in: 1...1 << 20))
        guard features >= one else {
            throw LayoutReading.refusal(headWidth, "heads of \(one) are wider than the tower", remedy: "check the file")
        }
        return LayoutReading.number(features / one, from: width)
    }

    private func activation(_ arguments: YAMLNode?, isQuick: Bool) throws -> YAMLNode {
        guard let arguments else { return .string(isQuick ? "quick_gelu" : "gelu") }
        var map = try arguments.mapping()
        let form = try map.optional("approximate")?.string(oneOf: ["tanh", "none"]) ?? "none"
        try map.finish()
        if isQuick {
            throw LayoutReading.refusal(
                arguments, "quick_gelu has no other forms", remedy: "leave out this or model_cfg.quick_gelu")
        }
        return LayoutReading.text(form == "tanh" ? "gelu_tanh" : "gelu", from: arguments)
    }

    private func epsilon(_ arguments: YAMLNode?) throws -> YAMLNode? {
        guard var map = try arguments?.mapping() else { return nil }
        let epsilon = map.optional("eps")
        try map.finish()
        return epsilon
    }

    // MARK: - Refusing

    /// Refuses a setting unless it is absent, null or false.
    private func refuse(_ name: String, in map: inout YAMLMapping, _ why: String) throws {
        guard let value = map.optional(name) else { return }
        if case .scalar("false", false) = value.content { return }
        throw LayoutReading.refusal(value, why, remedy: "the model cannot be used here")
    }

    @discardableResult
    private func accept(_ name: String, _ values: [String], in map: inout YAMLMapping) throws -> YAMLNode? {
        guard let value = map.optional(name) else { return nil }
        guard values.contains(try value.text()) else {
            throw LayoutReading.refusal(
                value, "'\(try value.text())' is not supported", remedy: "\(values.joined(separator: " and ")) is")
        }
        return value
    }

    /// Blocks other than the plain one.
    private func refuseBlocks(in map: inout YAMLMapping) throws {
        try accept("block_type", ["default"], in: &map)
        for name in ["qk_norm", "scaled_cosine_attn", "scale_heads", "scale_attn_inner", "scale_attn", "scale_fc"] {
            try refuse(name, in: &map, "such blocks are not supported")
        }
    }

    // MARK: - Tokenizer and preprocessing

    private func cleaning(_ arguments: YAMLNode?) throws -> String {
        guard var map = try arguments?.mapping() else { return "openai" }
        let name = try map.optional("clean")?.string(oneOf: ["lower", "whitespace", "canonicalize"]) ?? "lower"
        try refuse("reduction_mask", in: &map, "other ways to shorten a text are not supported")
        try map.finish()
        return name == "lower" ? "openai" : name
    }

    private func tokenizer(cleaning: String) throws -> YAMLNode {
        guard let merges = Self.merges(in: folder).map(FileSystem.name) ?? otherMerges else {
            let name = "bpe_simple_vocab_16e6.txt.gz"
            throw CheckpointError(
                folder,
                "has no merges.txt and no \(name); open_clip keeps the latter in its package: copy it from there, or "
                    + "from https://github.com/openai/CLIP/raw/main/clip/\(name), into this directory, or name it in "
                    + "CLIP_BPE_MERGES")
        }
        return YAMLNode.mapping([
            "name": .string("bpe"),
            "config": .mapping([
                "merges": .string(merges), "cleaning": .string(cleaning), "specialTokens": .string("open_clip"),
            ]),
        ])
    }

    private func preprocess(_ node: YAMLNode?, size: YAMLNode) throws -> YAMLNode {
        guard let node else { return LayoutReading.mapping([("resize", size)], at: size) }
        var map = try node.mapping()
        let mode = try accept("resize_mode", ["shortest", "squash", "longest"], in: &map)
        let filter = try accept("interpolation", ["bicubic", "bilinear"], in: &map)
        try accept("mode", ["RGB"], in: &map)
        try accept("fill_color", ["0"], in: &map)
        _ = map.optional("size")  // open_clip takes the tower's
        let (mean, std) = (map.optional("mean"), map.optional("std"))
        try map.finish()
        return LayoutReading.mapping(
            [("resize", size), ("resizeMode", mode), ("interpolation", filter), ("mean", mean), ("std", std)], at: node)
    }
}
