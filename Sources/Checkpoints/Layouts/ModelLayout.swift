package import Multimodal
package import YAML

/// A model's description in whatever layout it was published, translated into this project's own.
///
/// Layouts known: `model.yaml`; `open_clip_config.json` and `model_configs` (mlfoundations/open_clip); `config.json`
/// (huggingface/transformers, CLIPModel and SiglipModel, or one tower of them). What cannot be honoured exactly is refused
/// with its place in the file.
package struct ModelLayout: Sendable {
    package var config: ModelConfig
    /// Where the weights' file has the parameters.
    package var keys: KeyMap
    /// The description as it was written.
    package private(set) var document = YAMLNode.null
    /// The id that the text tower takes for the end, where the layout writes it: the tokenizer's must be the same.
    package var endToken: YAMLNode?
    /// The same of the start and of what fills shorter texts, where the layout's words for them count.
    var startToken: YAMLNode?
    var padToken: YAMLNode?

    /// Reads the description `file`; which layout it is follows from its content.
    /// - Parameters:
    ///   - merges: the tokenizer's merges, where none lie beside `file` and the layout is open_clip's.
    ///   - timmTowers: the towers that open_clip's layout may name.
    package init(
        file: String, merges: String? = nil, timmTowers: [String: TimmTower] = TimmTower.published
    ) throws {
        let node = try YAMLNode.loadDescription(file)
        let folder = FileSystem.folder(of: file)
        if node[path: "model_cfg"] != nil {
            self = try OpenCLIPLayout(
                node, folder: folder, merges: merges, timmTowers: timmTowers
            ).translated()
        } else if node[path: "embed_dim"] != nil, node[path: "vision_cfg"] != nil {
            // One of open_clip's model_configs
            let document = YAMLNode(.mapping([YAMLNode.Entry(key: "model_cfg", value: node)]), at: node.location)
            self = try OpenCLIPLayout(
                document, folder: folder, merges: merges, timmTowers: timmTowers
            ).translated()
        } else if FileSystem.name(of: file) == TransformersLayout.configName || node[path: "model_type"] != nil {
            self = try TransformersLayout(node, folder: folder).translated()
        } else {
            self.init(config: try ModelConfig(node), keys: .identity)
        }
        document = node
    }

    init(config: ModelConfig, keys: KeyMap, endToken: YAMLNode? = nil) {
        self.config = config
        self.keys = keys
        self.endToken = endToken
    }

    /// The description in `folder`: `model.yaml`; else open_clip's, unless only transformers' weights are there; else
    /// transformers'. Nil where there is none.
    package static func file(in folder: String) -> String? {
        func path(_ name: String) -> String { FileSystem.resolve(name, in: folder) }
        let own = path(ModelDirectory.configName)
        if FileSystem.isFile(own) { return own }
        let openCLIP = path(OpenCLIPLayout.configName)
        let transformers = path(TransformersLayout.configName)
        let hasBoth = FileSystem.isFile(openCLIP) && FileSystem.isFile(transformers)
        if hasBoth, !FileSystem.isFile(path(OpenCLIPLayout.weightsName)),
            FileSystem.isFile(path(TransformersLayout.weightsName))
        {
            return transformers
        }
        return [openCLIP, transformers].first(where: FileSystem.isFile)
    }

    /// Refuses a tokenizer whose ids are not those that the description says.
    func check(_ tokenizer: any Tokenizer) throws {
        let ids = [
            ("ends texts", endToken, tokenizer.endToken), ("begins texts", startToken, tokenizer.startToken),
            ("fills texts", padToken, tokenizer.padToken),
        ]
        for (what, node, own) in ids {
            guard let node, try node.int() != own.map(Int.init) else { continue }
            throw node.error(
                "the text tower \(what) with id \(try node.int()), the tokenizer \(own.map { "with \($0)" } ?? "with none")",
                remedy: "use the tokenizer's files that belong to the model")
        }
    }
}

extension YAMLNode {
    /// The value of a key; nil where it is absent or null.
    func written(_ key: String) -> YAMLNode? { self[path: key].flatMap { $0 == .null ? nil : $0 } }
}

/// What the layouts share in translating.
enum LayoutReading {
    /// A refusal of a setting at its place.
    static func refusal(_ node: YAMLNode, _ what: String, remedy: String) -> any Error {
        node.error(node.path.isEmpty ? what : "'\(node.path)': \(what)", remedy: remedy)
    }

    /// A whole number, or a list of two equal ones: the side of a square.
    static func side(_ node: YAMLNode) throws -> YAMLNode {
        guard case .sequence = node.content else { return node }
        let sides = try node.array()
        guard sides.count == 2, try sides[0].int() == sides[1].int() else {
            throw refusal(node, "only squares are supported", remedy: "the model cannot be used here")
        }
        return sides[0]
    }

    /// A number made in translating, which keeps the place that it was made from.
    static func number(_ value: Int, from node: YAMLNode) -> YAMLNode {
        YAMLNode(YAMLNode.int(value).content, at: node.location)
    }

    /// Text made in translating, which keeps the place that it was made from.
    static func text(_ value: String, from node: YAMLNode) -> YAMLNode {
        YAMLNode(YAMLNode.string(value).content, at: node.location)
    }

    /// How wide an MLP is, so that `width` times it, rounded down, is `hidden`.
    static func ratio(hidden: YAMLNode, width: YAMLNode) throws -> YAMLNode {
        let (inner, outer) = (Double(try hidden.int(in: 1...1 << 24)), Double(try width.int(in: 1...1 << 24)))
        let ratio = inner / outer
        let isExact = (outer * ratio).rounded(.down) == inner
        return YAMLNode(YAMLNode.double(isExact ? ratio : (inner + 0.5) / outer).content, at: hidden.location)
    }

    /// A mapping of the settings that are written, at the place of `node`.
    static func mapping(_ pairs: [(key: String, value: YAMLNode?)], at node: YAMLNode) -> YAMLNode {
        let written = pairs.compactMap { pair in pair.value.map { (key: pair.key, value: $0) } }
        return YAMLNode(YAMLNode.mapping(written).content, at: node.location)
    }

    struct Image {
        var encoder: String
        var config: YAMLNode
        var preprocess: YAMLNode
    }

    struct Text {
        var config: YAMLNode
        var tokenizer: YAMLNode
    }

    /// The model's own description from its parts.
    static func config(
        folder: String, image: Image?, text: Text?, embedding: YAMLNode, loss: String, weights: String,
        at node: YAMLNode
    ) throws -> ModelConfig {
        let imageNode = image.map {
            mapping([("encoder", .string($0.encoder)), ("config", $0.config)], at: node)
        }
        let textNode = text.map {
            mapping(
                [("encoder", .string("transformer")), ("tokenizer", $0.tokenizer), ("config", $0.config)], at: node)
        }
        let hasBoth = image != nil && text != nil
        return try ModelConfig(
            mapping(
                [
                    ("name", .string(FileSystem.name(of: folder))), ("image", imageNode),
                    ("preprocess", image?.preprocess), ("text", textNode), ("embedding", embedding),
                    ("loss", hasBoth ? mapping([("name", .string(loss))], at: node) : nil),
                    ("weights", .string(weights)),
                ], at: node))
    }

    /// The weights' file in `folder`: of these names, or of these with an index of several files; the first where there
    /// is none.
    static func weights(_ names: String..., in folder: String) -> String {
        func isFile(_ name: String) -> Bool { FileSystem.isFile(FileSystem.resolve(name, in: folder)) }
        return (names + names.map { $0 + ShardedWeights.suffix }).first(where: isFile) ?? names.first ?? ""
    }
}
