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

    public var name: String
    public var version: String
    public var summary: String
    public var provides: [Provision]
    /// The module of the program that holds the plugin's code.
    public var module: String
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
        provides = try Self.provisions(map.required("provides"), version: self.version)
        module = try Self.module(map.required("entry"))
        for key in ["requires", "limits"] {
            guard let later = map.optional(key) else { continue }
            throw later.error("'\(key)' is not kept yet", remedy: "leave it out until it is")
        }
        try map.finish()
        file = node.file
    }

    private static func provisions(_ node: YAMLNode, version: String) throws -> [Provision] {
        var seen: Set<String> = []
        let provisions = try node.array { item in
            let provision = try provision(item, version)
            guard seen.insert("\(provision.kind.rawValue) '\(provision.name)'").inserted else {
                throw item.error(
                    "the \(provision.kind.rawValue) '\(provision.name)' is provided twice", remedy: "remove one of them"
                )
            }
            return provision
        }
        guard !provisions.isEmpty else {
            throw node.error("the plugin provides nothing", remedy: "name a kind and what models call it")
        }
        return provisions
    }

    private static func provision(_ node: YAMLNode, _ version: String) throws -> Provision {
        var map = try node.mapping()
        let kind = try map.required("kind").value(of: PluginKind.self)
        let name = try identifier(map.required("name"))
        let config = map.optional("config")
        if kind == .backend, let config {
            throw config.error("nobody can give settings to a backend yet", remedy: "leave them out until that works")
        }
        let schema = try config.map { try ConfigSchema($0, version: version) } ?? ConfigSchema(settings: [])
        try map.finish()
        return Provision(kind: kind, name: name, schema: schema)
    }

    /// The module that is linked; the other ways in are refused until they work.
    private static func module(_ node: YAMLNode) throws -> String {
        var map = try node.mapping()
        for key in ["library", "process"] {
            guard let other = map.optional(key) else { continue }
            throw other.error(
                "'\(key)' is no way in yet: plugins are part of the program",
                remedy: "link it, and write linked: MODULE")
        }
        let module = try map.required("linked").string()
        try map.finish()
        return module
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
        guard SemanticVersion(text) != nil else {
            throw node.error("'\(text)' is not a semantic version", remedy: "write it like 1.0.0")
        }
        return text
    }
}
