import ArgumentParser
import CLIPKit
import YAML

extension Models {
    struct Verify: ClipSubcommand {
        static let title = "models verify"
        static let configuration = CommandConfiguration(
            abstract: "Check that a model gives on this machine what it gave when it was converted.",
            discussion: """
                Recomputes the golden vectors that 'clip models convert' wrote, with each backend and precision, and says \
                how far they are: in float32 no component may differ by more than 1e-4, in bfloat16 no cosine be below \
                0.9995. Token ids, the model's space and the digests of its files must be the same. The exit status is 1 \
                where anything drifts further, and where there are no golden vectors.

                The reference backend is slow, and only run with small models or where it is named.
                """)

        @Argument(
            help: ArgumentHelp(
                "A name of 'clip models list', or the path of a model directory or of weights.", valueName: "name"))
        var name: String

        @OptionGroup var openingOptions: OpeningOptions
        @OptionGroup var trust: TrustOption

        @Option(
            name: .long,
            help: ArgumentHelp(
                "A backend to run; can be given more than once. (default: all, see above)", valueName: "name"))
        var backend: [String] = []

        @Option(
            name: .long, help: ArgumentHelp("Threads of the encoders. (default: all processors)", valueName: "count"))
        var threads: Int?

        @Flag(name: .long, help: "One JSON object.")
        var json = false

        func run(in context: CommandContext) async throws {
            let plugins = try context.registry()
            let known = plugins.names(of: .backend)
            if let wrong = backend.first(where: { !known.contains($0) }) {
                let remedy = NearestName.remedy(for: wrong, among: known)
                throw UsageError("--backend: there is no backend '\(wrong)'; \(remedy)")
            }
            let (threads, _) = try context.settings().count(
                .threads, flag: ("--threads", threads), default: Threads.processorCount,
                maximum: BackendOptions.maximumThreads)
            let directory = try context.modelStore(trusts: trust.trustModel).open(
                name, plugins: plugins, options: openingOptions.options())
            let all = known.filter { $0 != "reference" || directory.isSmall }
            let found = try ModelVerification(
                of: directory, backends: backend.isEmpty ? all : backend, plugins: plugins, threads: threads)
            try context.print(json ? found.json.jsonText() : found.text)
            if !found.isGood { throw ExitCode(1) }
        }
    }
}

extension ModelVerification {
    fileprivate var text: String {
        var facts = Table()
        func same(_ changed: [String], _ count: Int, _ what: String) -> String {
            changed.isEmpty ? "all \(count) \(what) are the same" : "DIFFERENT: " + changed.joined(separator: ", ")
        }
        facts.add(["files", same(changedFiles, golden.files.count, "digests")])
        facts.add(["tokens", same(changedTexts.map { "\"\($0)\"" }, golden.texts.count, "texts' ids")])
        facts.add(["space", space == golden.space ? "\(space), the same" : "DIFFERENT: \(space), was \(golden.space)"])
        facts.add(["vectors", "were made with \(golden.backend) in \(golden.precision.rawValue)"])
        var table = Table(["BACKEND", "PRECISION", "LARGEST DIFFERENCE", "SMALLEST COSINE", ""])
        for run in runs {
            switch run.result {
            case .drift(let drift):
                table.add([
                    run.backend, run.precision.rawValue, "\(drift.largestDifference)", "\(drift.smallestCosine)",
                    run.isWithinBounds ? "ok" : "DRIFTS: " + run.bound,
                ])
            case .unsupported(let why): table.add([run.backend, run.precision.rawValue, "-", "-", why])
            }
        }
        return facts.text + "\n" + table.text
    }

    fileprivate var json: YAMLNode {
        .mapping([
            "ok": .bool(isGood), "space": .string(space), "goldenSpace": .string(golden.space),
            "changedFiles": .sequence(changedFiles.map(YAMLNode.string)),
            "changedTexts": .sequence(changedTexts.map(YAMLNode.string)),
            "runs": .sequence(runs.map(\.json)),
        ])
    }
}

extension ModelVerification.Run {
    fileprivate var bound: String {
        precision == .float32
            ? "at most \(Self.largestDifference) is allowed"
            : "a cosine of at least \(Self.smallestCosine) is needed"
    }

    fileprivate var json: YAMLNode {
        var entries: [(key: String, value: YAMLNode)] = [
            ("backend", .string(backend)), ("precision", .string(precision.rawValue)), ("ok", .bool(isWithinBounds)),
        ]
        switch result {
        case .drift(let drift):
            entries.append(("largestDifference", .double(Double(drift.largestDifference))))
            entries.append(("smallestCosine", .double(Double(drift.smallestCosine))))
        case .unsupported(let why): entries.append(("unsupported", .string(why)))
        }
        return .mapping(entries)
    }
}
