extension KeyMap {
    /// CLIPModel and SiglipModel of huggingface/transformers (modeling_clip.py, modeling_siglip.py), and their towers.
    static let transformers = KeyMap(
        rows: [
            Row("visual.class_embedding", "vision_model.embeddings.class_embedding"),
            Row("visual.conv1.weight", "vision_model.embeddings.patch_embedding.weight"),
            Row("visual.conv1.bias", "vision_model.embeddings.patch_embedding.bias"),
            Row("visual.positional_embedding", "vision_model.embeddings.position_embedding.weight"),
            Row("visual.ln_pre.weight", "vision_model.pre_layrnorm.weight"),  // their spelling
            Row("visual.ln_pre.bias", "vision_model.pre_layrnorm.bias"),
            Row("visual.ln_post.weight", "vision_model.post_layernorm.weight"),
            Row("visual.ln_post.bias", "vision_model.post_layernorm.bias"),
            Row("visual.proj", "visual_projection.weight", transposed: true),
            Row("visual.attn_pool.probe", "vision_model.head.probe"),
            Row("visual.attn_pool.attn.in_proj_weight", "vision_model.head.attention.in_proj_weight"),
            Row("visual.attn_pool.attn.in_proj_bias", "vision_model.head.attention.in_proj_bias"),
            Row("token_embedding.weight", "text_model.embeddings.token_embedding.weight"),
            Row("positional_embedding", "text_model.embeddings.position_embedding.weight"),
            Row("ln_final.weight", "text_model.final_layer_norm.weight"),
            Row("ln_final.bias", "text_model.final_layer_norm.bias"),
            Row("text_projection", "text_projection.weight", transposed: true),
            Row("text_projection.weight", "text_model.head.weight"),
            Row("text_projection.bias", "text_model.head.bias"),
        ]
            + layers(
                "visual.attn_pool", "vision_model.head",
                [
                    ("attn.out_proj", "attention.out_proj"), ("ln_2", "layernorm"), ("mlp.c_fc", "mlp.fc1"),
                    ("mlp.c_proj", "mlp.fc2"),
                ])
            + blocks("visual.transformer.resblocks.*", "vision_model.encoder.layers.*")
            + blocks("transformer.resblocks.*", "text_model.encoder.layers.*"))

    /// CustomTextCLIP of open_clip (model.py): the text tower under `text`, everything else as the graph has it.
    static let openCLIPCustomText = KeyMap(
        rows: [
            "token_embedding.weight", "positional_embedding", "ln_final.weight", "ln_final.bias", "text_projection",
            "text_projection.weight", "text_projection.bias",
        ].map { Row($0, "text." + $0) }
            + [
                "ln_1.weight", "ln_1.bias", "attn.in_proj_weight", "attn.in_proj_bias", "attn.out_proj.weight",
                "attn.out_proj.bias", "ls_1.gamma", "ln_2.weight", "ln_2.bias", "mlp.c_fc.weight", "mlp.c_fc.bias",
                "mlp.c_proj.weight", "mlp.c_proj.bias", "ls_2.gamma",
            ].map { Row("transformer.resblocks.*.\($0)", "text.transformer.resblocks.*.\($0)") })

    /// TimmModel of open_clip (timm_model.py) around a VisionTransformer of timm (models/vision_transformer.py), projected
    /// by open_clip's head, or by the trunk's own classifier.
    static func timmTrunk(projectsInTrunk: Bool) -> KeyMap {
        let head = projectsInTrunk ? "visual.trunk.head" : "visual.head.proj"
        return KeyMap(
            rows: [
                Row("visual.class_embedding", "visual.trunk.cls_token"),
                Row("visual.positional_embedding", "visual.trunk.pos_embed"),
                Row("visual.attn_pool.probe", "visual.trunk.attn_pool.latent"),
                Row("visual.proj", "\(head).weight", transposed: true),
            ]
                + ["weight", "bias"].map {
                    Row(
                        "visual.attn_pool.attn.in_proj_\($0)", "visual.trunk.attn_pool.q.\($0)",
                        "visual.trunk.attn_pool.kv.\($0)", shares: [1, 2])
                }
                + ["weight", "bias"].map {
                    Row("visual.transformer.resblocks.*.attn.in_proj_\($0)", "visual.trunk.blocks.*.attn.qkv.\($0)")
                }
                + layers(
                    "visual", "visual.trunk",
                    [("conv1", "patch_embed.proj"), ("ln_pre", "norm_pre"), ("ln_post", "norm")])
                + layer("visual.proj", head)
                + layers(
                    "visual.attn_pool", "visual.trunk.attn_pool",
                    [
                        ("attn.out_proj", "proj"), ("ln_2", "norm"), ("mlp.c_fc", "mlp.fc1"),
                        ("mlp.c_proj", "mlp.fc2"),
                    ])
                + layers(
                    "visual.transformer.resblocks.*", "visual.trunk.blocks.*",
                    [
                        ("attn.out_proj", "attn.proj"), ("ln_1", "norm1"), ("ln_2", "norm2"), ("mlp.c_fc", "mlp.fc1"),
                        ("mlp.c_proj", "mlp.fc2"),
                    ]))
    }

    /// A block of transformers' encoders.
    private static func blocks(_ block: String, _ layer: String) -> [Row] {
        ["weight", "bias"].map {
            Row(
                "\(block).attn.in_proj_\($0)", "\(layer).self_attn.q_proj.\($0)", "\(layer).self_attn.k_proj.\($0)",
                "\(layer).self_attn.v_proj.\($0)")
        }
            + layers(
                block, layer,
                [
                    ("attn.out_proj", "self_attn.out_proj"), ("ln_1", "layer_norm1"), ("ln_2", "layer_norm2"),
                    ("mlp.c_fc", "mlp.fc1"), ("mlp.c_proj", "mlp.fc2"),
                ])
    }

    /// Layers with a weight and a bias: their names here and there, below what all of them are below.
    private static func layers(_ ours: String, _ theirs: String, _ names: [(ours: String, theirs: String)]) -> [Row] {
        names.flatMap { layer("\(ours).\($0.ours)", "\(theirs).\($0.theirs)") }
    }

    private static func layer(_ ours: String, _ theirs: String) -> [Row] {
        ["weight", "bias"].map { Row("\(ours).\($0)", "\(theirs).\($0)") }
    }
}
