public import YAML

/// What a model is: its `model.yaml`, read strictly. Names of plugins are resolved by `DualEncoder`.
public struct ModelConfig: Sendable {
    public var name: String
    public var image: PluginChoice
    public var text: PluginChoice
    public var tokenizer: PluginChoice
    public var loss: PluginChoice
    /// Width of the space that both encoders end in.
    public var embedding: Int
    /// How pictures become numbers; read by whoever decodes them.
    public var preprocess: YAMLNode
    /// File name of the weights, beside the configuration.
    public var weights: String
    /// How the weights were quantised and what that changed; nil where they were not.
    public var quantization: QuantizationRecord?
    /// The whole document, to be written again.
    public var node: YAMLNode

    public init(_ node: YAMLNode) throws {
        self.node = node
        var map = try node.mapping()
        name = try map.required("name").string()
        image = try Self.choice(map.required("image"), key: "encoder")
        preprocess = try map.required("preprocess")

        let textNode = try map.required("text")
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

        embedding = try map.required("embedding").int(in: 1...1 << 20)
        loss = try Self.choice(map.required("loss"), key: "name")
        weights = try map.optional("weights")?.string() ?? "model.safetensors"
        quantization = try map.optional("quantization").map { try QuantizationRecord($0) }
        try map.finish()
    }

    private static func choice(_ node: YAMLNode, key: String) throws -> PluginChoice {
        var map = try node.mapping()
        let name = try map.required(key)
        let config = map.optional("config")
        try map.finish()
        return PluginChoice(name: try name.string(), place: name, config: config)
    }
}
