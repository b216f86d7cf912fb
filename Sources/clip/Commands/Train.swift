import ArgumentParser
import CLIPKit
import Synchronization
import YAML

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// `clip train`
struct Train: ClipSubcommand {
    static let title = "train"
    static let configuration = CommandConfiguration(
        abstract: "Train a model from pairs of images and captions.",
        discussion: """
            CONFIG names the model, the data (JSON lines of {"image": "path", "text": "caption"}) and the recipe. The \
            output directory becomes a model that --model takes; it also keeps the checkpoint, metrics.jsonl and the \
            settings as they were used.

            The first line on standard error says what the run starts from: random weights, or those of the model that \
            the recipe names under init (init: starter, or init: {model: starter, towers: [image]}). model: NAME is a \
            description only.

            Before the first step all image files are looked at, and some are decoded. Bad lines and images are named \
            and passed over, exit status 2; more than data.maximumFailures of them (one in a hundred pairs) are refused. \
            An error after the first step saves the steps before it.

            The output directory is new or empty; anything else in it is refused. --resume goes on with the run in it, \
            --force starts over.

            Progress goes to standard error; one JSON record at the end tells how the run went. Ctrl-C stops after the \
            current step and leaves a checkpoint, exit status 130; --resume goes on from there.

            EXAMPLES:
              clip train config.yaml --output runs/first
              clip train config.yaml --set batchSize=128 --set optimizer.learningRate=1e-3
              clip train config.yaml --output runs/first --resume
            """)

    @Argument(
        help: ArgumentHelp("The recipe, in YAML.", valueName: "config"), completion: .file(extensions: ["yaml", "yml"]))
    var config: String

    @Option(
        name: .customLong("set"),
        help: ArgumentHelp(
            "A setting to change, by its path in the recipe. Can be given more than once.", valueName: "key=value"))
    var settings: [String] = []

    @Option(
        name: .long,
        help: ArgumentHelp("The run's directory. (default: runs/, then CONFIG's name)", valueName: "folder"),
        completion: .directory)
    var output: String?

    @Flag(
        name: .long,
        help: "Go on where an earlier run into the same directory stopped. Without its checkpoint that is an error.")
    var resume = false

    @Flag(
        name: .long,
        help:
            "Start over in the output directory whatever is there: the checkpoint, metrics.jsonl, training.yaml, model.yaml, weights and tokenizer files are replaced, all other files stay. Inputs are never replaced."
    )
    var force = false

    func validate() throws {
        if resume, force {
            throw ValidationError("--resume goes on with a run, --force starts over; leave one of them out.")
        }
    }

    func run(in context: CommandContext) async throws {
        let changes = try settings.map { text in
            let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 2, !parts[0].isEmpty else {
                throw UsageError("--set '\(text)' changes nothing; write it like --set batchSize=128")
            }
            return (path: parts[0], value: parts[1])
        }
        let file = ModelDirectory.configFile(config)
        var config = try TrainingConfig.load(file, settings: changes, models: context.modelStore())
        let plugins = try context.registry()
        try complete(&config, context.settings(), plugins)
        let name = FileSystem.name(of: file)
        let stem = name.hasSuffix(".yaml") ? String(name.dropLast(5)) : name
        let trainer = Trainer(
            config: config, output: output ?? "runs/\(stem)", plugins: plugins, resumes: resume, replaces: force)
        Interruption.watch()
        var progress = TrainingProgress(context)
        let summary: TrainingSummary
        do {
            summary = try trainer.run(report: { progress.report($0) }, shouldStop: { Interruption.isRequested })
        } catch {
            progress.finish()
            throw error
        }
        progress.finish()
        try write(summary, progress, context)
        if summary.wasStopped {
            context.note("stopped after \(counted(summary.steps, "step")); go on with --resume")
            throw ExitCode(130)
        }
        if summary.failures > 0 { throw someRecordsFailed }
    }

    /// What neither the recipe nor --set says comes from the environment and the user's file, as for other commands.
    private func complete(_ config: inout TrainingConfig, _ settings: Settings, _ plugins: PluginRegistry) throws {
        let backend = BackendOptions.defaultBackend(plugins)
        if config.node[path: "backend"] == nil { config.backend = try settings.value(.backend)?.text ?? backend }
        if config.node[path: "threads"] == nil {
            config.threads = try settings.count(
                .threads, default: Threads.processorCount, maximum: BackendOptions.maximumThreads
            ).0
        }
    }

    private func write(_ summary: TrainingSummary, _ progress: TrainingProgress, _ context: CommandContext) throws {
        let writer = RecordWriter(descriptor: context.output)
        try writer.write { object in
            object.string("model", summary.folder)
            object.int("steps", summary.steps)
            object.bool("stopped", summary.wasStopped)
            if let origin = progress.origin { object.string("startedFrom", origin) }
            if summary.failures > 0 { object.int("failures", summary.failures) }
            if let loss = summary.loss { try object.double("loss", loss) }
            if let validation = progress.validation {
                try object.object("validation") { object in
                    object.int("step", validation.step)
                    object.int("pairs", validation.pairs)
                    try object.double("loss", validation.loss)
                    try object.double("imageToTextRecall", validation.imageToTextRecall)
                    try object.double("textToImageRecall", validation.textToImageRecall)
                }
            }
        }
        try writer.flush()
    }
}

/// Ctrl-C, the request to end and the terminal's going away: noted at the first, obeyed at once at the second.
private enum Interruption {
    private static let flag = Atomic(false)

    static var isRequested: Bool { flag.load(ordering: .relaxed) }

    static func watch() {
        // Made before a handler can need it.
        _ = isRequested
        // A file that may not grow any more is an error of its writing.
        signal(SIGXFSZ, SIG_IGN)
        for number in [SIGINT, SIGTERM, SIGHUP] {
            // 'nohup' has it ignored, and so it stays.
            if number == SIGHUP, isIgnored(number) { continue }
            signal(number) { number in
                Interruption.flag.store(true, ordering: .relaxed)
                signal(number, SIG_DFL)
            }
        }
    }

    private static func isIgnored(_ number: Int32) -> Bool {
        var action = sigaction()
        guard sigaction(number, nil, &action) == 0 else { return false }
        #if canImport(Glibc)
            let handler = action.__sigaction_handler.sa_handler
        #elseif canImport(Musl)
            let handler = action.__sa_handler.sa_handler
        #else
            let handler = action.__sigaction_u.__sa_handler
        #endif
        return unsafeBitCast(handler, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
    }
}
