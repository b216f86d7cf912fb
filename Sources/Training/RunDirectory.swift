import AtomicFiles
import Checkpoints
import ModelGraph
import Multimodal
import YAML

/// Where a run keeps its state: `checkpoint.safetensors` (parameters, moments, steps done), `metrics.jsonl`,
/// `training.yaml` (the settings as they were used) and the model directory's own files.
struct RunDirectory {
    let folder: String

    var checkpointPath: String { FileSystem.resolve("checkpoint.safetensors", in: folder) }
    var metricsPath: String { FileSystem.resolve("metrics.jsonl", in: folder) }

    init(_ folder: String) throws {
        self.folder = folder
        try FileSystem.makeDirectory(folder)
    }

    func writeSettings(_ config: TrainingConfig) throws {
        let note = "# The settings of this run; its paths start at \(config.folder)\n"
        try AtomicFile.write(note + config.node.yamlText(), to: FileSystem.resolve("training.yaml", in: folder))
    }

    /// What a checkpoint says of the order of its data: a run goes on exactly only with the same.
    private static func order(_ order: PairOrder) -> [String: String] {
        [
            "seed": "\(order.seed)", "batchSize": "\(order.batchSize)", "data.block": "\(order.block)",
            "number of pairs": "\(order.count)",
        ]
    }

    /// Writes the state after `steps` steps, whole or not at all; the one before it is replaced.
    func save(_ state: [String: TensorData], steps: Int, order: PairOrder, dtype: DType) throws {
        var metadata = Self.order(order)
        metadata["steps"] = "\(steps)"
        try Safetensors.write(
            to: checkpointPath,
            types: state.mapValues { TensorType($0.dtype.isFloat ? dtype : $0.dtype, $0.shape) }, metadata: metadata
        ) { name in
            guard let data = state[name] else { throw CheckpointError(checkpointPath, tensor: name, "is missing") }
            return data.converted(to: data.dtype.isFloat ? dtype : data.dtype)
        }
    }

    /// The state that an earlier run left, for the parameters of `graph`; nil where there is none.
    func restore(_ graph: Graph, order: PairOrder) throws -> (state: [String: TensorData], steps: Int)? {
        guard FileSystem.isFile(checkpointPath) else { return nil }
        let file = try Safetensors(path: checkpointPath)
        guard let text = file.metadata["steps"], let steps = Int(text), steps >= 0 else {
            throw CheckpointError(checkpointPath, "does not say after how many steps it was written")
        }
        for (key, value) in Self.order(order).sorted(by: { $0.key < $1.key }) where file.metadata[key] != value {
            throw CheckpointError(
                checkpointPath,
                "was made with \(key) \(file.metadata[key] ?? "unknown"), this run has \(value); "
                    + "use the same, or another output")
        }
        return (try ModelDirectory.parameters(for: graph, in: file), steps)
    }
}
