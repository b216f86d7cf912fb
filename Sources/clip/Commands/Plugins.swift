import ArgumentParser
import CLIPKit
import YAML

/// `clip plugins`
struct Plugins: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show the plugins of this program: encoders, tokenizers, losses, backends.",
        subcommands: [List.self, Info.self], defaultSubcommand: List.self)

    struct List: ClipSubcommand {
        static let title = "plugins list"
        static let configuration = CommandConfiguration(abstract: "List plugins and what they provide.")

        @Flag(name: .long, help: "One JSON object a line.")
        var json = false

        func run(in context: CommandContext) async throws {
            let manifests = try context.registry().manifests
            if json { return try writeJSON(manifests, context) }
            var table = Table(["NAME", "VERSION", "PROVIDES", "SUMMARY"])
            for manifest in manifests {
                let provides = manifest.provides.map { "\($0.kind.rawValue) \($0.name)" }.joined(separator: ", ")
                table.add([manifest.name, manifest.version, provides, manifest.summary])
            }
            try context.print(table.text)
        }
    }

    struct Info: ClipSubcommand {
        static let title = "plugins info"
        static let configuration = CommandConfiguration(
            abstract: "Show what a plugin provides, and every setting that a model can give it.")

        @Argument(help: ArgumentHelp("A plugin of 'clip plugins list'.", valueName: "name"))
        var name: String

        @Flag(name: .long, help: "One JSON object.")
        var json = false

        func run(in context: CommandContext) async throws {
            let manifests = try context.registry().manifests
            guard let manifest = manifests.first(where: { $0.name == name }) else {
                let remedy = NearestName.remedy(for: name, among: manifests.map(\.name))
                throw UsageError("there is no plugin '\(name)'; \(remedy)")
            }
            if json { return try writeJSON([manifest], context) }
            var text = "\(manifest.name) \(manifest.version)\n\(manifest.summary)\n"
            for provision in manifest.provides {
                text += "\n\(provision.kind.rawValue) '\(provision.name)'\n"
                var table = Table()
                for setting in provision.schema.settings {
                    table.add(["  \(setting.name)", try Self.range(setting), setting.summary ?? ""])
                }
                text += provision.schema.settings.isEmpty ? "  no settings\n" : table.text
            }
            try context.print(text)
        }

        /// "integer, default 224, 1 to 8192 pixels"
        private static func range(_ setting: ConfigSchema.Setting) throws -> String {
            var parts = [setting.type.rawValue]
            if let value = setting.defaultValue {
                parts.append("default \(try value.text())")
            } else {
                parts.append("required")
            }
            if let choices = setting.choices { parts.append("one of " + choices.joined(separator: ", ")) }
            switch (setting.minimum, setting.maximum) {
            case (let low?, let high?): parts.append("\(plain(low)) to \(plain(high))")
            case (let low?, nil): parts.append("at least \(plain(low))")
            case (nil, let high?): parts.append("at most \(plain(high))")
            case (nil, nil): break
            }
            return parts.joined(separator: ", ") + (setting.unit.map { " " + $0 } ?? "")
        }

        private static func plain(_ number: Double) -> String { Int(exactly: number).map(String.init) ?? "\(number)" }
    }

    private static func writeJSON(_ manifests: [PluginManifest], _ context: CommandContext) throws {
        for manifest in manifests {
            try context.print(
                YAMLNode.mapping([
                    "name": .string(manifest.name), "version": .string(manifest.version),
                    "summary": .string(manifest.summary), "provides": .sequence(manifest.provides.map(\.node)),
                ]).jsonText())
        }
    }
}

extension PluginManifest.Provision {
    fileprivate var node: YAMLNode {
        .mapping([
            "kind": .string(kind.rawValue), "name": .string(name),
            "config": .mapping(schema.settings.map { ($0.name, $0.node) }),
        ])
    }
}

extension ConfigSchema.Setting {
    fileprivate var node: YAMLNode {
        var pairs: [(key: String, value: YAMLNode)] = [("type", .string(type.rawValue))]
        if let defaultValue { pairs.append(("default", defaultValue)) }
        if let minimum { pairs.append(("minimum", .double(minimum))) }
        if let maximum { pairs.append(("maximum", .double(maximum))) }
        if let choices { pairs.append(("oneOf", .sequence(choices.map { .string($0) }))) }
        if let unit { pairs.append(("unit", .string(unit))) }
        if let summary { pairs.append(("summary", .string(summary))) }
        return .mapping(pairs)
    }
}
