import ArgumentParser
import CLIPKit
import YAML

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
    import MachO
#endif

/// `clip doctor`
struct Doctor: ClipSubcommand {
    static let title = "doctor"
    static let configuration = CommandConfiguration(
        abstract: "Show what holds on this machine: settings and where each comes from, processor, libraries, plugins.",
        discussion: """
            Worth attaching to a report of a problem. Exit status 1 where something would keep commands from working; \
            variables that are named like clip's and are none of them are warnings.
            """)

    @OptionGroup var model: ModelOption
    @OptionGroup var backend: BackendOptions

    @Flag(name: .long, help: "One JSON object a line.")
    var json = false

    private struct Finding {
        var topic: String
        var name: String
        var value: String
        var origin = ""
    }

    func run(in context: CommandContext) async throws {
        var report = Report()
        report.add("program", "clip", Clip.configuration.version)
        settings(context, &report)
        Self.processor(&report)
        report.add(
            "processor", "count", "\(Threads.processorCount)", "switched on, and allowed by affinity and control groups"
        )
        models(context, &report)
        for path in Self.loadedLibraries() { report.add("library", Self.name(of: path), path) }
        for stranger in Settings.strangers(in: context.environment) {
            report.add("warning", stranger.name, "is no variable of clip" + (stranger.remedy.map { "; \($0)" } ?? ""))
        }
        for problem in report.problems { report.add("problem", "", problem) }
        try write(report.findings, context)
        if !report.problems.isEmpty { throw ExitCode(1) }
    }

    /// What was found, and what is wrong with it.
    private struct Report {
        var findings: [Finding] = []
        var problems: [String] = []

        mutating func add(_ topic: String, _ name: String, _ value: String, _ origin: String = "") {
            findings.append(Finding(topic: topic, name: name, value: value, origin: origin))
        }

        mutating func add(_ key: Settings.Key, _ value: Settings.Value) {
            add("setting", key.rawValue, value.text, value.origin)
        }

        /// An error of `body` is a problem; what comes after is looked at all the same.
        mutating func check(_ body: (inout Report) throws -> Void) {
            do {
                try body(&self)
            } catch {
                if !problems.contains("\(error)") { problems.append("\(error)") }
            }
        }
    }

    private func write(_ findings: [Finding], _ context: CommandContext) throws {
        if json {
            for finding in findings {
                var pairs: [(key: String, value: YAMLNode)] = [
                    ("topic", .string(finding.topic)), ("name", .string(finding.name)),
                    ("value", .string(finding.value)),
                ]
                if !finding.origin.isEmpty { pairs.append(("from", .string(finding.origin))) }
                try context.print(YAMLNode.mapping(pairs).jsonText())
            }
            return
        }
        var table = Table(["TOPIC", "NAME", "VALUE", "FROM"])
        for finding in findings { table.add([finding.topic, finding.name, finding.value, finding.origin]) }
        try context.print(table.text)
    }

    // MARK: - What is looked at

    private func settings(_ context: CommandContext, _ report: inout Report) {
        report.check { report in
            let settings = try context.settings()
            report.check { $0.add(.model, try model.value(in: settings)) }
            report.check { try backends(settings, context.registry(), &$0) }
            let (all, limit) = (Threads.processorCount, BackendOptions.maximumThreads)
            let threads = ("--threads", backend.threads)
            report.check {
                $0.add(.threads, try settings.count(.threads, flag: threads, default: all, maximum: limit).1)
            }
            report.check { $0.add(.jobs, try settings.count(.jobs, default: all, maximum: limit).1) }
            report.check { report in
                let batchSize = try settings.count(.batchSize, maximum: 4096)?.1
                report.add(.batchSize, batchSize ?? Settings.Value(text: "found by measuring", origin: "default"))
            }
            report.check { $0.add(.trustModel, try settings.choice(.trustModel, default: Answer.false).1) }
            if let file = settings.file {
                report.add("setting", "config file", file, access(file, R_OK) == 0 ? "read" : "absent")
            }
        }
        report.check { report in
            let store = try context.modelStore()
            for folder in store.folders {
                report.add("setting", "models", folder, FileSystem.isDirectory(folder) ? "" : "absent")
            }
            if let hub = store.hub { report.add("setting", "hub cache", hub.folder) }
        }
        report.check { _ in _ = try HubConfiguration(environment: context.environment) }
        report.check { _ in try Settings.checkPaths(in: context.environment) }
    }

    private func backends(_ settings: Settings, _ plugins: PluginRegistry, _ report: inout Report) throws {
        report.add(.backend, try backend.backend(in: settings, plugins))
        let runner = try plugins.backend(backend.name(in: settings, plugins))
        let capabilities = runner.capabilities
        report.add("backend", "instructions", capabilities.instructionSet)
        if !capabilities.instructionSets.isEmpty {
            report.add(
                "backend", "instruction sets", capabilities.instructionSets.joined(separator: " "),
                "CLIP_CPU_ISA takes one of them")
        }
        var (precision, value) = try backend.precision(in: settings, runner)
        if value.text != precision.rawValue { value.text += ": \(precision.rawValue)" }
        report.add(.precision, value)
    }

    private func models(_ context: CommandContext, _ report: inout Report) {
        report.check { report in
            let plugins = try context.registry()
            for manifest in plugins.manifests {
                report.add("plugin", manifest.name, manifest.version, manifest.summary)
            }
            let directory = try model.opening(in: context.settings()) { name in
                try context.modelStore().open(name, plugins: plugins, options: model.options())
            }
            report.add("model", directory.config.name, "space \(directory.space)", directory.folder)
            if let record = directory.config.quantization {
                report.add("model", "precision", record.precision.rawValue, "where nothing else is asked for")
            }
        }
    }

    /// The processor's name, and those of its abilities that speed depends on.
    private static func processor(_ report: inout Report) {
        #if os(Linux)
            guard let text = readText("/proc/cpuinfo") else { return }
            var seen: Set<Substring> = []
            let wanted: Set<Substring> = [
                "avx2", "fma", "f16c", "avx512f", "avx512bw", "avx512vl", "avx512_vnni", "avx512_bf16", "avx512_fp16",
                "amx_bf16", "amx_int8", "avx_vnni", "asimd", "asimdhp", "asimddp", "bf16", "i8mm", "sve", "sve2",
            ]
            for line in text.split(separator: "\n") {
                guard let colon = line.firstIndex(of: ":") else { continue }
                let key = line[..<colon].split(whereSeparator: \.isWhitespace).joined(separator: " ")
                let value = line[line.index(after: colon)...].drop { $0 == " " }
                switch key {
                case "model name" where seen.insert("name").inserted: report.add("processor", "name", String(value))
                case "flags" where seen.insert("flags").inserted, "Features" where seen.insert("flags").inserted:
                    let abilities = value.split(separator: " ").filter { wanted.contains($0) }
                    report.add("processor", "abilities", abilities.joined(separator: " "))
                default: break
                }
            }
        #else
            var size = 0
            sysctlbyname("machdep.cpu.brand_string", nil, &size, nil, 0)
            var name = [UInt8](repeating: 0, count: size)
            sysctlbyname("machdep.cpu.brand_string", &name, &size, nil, 0)
            report.add("processor", "name", String(decoding: name.prefix { $0 != 0 }, as: UTF8.self))
        #endif
    }

    /// Paths of the shared libraries in this process; the file's name tells its version.
    private static func loadedLibraries() -> [String] {
        #if os(Linux)
            guard let text = readText("/proc/self/maps") else { return [] }
            var paths: Set<String> = []
            for line in text.split(separator: "\n") {
                guard let slash = line.firstIndex(of: "/") else { continue }
                let path = String(line[slash...])
                if path.contains(".so") { paths.insert(path) }
            }
            return paths.sorted()
        #else
            return (0..<_dyld_image_count()).compactMap { _dyld_get_image_name($0).map { String(cString: $0) } }
                .filter { !$0.hasPrefix("/System/") && !$0.hasPrefix("/usr/lib/") }
        #endif
    }

    private static func name(of path: String) -> String {
        let file = path.split(separator: "/").last ?? ""
        return String(file.prefix { $0 != "." })
    }

    private static func readText(_ path: String) -> String? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        let reader = LineReader(descriptor: descriptor, name: path, separator: .nul)
        guard case .line(let line)? = try? reader.next() else { return nil }
        return String(decoding: line.bytes, as: UTF8.self)
    }
}
