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
        discussion:
            "Worth attaching to a report of a problem. Exit status 1 where something would keep commands from working.")

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
        var findings = [Finding(topic: "program", name: "clip", value: Clip.configuration.version)]
        var problems: [String] = []
        func check(_ body: () throws -> Void) {
            do { try body() } catch { problems.append("\(error)") }
        }
        check { findings += try settings(context) }
        findings += Self.processor()
        findings.append(Finding(topic: "processor", name: "count", value: "\(Threads.processorCount)"))
        check {
            let plugins = try context.registry()
            for manifest in plugins.manifests {
                findings.append(
                    Finding(topic: "plugin", name: manifest.name, value: manifest.version, origin: manifest.summary))
            }
            let settings = try context.settings()
            let name = try model.value(in: settings)
            let directory = try context.modelStore().open(name.text, plugins: plugins, options: model.options())
            findings.append(
                Finding(
                    topic: "model", name: directory.config.name, value: "space \(directory.space)",
                    origin: directory.folder))
            if let record = directory.config.quantization {
                findings.append(
                    Finding(
                        topic: "model", name: "precision", value: record.precision.rawValue,
                        origin: "where nothing else is asked for"))
            }
        }
        for path in Self.loadedLibraries() {
            findings.append(Finding(topic: "library", name: Self.name(of: path), value: path))
        }
        for problem in problems { findings.append(Finding(topic: "problem", name: "", value: problem)) }
        try write(findings, context)
        if !problems.isEmpty { throw ExitCode(1) }
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

    private func settings(_ context: CommandContext) throws -> [Finding] {
        let settings = try context.settings()
        var findings: [Finding] = []
        func add(_ key: Settings.Key, _ value: Settings.Value) {
            findings.append(Finding(topic: "setting", name: key.rawValue, value: value.text, origin: value.origin))
        }
        let options = backend
        add(.model, try model.value(in: settings))
        let plugins = try context.registry()
        add(.backend, try options.backend(in: settings, plugins))
        let runner = try plugins.backend(options.name(in: settings, plugins))
        var (precision, value) = try options.precision(in: settings, runner)
        if value.text != precision.rawValue { value.text += ": \(precision.rawValue)" }
        add(.precision, value)
        let all = Threads.processorCount
        let limit = BackendOptions.maximumThreads
        add(
            .threads, try settings.count(.threads, flag: ("--threads", options.threads), default: all, maximum: limit).1
        )
        add(.jobs, try settings.count(.jobs, default: all, maximum: limit).1)
        let batchSize = try settings.count(.batchSize, maximum: 4096)?.1
        add(.batchSize, batchSize ?? Settings.Value(text: "found by measuring", origin: "default"))
        add(.trustModel, try settings.choice(.trustModel, default: Answer.false).1)
        for folder in try context.modelStore().folders {
            findings.append(Finding(topic: "setting", name: "models", value: folder))
        }
        if let hub = try context.modelStore().hub {
            findings.append(Finding(topic: "setting", name: "hub cache", value: hub.folder))
        }
        findings.append(
            Finding(topic: "backend", name: "instructions", value: runner.capabilities.instructionSet))
        if let file = settings.file {
            let state = access(file, R_OK) == 0 ? "read" : "absent"
            findings.append(Finding(topic: "setting", name: "config file", value: file, origin: state))
        }
        return findings
    }

    /// The processor's name, and those of its abilities that speed depends on.
    private static func processor() -> [Finding] {
        #if os(Linux)
            guard let text = readText("/proc/cpuinfo") else { return [] }
            var findings: [Finding] = []
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
                case "model name" where seen.insert("name").inserted:
                    findings.append(Finding(topic: "processor", name: "name", value: String(value)))
                case "flags" where seen.insert("flags").inserted, "Features" where seen.insert("flags").inserted:
                    let abilities = value.split(separator: " ").filter { wanted.contains($0) }
                    findings.append(
                        Finding(topic: "processor", name: "abilities", value: abilities.joined(separator: " ")))
                default: break
                }
            }
            return findings
        #else
            var size = 0
            sysctlbyname("machdep.cpu.brand_string", nil, &size, nil, 0)
            var name = [UInt8](repeating: 0, count: size)
            sysctlbyname("machdep.cpu.brand_string", &name, &size, nil, 0)
            return [
                Finding(
                    topic: "processor", name: "name", value: String(decoding: name.prefix { $0 != 0 }, as: UTF8.self))
            ]
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
