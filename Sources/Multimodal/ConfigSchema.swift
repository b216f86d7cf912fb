public import YAML

/// The settings that a plugin takes, as its manifest declares them. Checks what a model writes, and documents itself.
public struct ConfigSchema: Sendable {
    public enum ValueType: String, Hashable, Sendable, CaseIterable { case integer, number, boolean, string }

    public struct Setting: Sendable {
        public var name: String
        public var type: ValueType
        /// Used where a model writes nothing; without one the setting must be written.
        public var defaultValue: YAMLNode?
        public var minimum: Double?
        public var maximum: Double?
        /// The only values allowed, where the manifest lists them.
        public var choices: [String]?
        /// `pixels`, `tokens`; for people.
        public var unit: String?
        public var summary: String?
        /// The plugin's version that brought the setting, where models were written before it. At its default such a
        /// setting is left out of what a model's space is made of, so that embeddings made before stay comparable.
        public var added: String?
    }

    public var settings: [Setting]

    public init(settings: [Setting]) { self.settings = settings }

    /// Reads `name: {type:, default:, minimum:, maximum:, oneOf:, unit:, summary:, added:}` entries. Refused: bounds of what
    /// is no number, choices of what is no string, and an `added` that is no version up to the plugin's, `version`.
    public init(_ node: YAMLNode, version: String? = nil) throws {
        var map = try node.mapping()
        settings = try map.rest().map { name, node in
            var map = try node.mapping()
            var setting = Setting(name: name, type: try map.required("type").value(of: ValueType.self))
            let (minimum, maximum, oneOf) = (map.optional("minimum"), map.optional("maximum"), map.optional("oneOf"))
            setting.minimum = try minimum?.double()
            setting.maximum = try maximum?.double()
            setting.choices = try oneOf?.array { try $0.text() }
            let isNumber = setting.type == .integer || setting.type == .number
            if let bound = minimum ?? maximum, !isNumber {
                throw bound.error("a setting of type \(setting.type.rawValue) has no bounds", remedy: "leave them out")
            }
            if let low = setting.minimum, let high = setting.maximum, let minimum, low > high {
                throw minimum.error("the minimum is above the maximum", remedy: "change one of them")
            }
            if let oneOf, setting.type != .string || setting.choices?.isEmpty == true {
                throw oneOf.error(
                    setting.type == .string
                        ? "there is no choice" : "a setting of type \(setting.type.rawValue) has no choices",
                    remedy: "list strings, or leave it out")
            }
            setting.unit = try map.optional("unit")?.string()
            setting.summary = try map.optional("summary")?.string()
            setting.defaultValue = map.optional("default")
            let added = map.optional("added")
            setting.added = try added.map { try Self.added($0, version) }
            try map.finish()
            if let added, setting.defaultValue == nil {
                throw added.error(
                    "'\(name)' was added without a default", remedy: "give it the default that keeps what was before")
            }
            if let value = setting.defaultValue { try setting.check(value) }
            return setting
        }
    }

    private static func added(_ node: YAMLNode, _ version: String?) throws -> String {
        let text = try node.string()
        guard let added = SemanticVersion(text) else {
            throw node.error("'\(text)' is not a semantic version", remedy: "write it like \"1.1.0\"")
        }
        if let version = version.flatMap({ SemanticVersion($0) }), added > version {
            throw node.error("\(text) comes after the plugin's own version", remedy: "raise that, or lower this")
        }
        return text
    }

    /// The settings written in `node` (nil: none), checked, with defaults for the rest. `place` is what misses them.
    public func check(_ node: YAMLNode?, in place: YAMLNode) throws -> PluginConfig {
        var values: [String: YAMLNode] = [:]
        var map = try node?.mapping()
        for setting in settings {
            if let value = map?.optional(setting.name) {
                try setting.check(value)
                values[setting.name] = value
            } else if var value = setting.defaultValue {
                value.location = (node ?? place).location  // errors are about the model, not the manifest
                values[setting.name] = value
            } else {
                throw (node ?? place).error(
                    "the setting '\(setting.name)' is missing", remedy: "add it to config, as \(setting.type.rawValue)")
            }
        }
        try map?.finish()
        return PluginConfig(values: values, place: node ?? place)
    }
}

extension ConfigSchema.Setting {
    init(name: String, type: ConfigSchema.ValueType) {
        self.name = name
        self.type = type
    }

    func check(_ value: YAMLNode) throws {
        switch type {
        case .integer: try checkRange(Double(value.int()), value)
        case .number: try checkRange(value.double(), value)
        case .boolean: _ = try value.bool()
        case .string: _ = try value.string()
        }
        if let choices {
            _ = try value.string(oneOf: choices)
        }
    }

    /// The same for values that mean the same.
    func canonical(_ value: YAMLNode) throws -> YAMLNode {
        type == .number ? .double(try value.double()) : value
    }

    private func checkRange(_ number: Double, _ value: YAMLNode) throws {
        if let minimum, number < minimum {
            throw value.error(
                "\(name) is \(try value.text()), below the minimum", remedy: "the least is \(plain(minimum))")
        }
        if let maximum, number > maximum {
            throw value.error(
                "\(name) is \(try value.text()), above the maximum", remedy: "the most is \(plain(maximum))")
        }
    }

    private func plain(_ number: Double) -> String {
        Int(exactly: number).map(String.init) ?? "\(number)"
    }
}

/// Settings as a plugin reads them: checked against its manifest, with defaults filled in.
public struct PluginConfig: Sendable {
    package let values: [String: YAMLNode]
    private let place: YAMLNode

    package init(values: [String: YAMLNode], place: YAMLNode) {
        self.values = values
        self.place = place
    }

    public func integer(_ name: String) throws -> Int { try value(name).int() }
    public func number(_ name: String) throws -> Double { try value(name).double() }
    public func boolean(_ name: String) throws -> Bool { try value(name).bool() }
    public func string(_ name: String) throws -> String { try value(name).string() }

    /// An error at the setting's place in the model's file.
    public func error(_ name: String, _ message: String, remedy: String) -> any Error {
        (values[name] ?? place).error(message, remedy: remedy)
    }

    private func value(_ name: String) throws -> YAMLNode {
        guard let value = values[name] else {
            throw PluginError("the plugin reads a setting '\(name)' that its manifest does not declare")
        }
        return value
    }
}
