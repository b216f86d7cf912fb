import Multimodal
import YAML

/// Checks what a manifest says of settings against what is made with them.
struct SettingChecks {
    let maker: ProvisionMaker
    /// Settings that are known to build.
    let given: [SettingValues]

    private var settings: [ConfigSchema.Setting] { maker.provision.schema.settings }
    private var name: String { maker.provision.name }

    func run() -> ConformanceReport {
        var report = ConformanceReport()
        defaults(&report)
        bounds(&report)
        for setting in settings { use(of: setting, &report) }
        return report
    }

    private func defaults(_ report: inout ConformanceReport) {
        guard settings.allSatisfy({ $0.defaultValue != nil }) else { return }
        do {
            _ = try maker.fingerprint(SettingValues())
            report.record("settings.defaults", nil)
        } catch {
            // Files of a tokenizer need not have the default name where settings are given.
            if maker.provision.kind == .tokenizer, given.contains(where: { !$0.pairs.isEmpty }) {
                return report.skip("settings.defaults", "\(name): \(error)")
            }
            fail("settings.defaults", "the defaults of its manifest do not build: \(error)", &report)
        }
    }

    /// The least and the most: built, or refused by name.
    private func bounds(_ report: inout ConformanceReport) {
        guard let base = given.first else { return }
        for setting in settings {
            for (which, bound) in [("least", setting.minimum), ("most", setting.maximum)] {
                guard let bound else { continue }
                do {
                    _ = try maker.fingerprint(base.setting(setting.name, to: node(bound, setting)))
                    report.record("settings.bounds", nil)
                } catch {
                    let isNamed = settings.contains { "\(error)".contains($0.name) }
                    if isNamed { report.record("settings.bounds", nil) }
                    if !isNamed {
                        fail(
                            "settings.bounds",
                            "\(setting.name) at the \(which) that its manifest allows fails, and no setting is named: \(error)",
                            &report)
                    }
                }
            }
        }
    }

    /// Some two values of a setting, with the others as they are given or with one of their choices, make two things.
    private func use(of setting: ConfigSchema.Setting, _ report: inout ConformanceReport) {
        guard maker.provision.kind != .backend, !setting.isFree else { return }
        var built = 0
        for base in given.flatMap(variants) {
            var found: Set<[AnyHashable]> = []
            for value in candidates(setting, base) {
                guard let print = try? maker.fingerprint(base.setting(setting.name, to: value)) else { continue }
                built += 1
                found.insert(print)
                if found.count > 1 { return report.record("settings.use", nil) }
            }
        }
        if built < 2 {
            return report.skip("settings.use of \(name).\(setting.name)", "fewer than two values of it build")
        }
        fail(
            "settings.use",
            "the manifest declares '\(setting.name)', and no value of it changes anything: use it, leave it out, or give "
                + "settings in which it counts",
            &report)
    }

    private func variants(_ base: SettingValues) -> [SettingValues] {
        [base]
            + settings.flatMap { setting -> [SettingValues] in
                setting.alternatives.map { base.setting(setting.name, to: $0) }
            }
    }

    private func candidates(_ setting: ConfigSchema.Setting, _ base: SettingValues) -> [YAMLNode] {
        let own = base[setting.name] ?? setting.defaultValue
        if !setting.alternatives.isEmpty { return [own].compactMap { $0 } + setting.alternatives }
        let now = (try? own?.double()) ?? setting.minimum ?? 1
        let numbers = [now, now + 1, now * 2, now * 3, now / 2, now + 0.125, setting.minimum ?? now]
            .filter { $0 >= setting.minimum ?? -.infinity && $0 <= setting.maximum ?? .infinity }
            .filter { setting.type == .number || $0.rounded() == $0 }
        return numbers.map { node($0, setting) }
    }

    private func node(_ number: Double, _ setting: ConfigSchema.Setting) -> YAMLNode {
        setting.type == .integer ? Int(exactly: number).map(YAMLNode.int) ?? .double(number) : .double(number)
    }

    private func fail(_ subject: String, _ message: String, _ report: inout ConformanceReport) {
        report.record(subject, ConformanceFailure(subject: subject, message: "\(name): \(message)"))
    }
}

extension ConfigSchema.Setting {
    /// The values of a setting that has few.
    fileprivate var alternatives: [YAMLNode] {
        if let choices { return choices.map { YAMLNode.string($0) } }
        return type == .boolean ? [.bool(false), .bool(true)] : []
    }

    /// Whether any text may stand here: a file's name, say.
    fileprivate var isFree: Bool { type == .string && choices == nil }
}
