import Checkpoints
import Multimodal
import TestModels
import TestSupport
import YAML

/// YAML, and what is described in it.
enum Descriptions {
    private static let file = "fuzz.yaml"

    private static func node(_ bytes: [UInt8]) throws -> YAMLNode? {
        try reading(file) { try YAMLNode.parse(bytes, file: file) }
    }

    /// A document that is read is the same when it is written, as YAML and as JSON.
    static func yaml(_ bytes: [UInt8], _: String) throws {
        guard let node = try node(bytes) else { return }
        // An empty scalar and `~` are nulls, which are written as such; in JSON, numbers are written by their values.
        let yaml = try YAMLNode.parse(node.yamlText(), file: "written.yaml")
        try require(yaml == node || yaml.yamlText() == node.yamlText(), "it reads back changed: \(node.yamlText())")
        let json = try YAMLNode.parse(node.jsonText(), file: "written.json")
        try require(json.jsonText() == node.jsonText(), "it reads back changed: \(node.jsonText())")
    }

    static func model(_ bytes: [UInt8], _: String) throws {
        guard let node = try node(bytes) else { return }
        _ = try reading(file) { try ModelConfig(node) }
    }

    static func manifest(_ bytes: [UInt8], _: String) throws {
        guard let node = try node(bytes) else { return }
        _ = try reading(file) { try PluginManifest(node) }
    }

    /// A published directory without weights: never a model, always told by a file of it.
    static func config(_ bytes: [UInt8], _ folder: String) throws {
        try overwrite(folder + "/config.json", bytes)
        let model = try reading(folder) { try ModelDirectory.open(path: folder, plugins: TinyModel.plugins()) }
        try require(model == nil, "a directory without weights is a model")
    }
}
