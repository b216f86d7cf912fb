import Imaging
import ModelGraph
import Multimodal
import YAML

extension ModelDirectory {
    /// What transformers' CLIPModel, CLIPImageProcessor and CLIPTokenizer read.
    /// - Parameter dtype: of the weights.
    func transformersFiles(_ dtype: DType, _ plugins: PluginRegistry) throws -> LayoutFiles {
        let parts = try parts(.hf, images: ["vit"])
        let refusal = refusal(.hf)
        // Others keep capitals or drop punctuation, which shows in everyday texts.
        if let cleaning = try cleaning(plugins), !["openai", "transformers"].contains(cleaning) {
            throw refusal("it cannot clean texts as '\(cleaning)'")
        }
        let configuration = YAMLNode.mapping([
            "architectures": .sequence([.string("CLIPModel")]),
            "model_type": .string("clip"),
            "dtype": .string(dtype.rawValue),
            "projection_dim": .int(config.embedding),
            "text_config": .mapping(try transformersText(parts, plugins, refusal)),
            "vision_config": .mapping(try transformersImage(parts, plugins, refusal)),
        ])
        return LayoutFiles(
            weights: TransformersLayout.weightsName, keys: .transformers,
            files: [
                (TransformersLayout.configName, Array((configuration.indentedJSON() + "\n").utf8)),
                (
                    "preprocessor_config.json",
                    Array((try transformersPreprocessing(parts.transform, refusal).indentedJSON() + "\n").utf8)
                ),
            ] + parts.tokenizer.transformersFiles(contextLength: try self.model.text.contextLength))
    }

    private func transformersImage(
        _ parts: Parts, _ plugins: PluginRegistry, _ refusal: @escaping (String) -> CheckpointError
    ) throws -> [(key: String, value: YAMLNode)] {
        var settings = try SettingsWriting(.imageEncoder, parts.image, plugins: plugins, refusal: refusal)
        let entries =
            [
                ("model_type", .string("clip_vision_model")), ("image_size", try settings.take("imageSize")),
                ("patch_size", try settings.take("patchSize")), ("num_channels", .int(3)),
                ("projection_dim", .int(config.embedding)),
            ] + (try Self.transformersTower(&settings))
        try settings.finish()
        return entries
    }

    private func transformersText(
        _ parts: Parts, _ plugins: PluginRegistry, _ refusal: @escaping (String) -> CheckpointError
    ) throws -> [(key: String, value: YAMLNode)] {
        var settings = try SettingsWriting(.textEncoder, parts.text, plugins: plugins, refusal: refusal)
        let vocabulary = try settings.take("vocabularySize")
        let end = Int(parts.tokenizer.endToken)
        // An end token of 2 means the largest id (modeling_clip.py, CLIPTextModel); where the end is the largest, both are
        // the same.
        let pooling = try settings.take("pooling").text()
        guard ["argmax", "eos"].contains(pooling) else { throw refusal("it takes a text's features at its end only") }
        let usesEnd = try pooling == "eos" || end == (try vocabulary.int()) - 1
        _ = try settings.take("endToken")
        let entries =
            [
                ("model_type", .string("clip_text_model")), ("vocab_size", vocabulary),
                ("max_position_embeddings", try settings.take("contextLength")),
                ("bos_token_id", parts.tokenizer.startToken.map { .int(Int($0)) } ?? .null),
                ("eos_token_id", .int(usesEnd ? end : 2)), ("pad_token_id", .int(end)),
                ("projection_dim", .int(config.embedding)),
            ] + (try Self.transformersTower(&settings))
        try settings.finish()
        return entries
    }

    /// The settings that both towers have.
    private static func transformersTower(
        _ settings: inout SettingsWriting
    ) throws -> [(key: String, value: YAMLNode)] {
        let width = try settings.take("width")
        let hidden = Int(Double(try width.int()) * (try settings.take("mlpRatio").double()))
        let activation = try settings.take("activation").text()
        return [
            ("hidden_size", width), ("intermediate_size", .int(max(1, hidden))),
            ("num_hidden_layers", try settings.take("layers")), ("num_attention_heads", try settings.take("heads")),
            ("hidden_act", .string(activation == "gelu_tanh" ? "gelu_pytorch_tanh" : activation)),
            ("layer_norm_eps", try settings.take("epsilon")),
        ]
    }

    private func transformersPreprocessing(
        _ transform: ImageTransform, _ refusal: (String) -> CheckpointError
    ) throws -> YAMLNode {
        guard transform.resizeMode != .longest else { throw refusal("it cannot resize the longer side and pad") }
        let side = YAMLNode.int(transform.resize)
        let crop = YAMLNode.int(try model.image.imageSize)
        let isSquash = transform.resizeMode == .squash
        return .mapping([
            "image_processor_type": .string("CLIPImageProcessor"), "processor_class": .string("CLIPProcessor"),
            "do_resize": .bool(true),
            "size": isSquash ? .mapping(["height": side, "width": side]) : .mapping(["shortest_edge": side]),
            "resample": .int(transform.interpolation == .bilinear ? 2 : 3), "do_center_crop": .bool(true),
            "crop_size": .mapping(["height": crop, "width": crop]), "do_rescale": .bool(true),
            "rescale_factor": .double(1 / 255), "do_normalize": .bool(true), "do_convert_rgb": .bool(true),
            "image_mean": .sequence(transform.mean.map(YAMLNode.float)),
            "image_std": .sequence(transform.std.map(YAMLNode.float)),
        ])
    }
}
