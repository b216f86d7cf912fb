extension KeyMap {
    /// CLIPModel of huggingface/transformers (modeling_clip.py).
    static let transformers = KeyMap(
        rows: [
            Row("visual.class_embedding", "vision_model.embeddings.class_embedding"),
            Row("visual.conv1.weight", "vision_model.embeddings.patch_embedding.weight"),
            Row("visual.positional_embedding", "vision_model.embeddings.position_embedding.weight"),
            Row("visual.ln_pre.weight", "vision_model.pre_layrnorm.weight"),  // their spelling
            Row("visual.ln_pre.bias", "vision_model.pre_layrnorm.bias"),
            Row("visual.ln_post.weight", "vision_model.post_layernorm.weight"),
            Row("visual.ln_post.bias", "vision_model.post_layernorm.bias"),
            Row("visual.proj", "visual_projection.weight", transposed: true),
            Row("token_embedding.weight", "text_model.embeddings.token_embedding.weight"),
            Row("positional_embedding", "text_model.embeddings.position_embedding.weight"),
            Row("ln_final.weight", "text_model.final_layer_norm.weight"),
            Row("ln_final.bias", "text_model.final_layer_norm.bias"),
            Row("text_projection", "text_projection.weight", transposed: true),
        ] + blocks("visual.transformer.resblocks.*", "vision_model.encoder.layers.*")
            + blocks("transformer.resblocks.*", "text_model.encoder.layers.*"))

    /// CustomTextCLIP of open_clip (model.py): the text tower under `text`, everything else as the graph has it.
    static let openCLIPCustomText = KeyMap(
        rows: [
            "token_embedding.weight", "positional_embedding", "ln_final.weight", "ln_final.bias", "text_projection",
        ].map { Row($0, "text." + $0) }
            + [
                "ln_1.weight", "ln_1.bias", "attn.in_proj_weight", "attn.in_proj_bias", "attn.out_proj.weight",
                "attn.out_proj.bias", "ln_2.weight", "ln_2.bias", "mlp.c_fc.weight", "mlp.c_fc.bias",
                "mlp.c_proj.weight",
                "mlp.c_proj.bias",
            ].map { Row("transformer.resblocks.*.\($0)", "text.transformer.resblocks.*.\($0)") })

    /// A block of transformers' encoders.
    private static func blocks(_ block: String, _ layer: String) -> [Row] {
        var rows = [
            Row(
                "\(block).attn.in_proj_weight", "\(layer).self_attn.q_proj.weight", "\(layer).self_attn.k_proj.weight",
                "\(layer).self_attn.v_proj.weight"),
            Row(
                "\(block).attn.in_proj_bias", "\(layer).self_attn.q_proj.bias", "\(layer).self_attn.k_proj.bias",
                "\(layer).self_attn.v_proj.bias"),
        ]
        let names = [
            ("attn.out_proj", "self_attn.out_proj"), ("ln_1", "layer_norm1"), ("ln_2", "layer_norm2"),
            ("mlp.c_fc", "mlp.fc1"), ("mlp.c_proj", "mlp.fc2"),
        ]
        for (ours, theirs) in names {
            for kind in ["weight", "bias"] {
                rows.append(Row("\(block).\(ours).\(kind)", "\(layer).\(theirs).\(kind)"))
            }
        }
        return rows
    }
}
