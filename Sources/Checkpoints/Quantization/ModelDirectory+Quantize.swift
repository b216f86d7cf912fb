import AtomicFiles
import ModelGraph
public import Multimodal
import YAML

extension ModelDirectory {
    /// Writes this model with 8-bit weights into another directory: matrices of inner products and tables of rows that
    /// are looked up become integers with a scale for each row; the first and the last layer, norms, biases and
    /// positions stay as they are. The file is about a quarter of float32's.
    ///
    /// What is written is opened as any other model, and computes with the rounded weights on every backend. `record`
    /// says in which precision it is to run. Its space is its own: its embeddings are not those of this model. The directory
    /// is there whole or not at all.
    /// - Parameters:
    ///   - target: new, empty, or made before from the same model; see `OutputRule`.
    ///   - replacing: whether it is written into `target` whatever is there: files of the same names are replaced, others
    ///     stay.
    ///   - measure: called with the model that was written; the record that it gives takes the place of `record`.
    /// - Throws: `OutputRefusal` where `target` is taken or is this model's own.
    public func writeQuantized(
        to target: String, record: QuantizationRecord, replacing: Bool = false, plugins: PluginRegistry,
        measure: ((ModelDirectory) throws -> QuantizationRecord)? = nil
    ) throws {
        try OutputRule.check(folder: target, isNone: sources)
        let output = OutputRecord(command: "clip models quantize", purpose: "of the space \(space)")
        try OutputRule.check(folder: target, for: output, force: replacing)
        try FileSystem.makeDirectory(FileSystem.folder(of: target))
        var space = ""
        try AtomicDirectory.write(
            to: target, record: output, force: replacing,
            check: { try Self.check(mixed: $0, for: space, at: target, plugins: plugins) }
        ) { temporary in
            try writeRounded(to: temporary, record, plugins)
            let written = try ModelDirectory(path: temporary, plugins: plugins)
            space = written.space
            if let measure { try written.write(measure(written)) }
        }
    }

    private func writeRounded(to target: String, _ record: QuantizationRecord, _ plugins: PluginRegistry) throws {
        let weightsName = "model.safetensors"
        let chosen = try towerGraphs().reduce(into: Set<String>()) { $0.formUnion($1.quantizableParameters()) }
        var types: [String: TensorType] = [:]
        for (name, shape) in try Self.check(weights, model, keys).parameters {
            let dtype = try keys.entries(name, shape, in: weights).first?.type.dtype ?? .float32
            types[name] = TensorType(chosen.contains(name) ? .int8 : dtype, shape)
            if chosen.contains(name) {
                types[name + QuantizedWeights.scaleSuffix] = TensorType(.float32, [shape[0]])
            }
        }
        let shapes = types
        try Safetensors.write(
            to: FileSystem.resolve(weightsName, in: target), types: types,
            metadata: ["format": "pt", QuantizedWeights.marker.key: QuantizedWeights.marker.value]
        ) { name in
            let isScale =
                shapes[name + QuantizedWeights.scaleSuffix] == nil && name.hasSuffix(QuantizedWeights.scaleSuffix)
            let parameter = isScale ? String(name.dropLast(QuantizedWeights.scaleSuffix.count)) : name
            guard let shape = shapes[parameter]?.shape else {
                throw CheckpointError(weights.path, tensor: name, "is missing")
            }
            let values = try keys.values(parameter, shape, in: weights)
            guard chosen.contains(parameter) else { return values }
            guard let quantized = values.quantizedRows() else {
                throw CheckpointError(weights.path, tensor: parameter, "holds NaN or infinity and cannot be quantised")
            }
            return isScale ? quantized.scales : quantized.values
        }
        try Self.writeDescription(
            to: target, node: config.node.setting("quantization", to: record.node), config: config,
            weightsName: weightsName, tokenizerFolder: folder, plugins: plugins)
    }

    /// Writes another record into this model's `model.yaml`.
    public func write(_ record: QuantizationRecord) throws {
        let node = try config.node.setting("quantization", to: record.node)
        try AtomicFile.write(node.yamlText(), to: FileSystem.resolve(Self.configName, in: folder))
    }

    /// Bytes of all tensors as they are stored.
    package var weightsByteCount: Int { FileSystem.size(of: weights.path) }

    private func towerGraphs() throws -> [Graph] {
        var graphs: [Graph] = []
        if config.image != nil { graphs.append(try model.imageGraph(batch: 2)) }
        if config.text != nil { graphs.append(try model.textGraph(batch: 2, length: model.text.contextLength)) }
        return graphs
    }
}

extension Graph {
    /// Parameters that inner products take as `[outputs, ...]`, and tables of rows.
    fileprivate func quantizableParameters() -> Set<String> {
        let inner = innerProducts()
        var names: Set<String> = []
        for node in nodes {
            switch node.op {
            case .matmul where inner.contains(node.id):
                // `x · weightᵀ`: the parameter has a row for each output.
                let weight = self[node.inputs[1]]
                if case .transpose = weight.op, let name = parameterName(weight.inputs[0]) { names.insert(name) }
            case .convolution where inner.contains(node.id), .gather:
                let operand = node.inputs[node.op.isGather ? 0 : 1]
                if let name = parameterName(operand) { names.insert(name) }
            default: break
            }
        }
        return names
    }

    private func parameterName(_ id: Node.ID) -> String? {
        if case .parameter(let parameter) = self[id].op { parameter.name } else { nil }
    }
}

extension Op {
    fileprivate var isGather: Bool { if case .gather = self { true } else { false } }
}
