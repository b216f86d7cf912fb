public import Multimodal
import YAML

/// Runs every suite on everything that a plugin provides, made through its manifest as a model makes it, and checks what the
/// manifest says of settings.
///
///     let report = PluginConformance.run(
///         MyPlugin(), beside: [CPUPlugin(), ReferencePlugin()], settings: ["my-encoder": ["{imageSize: 8, width: 12}"]])
///     #expect(report.hasPassed, "\(report)")
///
/// The suites are those of each kind: `ImageEncoderConformance`, `TextEncoderConformance`, `TokenizerConformance`,
/// `LossConformance`, `BackendConformance`. Of settings: the defaults build; the least and the most that a setting may be
/// build, or are refused by an error that names a setting; and each setting changes something.
public enum PluginConformance {
    /// - Parameters:
    ///   - others: further plugins. Encoders and losses run on all of their backends; a backend is compared with the one
    ///     called `reference` among them.
    ///   - settings: for things by name, the settings to run with, as a model writes them. An encoder needs small ones, as
    ///     it is evaluated in double precision; several, where what it builds depends on them. None: the defaults.
    ///   - folder: the model's folder, where a tokenizer finds its files.
    ///   - longText: as of `TokenizerConformance`.
    public static func run(
        _ plugin: any Plugin, beside others: [any Plugin], settings: [String: [String]] = [:], folder: String = "",
        longText: Int = 1 << 16
    ) -> ConformanceReport {
        var report = ConformanceReport()
        do {
            let run = try PluginRun(plugin, others, settings, folder, longText)
            for provision in run.manifest.provides { try run.check(provision, &report) }
        } catch {
            report.record("plugin", ConformanceFailure(subject: "plugin", message: "\(error)"))
        }
        return report
    }
}

/// A plugin among others, and how it is run.
private struct PluginRun {
    let manifest: PluginManifest
    private let registry: PluginRegistry
    private let backends: [any Backend]
    private let settings: [String: [String]]
    private let folder: String
    private let longText: Int

    init(
        _ plugin: any Plugin, _ others: [any Plugin], _ settings: [String: [String]], _ folder: String,
        _ longText: Int
    ) throws {
        func manifest(_ plugin: any Plugin) throws -> PluginManifest {
            try PluginManifest(YAMLNode.parse(plugin.manifest, file: "\(type(of: plugin))/plugin.yaml"))
        }
        let own = try manifest(plugin)
        let rest = try others.filter { try manifest($0).name != own.name }
        let registry = try PluginRegistry([plugin] + rest)
        self.manifest = own
        self.registry = registry
        backends = try registry.names(of: .backend).map(registry.backend)
        self.settings = settings
        self.folder = folder
        self.longText = longText
        let provided = Set(own.provides.map(\.name))
        if let unknown = settings.keys.sorted().first(where: { !provided.contains($0) }) {
            throw PluginError("settings are given for '\(unknown)', which '\(own.name)' does not provide")
        }
    }

    func check(_ provision: PluginManifest.Provision, _ report: inout ConformanceReport) throws {
        let given = settings[provision.name] ?? []
        let maker = ProvisionMaker(registry: registry, provision: provision, folder: folder)
        var settings = try given.map { try SettingValues(provision.name, $0) }
        // Some tokenizers have no files by their defaults' names.
        if given.isEmpty { settings.append(SettingValues()) }
        report.merge(SettingChecks(maker: maker, given: settings).run())
        for values in settings {
            do {
                var part = suite(try maker.make(values))
                part.explain("\(provision.name) \(values.text)")
                report.merge(part)
            } catch {
                report.record(
                    "settings.build",
                    ConformanceFailure(
                        subject: "settings.build", message: "\(provision.name) \(values.text) cannot be made: \(error)")
                )
            }
        }
    }

    private func suite(_ made: Provided) -> ConformanceReport {
        switch made {
        case .imageEncoder(let encoder):
            return small(encoder.imageSize * encoder.imageSize * 3) {
                let x = $0.input("x", TensorType(.float32, [2, 3, encoder.imageSize, encoder.imageSize]))
                return encoder.build(x, in: ParameterScope(builder: $0)).pooled
            } ?? ImageEncoderConformance.run(encoder, backends: backends)
        case .textEncoder(let encoder):
            return small(encoder.contextLength) {
                let x = $0.input("x", TensorType(.int32, [2, encoder.contextLength]))
                return encoder.build(x, in: ParameterScope(builder: $0)).pooled
            } ?? TextEncoderConformance.run(encoder, backends: backends)
        case .tokenizer(let tokenizer): return TokenizerConformance.run(tokenizer, longText: longText)
        case .loss(let loss): return LossConformance.run(loss, backends: backends)
        case .backend(let backend):
            guard let reference = try? registry.backend("reference") else {
                return ExecutableContract(backend: backend).run()
            }
            return BackendConformance(backend, reference: reference, seeds: 0..<1).run()
        }
    }

    /// Numbers that a tower may have in all, to be evaluated many times over.
    private static let mostNumbers = 1 << 20

    /// A report that says so where a tower is too large to be checked.
    private func small(_ input: Int, _ build: (GraphBuilder) -> Tensor) -> ConformanceReport? {
        guard let graph = try? Graph.build({ [("pooled", build($0))] }) else { return nil }
        let numbers = graph.nodes.reduce(0.0) { $0 + Double($1.shape.count) }
        guard numbers > Double(Self.mostNumbers) else { return nil }
        var report = ConformanceReport()
        report.expect(
            false, "settings.size",
            "the tower has \(Int(numbers / 1e6)) million numbers, too many to evaluate in double precision; give small "
                + "settings: `settings: [\"NAME\": [\"{width: 8}\"]]`")
        return report
    }
}
