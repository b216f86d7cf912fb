public import YAML

/// What a model is: its `model.yaml`, read strictly. Names of plugins are resolved by `DualEncoder`.
///
/// A model has two towers, or one: `image` with `preprocess`, `text` with its tokenizer, and a `loss` where it has both.
public struct ModelConfig: Sendable {
    public var name: String
    public var image: PluginChoice?
    public var text: PluginChoice?
    /// Nil where there is no text encoder.
    public var tokenizer: PluginChoice?
    /// Nil where the model has one tower only.
    public var loss: PluginChoice?
    /// Width of the space that both encoders end in.
    public var embedding: Int
    /// How pictures become numbers; read by whoever decodes them. Nil where there is no image encoder.
    public var preprocess: YAMLNode?
    /// File name of the weights, beside the configuration.
    public var weights: String
    /// How the weights were quantised and what that changed; nil where they were not.
    public var quantization: QuantizationRecord?
    /// What the model was made for, where that is little; nil where the description does not say. No vector depends on it.
    public var knows: Knowledge?
    /// The whole document, to be written again.
    public var node: YAMLNode

    public init(_ node: YAMLNode) throws {
        self.node = node
        var map = try node.mapping()
        name = try map.required("name").string()
        let textNode = map.optional("text")
        if let imageNode = try textNode == nil ? map.required("image") : map.optional("image") {
            image = try Self.choice(imageNode, key: "encoder")
            preprocess = try map.required("preprocess")
        }
        if let textNode {
            var textMap = try textNode.mapping()
            let encoder = try textMap.required("encoder")
            text = PluginChoice(name: try encoder.string(), place: encoder, config: textMap.optional("config"))
            let tokenizerNode = try textMap.required("tokenizer")
            if case .mapping = tokenizerNode.content {
                tokenizer = try Self.choice(tokenizerNode, key: "name")
            } else {
                tokenizer = PluginChoice(name: try tokenizerNode.string(), place: tokenizerNode, config: nil)
            }
            try textMap.finish()
        }
        embedding = try map.required("embedding").int(in: 1...1 << 20)
        if image != nil, text != nil { loss = try Self.choice(map.required("loss"), key: "name") }
        weights = try map.optional("weights")?.string() ?? "model.safetensors"
        quantization = try map.optional("quantization").map { try QuantizationRecord($0) }
        knows = try map.optional("knows").map { try Knowledge($0) }
        try map.finish()
    }

    /// `part`, or an error that the model has no such thing.
    package func present<Part>(_ part: Part?, _ what: String, remedy: String) throws -> Part {
        guard let part else { throw node.error("the model '\(name)' has no \(what)", remedy: remedy) }
        return part
    }

    private static func choice(_ node: YAMLNode, key: String) throws -> PluginChoice {
        var map = try node.mapping()
        let name = try map.required(key)
        let config = map.optional("config")
        try map.finish()
        return PluginChoice(name: try name.string(), place: name, config: config)
    }
}
