import AtomicFiles
import Checkpoints
import ModelGraph
import Multimodal
import YAML

/// Where a run keeps its state: `checkpoint.safetensors` (parameters, moments, steps done), `metrics.jsonl`,
/// `training.yaml` (the settings as they were used, and what the run started from) and the model directory's own files.
///
/// `OutputRecord` says that the folder is of a run, and of which: a checkpoint of another one is not gone on from.
struct RunDirectory {
    /// How a run begins in its folder.
    enum Beginning: Hashable, Sendable {
        /// In a new or empty folder, or one whose run ended before its first step.
        case fresh
        /// Where the run of the folder stopped.
        case resumed
        /// Whatever is there: files of a run's names are replaced, all others stay.
        case replacing
    }

    let folder: String
    let beginning: Beginning
    /// Random, a name for this run.
    private let run: String

    static let command = "clip train"
    static let checkpointName = "checkpoint.safetensors"
    static let metricsName = "metrics.jsonl"
    static let settingsName = "training.yaml"
    static let weightsName = "model.safetensors"

    var checkpointPath: String { path(Self.checkpointName) }
    var metricsPath: String { path(Self.metricsName) }

    private func path(_ name: String) -> String { FileSystem.resolve(name, in: folder) }

    /// Says whether a run may begin so in `folder`; makes and changes nothing.
    /// - Parameters:
    ///   - inputs: files that the run reads, none of which it writes over.
    ///   - tokenizerFiles: names of the files of the tokenizer that it will write.
    /// - Throws: `OutputRefusal`
    init(_ folder: String, _ beginning: Beginning, inputs: [String], tokenizerFiles: [String]) throws {
        self.folder = folder
        self.beginning = beginning
        let record = OutputRecord(in: folder).flatMap { $0.command == Self.command ? $0 : nil }
        let fresh = String(UInt64.random(in: 0 ... .max), radix: 16)
        switch beginning {
        case .fresh:
            run = fresh
            if record != nil {
                try Self.checkUnstarted(folder)
            } else {
                try OutputRule.check(
                    folder: folder, for: OutputRecord(command: Self.command, purpose: fresh), force: false)
            }
        case .replacing:
            run = fresh
            try OutputRule.check(folder: folder, for: OutputRecord(command: Self.command, purpose: fresh), force: true)
        case .resumed:
            run = record?.purpose ?? ""
            guard FileSystem.isFile(checkpointPath) else {
                let contents = OutputRule.contents(of: folder)
                throw OutputRefusal(
                    folder,
                    "has no \(Self.checkpointName), so there is nothing to resume"
                        + (contents.isEmpty
                            ? "; start the run without --resume"
                            : " (it holds \(contents)); start a run in another folder, or with --force in this one"))
            }
            guard record != nil else {
                throw OutputRefusal(
                    folder,
                    "was not made by '\(Self.command)' (it holds \(OutputRule.contents(of: folder))), so it is not gone on "
                        + "with; start a run in another folder")
            }
        }
        var targets = [Self.checkpointName, Self.metricsName, ModelDirectory.configName, Self.weightsName]
        // A run may be resumed with its own settings.
        if beginning != .resumed { targets.append(Self.settingsName) }
        for target in targets { try OutputRule.check(file: path(target), isNone: inputs) }
        guard beginning == .replacing else { return }
        for target in targets + tokenizerFiles { try OutputRule.check(isNoLink: path(target)) }
    }

    /// Refuses a folder of a run that did something.
    private static func checkUnstarted(_ folder: String) throws {
        let harmless = [OutputRecord.name, settingsName]
        let results = FileSystem.names(in: folder).filter { name in
            !harmless.contains(name)
                && !(name == metricsName && FileSystem.size(of: FileSystem.resolve(name, in: folder)) == 0)
        }
        guard !results.isEmpty else { return }
        let way = results.contains(checkpointName) ? "go on with --resume, " : ""
        throw OutputRefusal(
            folder,
            "holds an earlier run (\(OutputRule.contents(of: folder))); \(way)choose another folder, or start over in this "
                + "one with --force, which replaces the run's files")
    }

    /// Makes the folder, and writes what says whose it is.
    func begin(_ config: TrainingConfig, _ origin: RunOrigin) throws {
        try FileSystem.makeDirectory(folder)
        try OutputRecord(command: Self.command, purpose: run).write(in: folder)
        let notes = "# The settings of this run; its paths start at \(config.folder)\n# It started from \(origin)\n"
        let node = try config.node.setting("init", to: origin.node)
        try AtomicFile.write(notes + node.yamlText(), to: path(Self.settingsName))
    }

    // MARK: - The checkpoint

    /// What a checkpoint says of the run: it goes on exactly only with the same.
    private static func identity(_ order: PairOrder, _ origin: RunOrigin) -> [(key: String, value: String)] {
        [
            ("batchSize", "\(order.batchSize)"), ("data.block", "\(order.block)"), ("init", origin.identity),
            ("number of pairs", "\(order.count)"), ("seed", "\(order.seed)"),
        ]
    }

    /// Writes the state after `steps` steps, whole or not at all; the one before it is replaced.
    func save(
        _ state: [String: TensorData], steps: Int, order: PairOrder, origin: RunOrigin, dtype: DType
    ) throws {
        var metadata = Dictionary(uniqueKeysWithValues: Self.identity(order, origin).map { ($0.key, $0.value) })
        metadata["steps"] = "\(steps)"
        metadata["run"] = run
        try Safetensors.write(
            to: checkpointPath,
            types: state.mapValues { TensorType($0.dtype.isFloat ? dtype : $0.dtype, $0.shape) }, metadata: metadata
        ) { name in
            guard let data = state[name] else { throw CheckpointError(checkpointPath, tensor: name, "is missing") }
            return data.converted(to: data.dtype.isFloat ? dtype : data.dtype)
        }
    }

    /// Steps that the run did before; 0 where it is none that is resumed.
    func stepsDone() throws -> Int {
        guard beginning == .resumed else { return 0 }
        let file = try Safetensors(path: checkpointPath)
        guard let text = file.metadata["steps"], let steps = Int(text), steps >= 0 else {
            throw CheckpointError(checkpointPath, "does not say after how many steps it was written")
        }
        guard file.metadata["run"] == run else {
            throw CheckpointError(
                checkpointPath,
                "is of an earlier run in this folder, and the last one left none; start over with --force")
        }
        return steps
    }

    /// The state that the run left, for the parameters of `graph`; nil where it is none that is resumed.
    func restore(_ graph: Graph, order: PairOrder, origin: RunOrigin) throws -> [String: TensorData]? {
        guard beginning == .resumed else { return nil }
        let file = try Safetensors(path: checkpointPath)
        for (key, value) in Self.identity(order, origin) where file.metadata[key] != value {
            throw CheckpointError(
                checkpointPath,
                "was made with \(key) \(file.metadata[key] ?? "unknown"), this run has \(value); "
                    + "use the same, or another output")
        }
        return try ModelDirectory.parameters(for: graph, in: file)
    }
}
