public import YAML

/// What a plugin can provide.
public enum PluginKind: String, Hashable, Sendable, CaseIterable {
    case imageEncoder = "image-encoder"
    case textEncoder = "text-encoder"
    case tokenizer
    case loss
    case backend
}

/// A plugin's `plugin.yaml`: who it is, what it provides with which settings, and how its code comes in.
public struct PluginManifest: Sendable {
    /// One thing that a plugin provides.
    public struct Provision: Sendable {
        public var kind: PluginKind
        /// What models write to choose it.
        public var name: String
        /// The settings it takes from a model.
        public var schema: ConfigSchema
    }

    /// How the plugin's code is reached.
    public enum Entry: Hashable, Sendable {
        /// A module of this name is part of the program.
        case linked(module: String)
        /// A shared object beside the manifest.
        case library(path: String)
        /// A program that talks JSON lines over its standard streams.
        case process(command: [String])
    }

    public var name: String
    public var version: String
    public var summary: String
    public var provides: [Provision]
    public var entry: Entry
    /// Where it was read, for messages.
    public var file: String

    /// Reads a manifest; anything missing, unknown or malformed is an error with file, line, column and the remedy.
    public init(_ node: YAMLNode) throws {
        var map = try node.mapping()
        let apiVersion = try map.required("apiVersion")
        guard try apiVersion.int() == 1 else {
            throw apiVersion.error("this program reads plugins of apiVersion 1", remedy: "update one of the two")
        }
        let name = try map.required("name")
        self.name = try Self.identifier(name)
        let version = try map.required("version")
        self.version = try Self.semanticVersion(version)
        summary = try map.required("summary").string()
        provides = try map.required("provides").array(Self.provision)
        entry = try Self.entry(map.required("entry"))
        try map.finish()
        file = node.file
    }

    private static func provision(_ node: YAMLNode) throws -> Provision {
        var map = try node.mapping()
        let kind = try map.required("kind").value(of: PluginKind.self)
        let name = try identifier(map.required("name"))
        let schema = try map.optional("config").map(ConfigSchema.init) ?? ConfigSchema(settings: [])
        try map.finish()
        return Provision(kind: kind, name: name, schema: schema)
    }

    private static func entry(_ node: YAMLNode) throws -> Entry {
        var map = try node.mapping()
        let linked = map.optional("linked")
        let library = map.optional("library")
        let process = map.optional("process")
        try map.finish()
        switch (linked, library, process) {
        case (let module?, nil, nil): return .linked(module: try module.string())
        case (nil, let path?, nil): return .library(path: try path.string())
        case (nil, nil, let command?):
            let words = try command.array { try $0.string() }
            guard !words.isEmpty else { throw command.error("the command is empty", remedy: "name the program") }
            return .process(command: words)
        default:
            throw node.error(
                "an entry needs exactly one way in", remedy: "write one of linked, library, process")
        }
    }

    private static func identifier(_ node: YAMLNode) throws -> String {
        let text = try node.string()
        let isValid =
            text.utf8.first.map { 97...122 ~= $0 } ?? false
            && text.utf8.allSatisfy { 97...122 ~= $0 || 48...57 ~= $0 || $0 == 45 }
        guard isValid else {
            throw node.error(
                "'\(text)' is not a plugin name", remedy: "use lower-case letters, digits and '-', a letter first")
        }
        return text
    }

    private static func semanticVersion(_ node: YAMLNode) throws -> String {
        let text = try node.text()
        let core = text.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)[0]
        let parts = core.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, parts.allSatisfy({ !$0.isEmpty && $0.utf8.allSatisfy { 48...57 ~= $0 } }) else {
            throw node.error("'\(text)' is not a semantic version", remedy: "write it like 1.0.0")
        }
        return text
    }
}
