import YAML

/// What a small model was made for, as `knows` in its `model.yaml` says it, so that people can be told.
public struct Knowledge: Hashable, Sendable {
    /// The kind of its images.
    public enum Images: String, Hashable, Sendable, CaseIterable {
        /// Drawn, not photographed; of the size that the encoder takes any.
        case drawings
    }

    /// Its world, in words: "ten colours, ten shapes, ...".
    public var summary: String
    public var images: Images

    init(_ node: YAMLNode) throws {
        var map = try node.mapping()
        summary = try map.required("summary").string()
        images = try map.required("images").value(of: Images.self)
        try map.finish()
    }
}
