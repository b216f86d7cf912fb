import Multimodal
import YAML

extension OpenCLIPLayout {
    struct Image {
        var encoder: String
        var config: YAMLNode
        var size: YAMLNode
        /// Where the tower's parameters are, unless under their own names.
        var keys: KeyMap?
    }

    func image(_ node: YAMLNode, embedding: YAMLNode, isQuick: Bool) throws -> Image {
        var map = try node.mapping()
        for name in ["patch_dropout", "output_tokens", "timm_model_pretrained", "timm_drop", "timm_drop_path"] {
            _ = map.optional(name)  // of training, or of outputs that are not asked for
        }
        if let name = map.optional("timm_model_name") { return try timm(name, &map, node) }
        for name in ["timm_pool", "timm_proj", "timm_proj_bias"] { _ = map.optional(name) }  // of no tower here
        let size = try LayoutReading.side(map.optional("image_size") ?? .int(224))
        let layers = map.optional("layers") ?? .int(12)
        let width = map.optional("width") ?? .int(768)
        let headWidth = map.optional("head_width") ?? .int(64)
        if case .sequence = layers.content {
            _ = Self.ofViT.map { map.optional($0) }  // none of a ViT's settings touches a ResNet
            try map.finish()
            return Image(
                encoder: "resnet", config: try resNet(node, size, layers, width, headWidth, embedding), size: size)
        }
        let patch = try LayoutReading.side(map.optional("patch_size") ?? .int(16))
        let ratio = map.optional("mlp_ratio")
        try refuse("attentional_pool", in: &map, "an attentional pool, as CoCa has it, is not supported")
        for name in ["attn_pooler_queries", "attn_pooler_heads"] { _ = map.optional(name) }  // of that pool
        try accept("pos_embed_type", ["learnable", "sin_cos_2d"], in: &map)  // either is in the weights
        let pooling = try accept("pool_type", ["tok", "avg"], in: &map)
        let isAverage = try pooling?.text() == "avg"
        let normsAfter = map.optional("final_ln_after_pool")
        let hasNoNorm = try map.optional("no_ln_pre")?.bool() ?? false
        let layerScale = try layerScale(in: &map)
        try refuseBlocks(in: &map)
        let activation = try activation(map.optional("act_kwargs"), isQuick: isQuick)
        let epsilon = try epsilon(map.optional("norm_kwargs"))
        try map.finish()
        let config = LayoutReading.mapping(
            [
                ("imageSize", size), ("patchSize", patch), ("width", width), ("layers", layers),
                ("heads", try heads(width, headWidth, of: 1)), ("mlpRatio", ratio), ("activation", activation),
                ("epsilon", epsilon), ("layerScale", layerScale), ("preNorm", hasNoNorm ? .bool(false) : nil),
                ("pooling", isAverage ? .string("average") : nil),
                // The class token's norm is the same before and after the pool.
                ("normAfterPooling", isAverage ? normsAfter : nil),
            ], at: node)
        return Image(encoder: "vit", config: config, size: size)
    }

    /// Settings of a ViT only.
    private static let ofViT =
        [
            "patch_size", "mlp_ratio", "ls_init_value", "attentional_pool", "attn_pooler_queries", "attn_pooler_heads",
            "no_ln_pre", "pos_embed_type", "final_ln_after_pool", "pool_type", "act_kwargs", "norm_kwargs",
            "block_type",
        ] + ofBlocks

    private static let ofBlocks = [
        "qk_norm", "scaled_cosine_attn", "scale_heads", "scale_attn_inner", "scale_attn", "scale_fc",
    ]

    /// A tower of timm, which its name says all about; open_clip's own settings of towers do not touch it.
    private func timm(_ name: YAMLNode, _ map: inout YAMLMapping, _ node: YAMLNode) throws -> Image {
        guard let tower = timmTowers[try name.text()] else {
            throw LayoutReading.refusal(
                name, "the timm tower \(try name.text()) is not supported",
                remedy: "these are: \(timmTowers.keys.sorted().joined(separator: ", "))")
        }
        _ = (Self.ofViT + ["layers", "width", "head_width"]).map { map.optional($0) }
        let size = try LayoutReading.side(map.optional("image_size") ?? .int(224))
        guard try size.int() == tower.imageSize else {
            throw LayoutReading.refusal(
                size, "\(try name.text()) takes pictures of \(tower.imageSize) pixels", remedy: "write that size")
        }
        let isSiglip = tower.family == .siglip
        let pool = map.optional("timm_pool")
        guard try pool?.text() == (isSiglip ? "map" : "token") else {
            throw LayoutReading.refusal(
                pool ?? name, "this pool of \(try name.text()) is not supported",
                remedy: "timm_pool: \(isSiglip ? "map" : "token") is")
        }
        let isWritten = map.keys.contains("timm_proj")  // null, too: timm's own classifier
        let projection =
            try accept("timm_proj", ["none", "linear", ""], in: &map)?.text() ?? (isWritten ? "" : "linear")
        let hasBias = try map.optional("timm_proj_bias")?.bool() ?? false
        try map.finish()
        var settings: [(key: String, value: YAMLNode?)] = [
            ("imageSize", size), ("patchSize", .int(tower.patchSize)), ("width", .int(tower.width)),
            ("layers", .int(tower.layers)), ("heads", .int(tower.heads)), ("mlpRatio", .double(tower.mlpRatio)),
            ("activation", .string(tower.activation)), ("epsilon", .double(tower.epsilon)),
        ]
        if isSiglip {
            settings += [
                ("classToken", .bool(false)), ("patchBias", .bool(true)), ("preNorm", .bool(false)),
                ("pooling", .string("attention")),
            ]
        }
        switch projection {
        case "none": settings.append(("projection", .string("none")))
        case "linear": settings.append(("projection", hasBias ? .string("bias") : nil))
        default: settings.append(("projection", .string("bias")))
        }
        return Image(
            encoder: "vit", config: LayoutReading.mapping(settings, at: node), size: size,
            keys: .timmTrunk(projectsInTrunk: projection.isEmpty))
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

    func text(_ node: YAMLNode, isQuick: Bool) throws -> (tower: LayoutReading.Text, endToken: YAMLNode?) {
        var map = try node.mapping()
        try refuse("hf_model_name", in: &map, "text towers of transformers are not supported; native ones are")
        let vocabulary = map.optional("vocab_size")
        let tokenizer = try tokenizer(
            map.optional("tokenizer_kwargs"), other: map.optional("hf_tokenizer_name"), vocabularySize: vocabulary)
        for name in ["hf_model_pretrained", "hf_proj_type", "hf_pooler_type"] { _ = map.optional(name) }
        try refuse("tokenizer_mode", in: &map, "this is not supported")
        try refuse("embed_cls", in: &map, "a learned class token, as CoCa has it, is not supported")
        let seesAll = try map.optional("no_causal_mask")?.bool() ?? false
        let pooling = try accept("pool_type", ["argmax", "eos", "first", "last"], in: &map)
        let usesEnd = try pooling?.text() == "eos"
        let end = map.optional("eos_id") ?? .int(2)
        let isProjected = try accept("proj_type", ["linear", "none"], in: &map)?.text() != "none"
        let hasBias = try map.optional("proj_bias")?.bool() ?? false
        let projection = isProjected ? (hasBias ? YAMLNode.string("bias") : nil) : .string("none")
        // Of CoCa's mask, of outputs that are not asked for, and one that open_clip does not hand on.
        for name in ["pad_id", "output_tokens", "final_ln_after_pool"] { _ = map.optional(name) }
        let layerScale = try layerScale(in: &map)
        try refuseBlocks(in: &map)
        let config = LayoutReading.mapping(
            [
                ("contextLength", map.optional("context_length")), ("vocabularySize", vocabulary),
                ("width", map.optional("width")), ("heads", map.optional("heads")), ("layers", map.optional("layers")),
                ("mlpRatio", map.optional("mlp_ratio")),
                ("activation", try activation(map.optional("act_kwargs"), isQuick: isQuick)),
                ("epsilon", try epsilon(map.optional("norm_kwargs"))), ("layerScale", layerScale),
                ("causal", seesAll ? .bool(false) : nil), ("pooling", try pooling?.text() == "argmax" ? nil : pooling),
                ("endToken", usesEnd ? end : nil), ("projection", projection),
            ], at: node)
        try map.finish()
        return (LayoutReading.Text(config: config, tokenizer: tokenizer), usesEnd ? end : nil)
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

    /// What blocks' learned scales started at; nil where they have none.
    private func layerScale(in map: inout YAMLMapping) throws -> YAMLNode? {
        guard let start = map.optional("ls_init_value") else { return nil }
        guard try start.double() > 0 else {
            throw LayoutReading.refusal(start, "layer scale starts above 0", remedy: "leave it out for none")
        }
        return start
    }

    /// Blocks other than the plain one.
    private func refuseBlocks(in map: inout YAMLMapping) throws {
        try accept("block_type", ["default"], in: &map)
        for name in Self.ofBlocks { try refuse(name, in: &map, "such blocks are not supported") }
    }
}
