public import ModelGraph
import Multimodal

extension ModelDirectory {
    /// The values of the graph's parameters, in the types that the graph has them in: weights stored in half precision
    /// are converted, when they are read. A tensor that is missing or has another shape is an error that names the file and
    /// the tensor.
    public func parameters(for graph: Graph) throws -> [String: TensorData] {
        try Self.parameters(for: graph, in: weights, keys)
    }

    package static func parameters(
        for graph: Graph, in weights: any WeightFile, _ keys: KeyMap = .identity
    ) throws -> [String: TensorData] {
        var values: [String: TensorData] = [:]
        for (parameter, type) in graph.parameterSignature {
            values[parameter.name] = try keys.values(parameter.name, type.shape, in: weights).widened(to: type.dtype)
            // What was copied is not needed in the file any more; what was not is not read yet.
            release(try keys.entries(parameter.name, type.shape, in: weights), of: weights)
        }
        return values
    }

    static func release(_ entries: [WeightEntry], of weights: any WeightFile) {
        guard let mapped = weights as? any MappedWeightFile else { return }
        for entry in entries { mapped.release(entry.name) }
    }

    /// Checks that the file has what the model needs and nothing else; gives the weights, with positions resized to what
    /// the model needs, and what it needs, by name.
    static func check(
        _ weights: any WeightFile, _ model: DualEncoder, _ keys: KeyMap
    ) throws -> (weights: any WeightFile, parameters: [(name: String, shape: Shape)]) {
        var used: Set<String> = []
        var parameters: [(name: String, shape: Shape)] = []
        let graph = try model.completeGraph()
        let signature = graph.parameterSignature.map { ($0.parameter.name, $0.type.shape) }
        let weights = ResizedPositions.fitting(weights, to: signature, keys)
        for (parameter, type) in graph.parameterSignature {
            for entry in try keys.entries(parameter.name, type.shape, in: weights) { used.insert(entry.name) }
            parameters.append((parameter.name, type.shape))
        }
        let isDouble = used.contains { weights[$0]?.type.dtype == .float64 }
        for entry in weights.entries where !used.contains(entry.name) && !isIgnorable(entry, isDouble: isDouble) {
            throw CheckpointError(
                weights.path, tensor: entry.name,
                "\(entry.type) is not part of the model '\(model.config.name)'; "
                    + "do its description and the weights belong together?")
        }
        return (weights, parameters.sorted { $0.name < $1.name })
    }

    /// Whether a tensor that the model does not need may be there all the same: whole numbers, which no encoder learns
    /// (positions, counters), double precision beside weights in another (statistics), masks, single numbers that are of
    /// no tower, and the sizes in OpenAI's archives. Anything else is a parameter of another model.
    private static func isIgnorable(_ entry: WeightEntry, isDouble: Bool) -> Bool {
        let name = entry.name
        let last = name.split(separator: ".").last.map(String.init) ?? name
        let isOwnScalar = ["logit_scale", "logit_bias"].contains(name)
        return !entry.type.dtype.isFloat || entry.type.dtype == .float64 && !isDouble
            || ["attn_mask", "position_ids", "num_batches_tracked"].contains(last)
            || entry.type.shape.rank == 0 && !name.contains(".") && !isOwnScalar
            || ["input_resolution", "context_length", "vocab_size"].contains(name)
    }
}

extension TensorData {
    /// The same values in `dtype`; from bfloat16 and float16 to float32 without a detour.
    package func widened(to dtype: DType) -> TensorData {
        guard dtype == .float32, self.dtype == .bfloat16 || self.dtype == .float16 else { return converted(to: dtype) }
        return TensorData.whenRead(TensorType(.float32, shape)) { target in
            withUnsafeBytes { source in
                let values = target.bindMemory(to: Float.self)
                let stored = source.bindMemory(to: UInt16.self)
                if self.dtype == .bfloat16 {
                    for index in values.indices { values[index] = bfloat16ToFloat(stored[index]) }
                } else {
                    for index in values.indices { values[index] = halfToFloat(stored[index]) }
                }
            }
            releasePages()
        }
    }
}
