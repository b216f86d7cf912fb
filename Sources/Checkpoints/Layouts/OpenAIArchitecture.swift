import ModelGraph
import YAML

/// What OpenAI's own files of weights (`ViT-B-32.pt`, `RN50.pt`) are, told by their names and shapes: openai/CLIP
/// clip/model.py (`build_model`).
enum OpenAIArchitecture {
    /// Sizes that OpenAI's files carry along, and that nobody else's do.
    private static let marks = ["input_resolution", "context_length", "vocab_size"]

    /// The model in the form of `open_clip_config.json`, with QuickGELU as all of OpenAI's models have it.
    static func description(of weights: any WeightFile) throws -> YAMLNode {
        let others = (weights as? any MappedWeightFile)?.ignored ?? []
        guard marks.allSatisfy({ weights[$0] != nil || others.contains($0) }) else {
            throw CheckpointError(
                weights.path,
                "holds weights without a description of their model, and is none of OpenAI's files; name one with "
                    + "--config: model.yaml, open_clip_config.json, config.json of transformers, or a file of open_clip's "
                    + "model_configs (for OpenAI's weights that were saved again, the one that ends in -quickgelu)")
        }
        func shape(_ name: String, rank: Int) throws -> [Int] {
            guard let shape = weights[name]?.type.shape.dimensions else {
                throw CheckpointError(weights.path, tensor: name, "is missing, and OpenAI's models have it")
            }
            guard shape.count == rank else {
                throw CheckpointError(
                    weights.path, tensor: name, "has the shape \(shape), and \(rank) axes are expected")
            }
            return shape
        }
        let names = weights.entries.map(\.name)
        var vision: [(key: String, value: YAMLNode)]
        if weights["visual.proj"] != nil {
            let kernel = try shape("visual.conv1.weight", rank: 4)
            let grid = root(try shape("visual.positional_embedding", rank: 2)[0] - 1)
            let layers = names.count { $0.hasPrefix("visual.") && $0.hasSuffix(".attn.in_proj_weight") }
            vision = [
                ("layers", .int(layers)), ("patch_size", .int(kernel[3])), ("image_size", .int(grid * kernel[3])),
                ("width", .int(kernel[0])),
            ]
        } else {
            let stages = (1...4).map { blocks(names, under: "visual.layer\($0).") }
            let width = try shape("visual.layer1.0.conv1.weight", rank: 4)[0]
            let grid = root(try shape("visual.attnpool.positional_embedding", rank: 2)[0] - 1)
            vision = [
                ("layers", .sequence(stages.map { .int($0) })), ("image_size", .int(grid * 32)), ("width", .int(width)),
            ]
        }
        let width = try shape("ln_final.weight", rank: 1)[0]
        vision.append(("head_width", .int(64)))
        let text: [(key: String, value: YAMLNode)] = [
            ("context_length", .int(try shape("positional_embedding", rank: 2)[0])),
            ("vocab_size", .int(try shape("token_embedding.weight", rank: 2)[0])), ("width", .int(width)),
            ("heads", .int(width / 64)), ("layers", .int(blocks(names, under: "transformer.resblocks."))),
        ]
        let model = YAMLNode.mapping([
            "embed_dim": .int(try shape("text_projection", rank: 2)[1]), "quick_gelu": .bool(true),
            "vision_cfg": .mapping(vision), "text_cfg": .mapping(text),
        ])
        return located(.mapping(["model_cfg": model]), at: YAMLLocation(file: weights.path, line: 0, column: 0))
    }

    /// How many numbered blocks there are under a prefix.
    private static func blocks(_ names: [String], under prefix: String) -> Int {
        Set(names.filter { $0.hasPrefix(prefix) }.map { $0.dropFirst(prefix.count).prefix { $0 != "." } }).count
    }

    /// The side of a square of `count` cells, rounded.
    private static func root(_ count: Int) -> Int { count < 1 ? 0 : Int(Double(count).squareRoot().rounded()) }

    /// Nodes made from a file say so in errors.
    private static func located(_ node: YAMLNode, at place: YAMLLocation) -> YAMLNode {
        var node = node
        node.location = place
        switch node.content {
        case .scalar: break
        case .sequence(let nodes): node.content = .sequence(nodes.map { located($0, at: place) })
        case .mapping(var entries):
            for index in entries.indices { entries[index].value = located(entries[index].value, at: place) }
            node.content = .mapping(entries)
        }
        return node
    }
}
