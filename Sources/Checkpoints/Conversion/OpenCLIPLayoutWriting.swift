import Imaging
import Multimodal
import YAML

extension ModelDirectory {
    /// What open_clip reads with `create_model_from_pretrained("local-dir:…")`. Its SimpleTokenizer takes the merges of its
    /// own package; `merges.txt` is for this program.
    func openCLIPFiles(_ plugins: PluginRegistry) throws -> LayoutFiles {
        let parts = try parts(.openCLIP, images: ["vit", "resnet"])
        let refusal = refusal(.openCLIP)
        var text = try SettingsWriting(.textEncoder, parts.text, plugins: plugins, refusal: refusal)
        var image = try SettingsWriting(.imageEncoder, parts.image, plugins: plugins, refusal: refusal)
        let activation = try text.take("activation").text()
        let isResNet = parts.image.name == "resnet"
        let imageActivation = isResNet ? activation : try image.take("activation").text()
        guard (activation == "quick_gelu") == (imageActivation == "quick_gelu") else {
            throw refusal("it takes quick_gelu for both towers or for none")
        }
        let vision =
            isResNet
            ? try openCLIPResNet(&image, refusal)
            : try openCLIPViT(&image) + Self.act(imageActivation) + Self.norm(image.take("epsilon"))
        try image.finish()
        let model = YAMLNode.mapping([
            "embed_dim": .int(config.embedding), "quick_gelu": .bool(activation == "quick_gelu"),
            "vision_cfg": .mapping(vision),
            "text_cfg": .mapping(
                try openCLIPText(&text, plugins, refusal) + Self.act(activation) + Self.norm(text.take("epsilon"))),
        ])
        try text.finish()
        let document = YAMLNode.mapping([
            "model_cfg": model, "preprocess_cfg": try openCLIPPreprocessing(parts.transform, refusal),
        ])
        return LayoutFiles(
            weights: OpenCLIPLayout.weightsName, keys: .identity,
            files: [(OpenCLIPLayout.configName, Array((document.indentedJSON() + "\n").utf8))]
                + parts.tokenizer.transformersFiles(contextLength: try self.model.text.contextLength)
                .filter { $0.name == "merges.txt" })
    }

    private func openCLIPViT(_ settings: inout SettingsWriting) throws -> [(key: String, value: YAMLNode)] {
        let width = try settings.take("width")
        return [
            ("image_size", try settings.take("imageSize")), ("layers", try settings.take("layers")), ("width", width),
            ("head_width", .int(try width.int() / (try settings.take("heads").int()))),
            ("patch_size", try settings.take("patchSize")), ("mlp_ratio", try settings.take("mlpRatio")),
        ]
    }

    private func openCLIPResNet(
        _ settings: inout SettingsWriting, _ refusal: (String) -> CheckpointError
    ) throws -> [(key: String, value: YAMLNode)] {
        let layers = try (1...4).map { try settings.take("layers\($0)") }
        guard try layers.allSatisfy({ try $0.int() > 0 }) else {
            throw refusal("its ResNets have four stages, this one has three")
        }
        let width = try settings.take("width")
        let (features, heads) = (try width.int() * 32, try settings.take("heads").int())
        guard features.isMultiple(of: heads) else {
            throw refusal("\(heads) heads do not divide its \(features) features")
        }
        _ = try settings.take("embedding")  // the model's
        return [
            ("image_size", try settings.take("imageSize")), ("layers", .sequence(layers)), ("width", width),
            ("head_width", .int(features / heads)),
        ]
    }

    private func openCLIPText(
        _ settings: inout SettingsWriting, _ plugins: PluginRegistry, _ refusal: (String) -> CheckpointError
    ) throws -> [(key: String, value: YAMLNode)] {
        let vocabulary = try settings.take("vocabularySize")
        let end = try settings.take("endToken")
        // Where the end is the largest id, its first place is the largest's, which is open_clip's default.
        let pooling = try settings.take("pooling")
        let isLargest = try pooling.text() == "eos" && end.int() == (try vocabulary.int()) - 1
        var entries: [(key: String, value: YAMLNode)] = [
            ("context_length", try settings.take("contextLength")), ("vocab_size", vocabulary),
            ("width", try settings.take("width")), ("heads", try settings.take("heads")),
            ("layers", try settings.take("layers")), ("mlp_ratio", try settings.take("mlpRatio")),
        ]
        if try !isLargest && pooling.text() != "argmax" { entries += [("pool_type", pooling), ("eos_id", end)] }
        switch try cleaning(plugins) {
        case "openai", "transformers", nil: break
        case .some("none"): throw refusal("it cannot leave texts as they are")
        case .some(let other): entries.append(("tokenizer_kwargs", .mapping(["clean": .string(other)])))
        }
        return entries
    }

    private static func act(_ activation: String) -> [(key: String, value: YAMLNode)] {
        activation == "gelu_tanh" ? [("act_kwargs", .mapping(["approximate": .string("tanh")]))] : []
    }

    private static func norm(_ epsilon: YAMLNode) throws -> [(key: String, value: YAMLNode)] {
        try epsilon.double() == 1e-5 ? [] : [("norm_kwargs", .mapping(["eps": epsilon]))]
    }

    private func openCLIPPreprocessing(
        _ transform: ImageTransform, _ refusal: (String) -> CheckpointError
    ) throws -> YAMLNode {
        guard transform.resize == (try model.image.imageSize) else {
            throw refusal(
                "it resizes pictures to the size that the encoder takes, this model to \(transform.resize) and then crops"
            )
        }
        return .mapping([
            "size": .int(transform.resize), "mode": .string("RGB"),
            "mean": .sequence(transform.mean.map(YAMLNode.float)), "std": .sequence(transform.std.map(YAMLNode.float)),
            "interpolation": .string(transform.interpolation.rawValue),
            "resize_mode": .string(transform.resizeMode.rawValue), "fill_color": .int(0),
        ])
    }
}
