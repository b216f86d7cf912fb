public import YAML

/// Code that a manifest announces.
public protocol Plugin: Sendable {
    /// The text of its `plugin.yaml`, as SwiftPM embeds it: `PackageResources.plugin_yaml`.
    var manifest: [UInt8] { get }
    /// Hands over what the manifest says it provides, no less and no more.
    func register(in registrar: inout PluginRegistrar) throws
}

/// Makes things from a model's settings.
public typealias ImageEncoderFactory = @Sendable (PluginConfig) throws -> any ImageEncoder
public typealias TextEncoderFactory = @Sendable (PluginConfig) throws -> any TextEncoder
/// The second argument is the model's folder, where a tokenizer finds its files.
public typealias TokenizerFactory = @Sendable (PluginConfig, _ folder: String) throws -> any Tokenizer
public typealias LossFactory = @Sendable (PluginConfig) throws -> any ContrastiveLoss
public typealias BackendFactory = @Sendable (PluginConfig) throws -> any Backend

/// Collects what one plugin registers.
public struct PluginRegistrar {
    enum Factory: Sendable {
        case imageEncoder(ImageEncoderFactory)
        case textEncoder(TextEncoderFactory)
        case tokenizer(TokenizerFactory)
        case loss(LossFactory)
        case backend(BackendFactory)

        var kind: PluginKind {
            switch self {
            case .imageEncoder: .imageEncoder
            case .textEncoder: .textEncoder
            case .tokenizer: .tokenizer
            case .loss: .loss
            case .backend: .backend
            }
        }
    }

    fileprivate var registered: [(name: String, factory: Factory)] = []

    public mutating func imageEncoder(_ name: String, _ make: @escaping ImageEncoderFactory) {
        registered.append((name, .imageEncoder(make)))
    }
    public mutating func textEncoder(_ name: String, _ make: @escaping TextEncoderFactory) {
        registered.append((name, .textEncoder(make)))
    }
    public mutating func tokenizer(_ name: String, _ make: @escaping TokenizerFactory) {
        registered.append((name, .tokenizer(make)))
    }
    public mutating func loss(_ name: String, _ make: @escaping LossFactory) {
        registered.append((name, .loss(make)))
    }
    public mutating func backend(_ name: String, _ make: @escaping BackendFactory) {
        registered.append((name, .backend(make)))
    }
}

/// The plugins that a program has: a value that is passed in. There is no global one, and order does not matter.
public struct PluginRegistry: Sendable {
    private struct Key: Hashable {
        let kind: PluginKind
        let name: String
    }

    private struct Entry: Sendable {
        let plugin: String
        let schema: ConfigSchema
        let factory: PluginRegistrar.Factory
    }

    /// Every plugin's manifest, by name.
    public private(set) var manifests: [PluginManifest] = []
    private var entries: [Key: Entry] = [:]

    /// Reads each plugin's manifest and takes what it registers. Refused: a malformed manifest, a promise not kept or
    /// exceeded, two plugins of one name, two providers of one kind and name.
    public init(_ plugins: [any Plugin]) throws {
        for plugin in plugins { try add(plugin) }
        manifests.sort { $0.name < $1.name }
    }

    private mutating func add(_ plugin: any Plugin) throws {
        let manifest = try PluginManifest(
            YAMLNode.parse(plugin.manifest, file: "\(type(of: plugin))/plugin.yaml"))
        // Swift writes a type's whole name with its module in front.
        let module = String(reflecting: type(of: plugin)).prefix { $0 != "." }
        guard module == manifest.module else {
            throw PluginError(
                "plugin '\(manifest.name)': its manifest links the module '\(manifest.module)', but its code is in "
                    + "'\(module)'; write entry: {linked: \(module)}")
        }
        if manifests.contains(where: { $0.name == manifest.name }) {
            throw PluginError("two plugins are named '\(manifest.name)'; remove or rename one of them")
        }
        var registrar = PluginRegistrar()
        try plugin.register(in: &registrar)
        var factories: [Key: PluginRegistrar.Factory] = [:]
        for (name, factory) in registrar.registered {
            let key = Key(kind: factory.kind, name: name)
            guard factories.updateValue(factory, forKey: key) == nil else {
                throw PluginError("plugin '\(manifest.name)' registers the \(key.kind.rawValue) '\(name)' twice")
            }
        }
        for provision in manifest.provides {
            let key = Key(kind: provision.kind, name: provision.name)
            guard let factory = factories.removeValue(forKey: key) else {
                throw PluginError(
                    "plugin '\(manifest.name)': its manifest provides the \(key.kind.rawValue) '\(key.name)', "
                        + "but its code does not register it")
            }
            if let other = entries[key] {
                throw PluginError(
                    "plugins '\(other.plugin)' and '\(manifest.name)' both provide the \(key.kind.rawValue) "
                        + "'\(key.name)'; remove one of them")
            }
            entries[key] = Entry(plugin: manifest.name, schema: provision.schema, factory: factory)
        }
        if let extra = factories.keys.min(by: { $0.name < $1.name }) {
            throw PluginError(
                "plugin '\(manifest.name)' registers the \(extra.kind.rawValue) '\(extra.name)', "
                    + "which its manifest does not provide")
        }
        manifests.append(manifest)
    }

    /// Names of this kind, sorted.
    public func names(of kind: PluginKind) -> [String] {
        entries.keys.filter { $0.kind == kind }.map(\.name).sorted()
    }

    // MARK: - Making things

    /// What a model that writes `choice` gets. Errors name the setting.
    public func imageEncoder(_ choice: PluginChoice) throws -> any ImageEncoder {
        let (entry, config) = try find(.imageEncoder, choice)
        guard case .imageEncoder(let make) = entry.factory else { throw mismatch(choice) }
        return try make(config)
    }

    public func textEncoder(_ choice: PluginChoice) throws -> any TextEncoder {
        let (entry, config) = try find(.textEncoder, choice)
        guard case .textEncoder(let make) = entry.factory else { throw mismatch(choice) }
        return try make(config)
    }

    public func tokenizer(_ choice: PluginChoice, folder: String) throws -> any Tokenizer {
        let (entry, config) = try find(.tokenizer, choice)
        guard case .tokenizer(let make) = entry.factory else { throw mismatch(choice) }
        return try make(config, folder)
    }

    public func loss(_ choice: PluginChoice) throws -> any ContrastiveLoss {
        let (entry, config) = try find(.loss, choice)
        guard case .loss(let make) = entry.factory else { throw mismatch(choice) }
        return try make(config)
    }

    /// The backend of this name, with its manifest's default settings.
    public func backend(_ name: String) throws -> any Backend {
        let choice = PluginChoice(name: name, place: .string(name), config: nil)
        let (entry, config) = try find(.backend, choice)
        guard case .backend(let make) = entry.factory else { throw mismatch(choice) }
        return try make(config)
    }

    /// The settings of `choice` with defaults filled in, as JSON with sorted keys: equal where the settings are, however
    /// they are written. Settings that came later are left out at their defaults.
    package func canonicalSettings(_ kind: PluginKind, _ choice: PluginChoice) throws -> String {
        let settings = try resolvedSettings(kind, choice).filter { !$0.isLaterDefault }.sorted { $0.name < $1.name }
        return YAMLNode.mapping(settings.map { ($0.name, $0.value) }).jsonText()
    }

    /// A setting as it holds for a model.
    package struct ResolvedSetting {
        package var name: String
        package var value: YAMLNode
        /// Whether it came later than the plugin and is at its default, which keeps what was before.
        package var isLaterDefault: Bool
    }

    /// The settings of `choice` with defaults filled in, in the order of the manifest.
    package func resolvedSettings(_ kind: PluginKind, _ choice: PluginChoice) throws -> [ResolvedSetting] {
        let (entry, config) = try find(kind, choice)
        return try entry.schema.settings.compactMap { setting in
            guard let value = try config.values[setting.name].map(setting.canonical) else { return nil }
            let isDefault = try setting.defaultValue.map(setting.canonical) == value
            return ResolvedSetting(
                name: setting.name, value: value, isLaterDefault: setting.added != nil && isDefault)
        }
    }

    /// The settings of `choice` by name, defaults filled in.
    package func settings(_ kind: PluginKind, _ choice: PluginChoice) throws -> [String: YAMLNode] {
        try find(kind, choice).1.values
    }

    /// The string settings of `choice` that may be anything, defaults included: files among them are part of a model.
    package func stringSettings(
        _ kind: PluginKind, _ choice: PluginChoice
    ) throws -> [(setting: String, value: String)] {
        let (entry, config) = try find(kind, choice)
        return try entry.schema.settings.compactMap { setting in
            guard setting.type == .string, setting.choices == nil, let value = try config.values[setting.name]?.string()
            else { return nil }
            return (setting.name, value)
        }
    }

    private func find(_ kind: PluginKind, _ choice: PluginChoice) throws -> (Entry, PluginConfig) {
        guard let entry = entries[Key(kind: kind, name: choice.name)] else {
            throw choice.place.error(
                "there is no \(kind.rawValue) '\(choice.name)'",
                remedy: NearestName.remedy(for: choice.name, among: names(of: kind)))
        }
        return (entry, try entry.schema.check(choice.config, in: choice.place))
    }

    private func mismatch(_ choice: PluginChoice) -> PluginError {
        PluginError("'\(choice.name)' is registered as another kind")
    }
}

/// A plugin that a model names, with the settings it writes for it.
public struct PluginChoice: Sendable {
    public var name: String
    /// Where the name stands.
    public var place: YAMLNode
    public var config: YAMLNode?
}

extension PluginChoice {
    /// The plugin's thing called `name` with settings as a model writes them: `{imageSize: 8, width: 12}`.
    public init(_ name: String, settings: String = "{}") throws {
        let node = try YAMLNode.parse(Array(settings.utf8), file: "settings of \(name)")
        self.init(name: name, place: node, config: node)
    }
}

/// Why plugins do not fit together.
public struct PluginError: Error, Hashable, Sendable, CustomStringConvertible {
    public var message: String
    public init(_ message: String) { self.message = message }
    public var description: String { message }
}
