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
    /// says in which precision it is to run. Its space is its own: its embeddings are not those of this model. A quantised
    /// model that is there is replaced; any other is an error.
    public func writeQuantized(to target: String, record: QuantizationRecord, plugins: PluginRegistry) throws {
        let weightsName = "model.safetensors"
        if let file = ModelLayout.file(in: target), try ModelLayout(file: file).config.quantization == nil {
            throw CheckpointError(file, "is that of a model with other weights; write to another directory")
        }
        try FileSystem.makeDirectory(target)
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
