import AtomicFiles
package import ModelGraph
package import Multimodal

extension ModelDirectory {
    /// Writes this model into `folder`, an empty directory, in `layout`. Weights go through memory one tensor at a time.
    /// - Parameter dtype: element type of the weights; nil keeps each tensor's. Single numbers stay float32.
    /// - Throws: `CheckpointError` where the layout cannot express the model, or the type its values.
    package func write(
        to folder: String, layout: ModelLayoutName, dtype: DType?, plugins: PluginRegistry
    ) throws {
        var stored: [String: TensorType] = [:]
        for (parameter, type) in try model.completeGraph().parameterSignature {
            let own = try keys.entries(parameter.name, type.shape, in: weights).first?.type.dtype ?? type.dtype
            let wanted = dtype == nil ? own : type.shape.count > 1 ? dtype ?? own : .float32
            stored[parameter.name] = TensorType(own.isFloat ? wanted : own, type.shape)
        }
        let widest = stored.values.filter { $0.shape.count > 1 }.map(\.dtype).max { $0.size < $1.size } ?? .float32
        let files =
            switch layout {
            case .clip: try clipFiles(plugins)
            case .hf: try transformersFiles(dtype ?? widest, plugins)
            case .openCLIP: try openCLIPFiles(plugins)
            }
        var cuts: [String: TensorCut] = [:]
        var types: [String: TensorType] = [:]
        for (parameter, type) in stored {
            for cut in files.keys.cuts(parameter, type.shape) {
                cuts[cut.tensor] = cut
                types[cut.tensor] = TensorType(type.dtype, cut.shape)
            }
        }
        try Safetensors.write(
            to: FileSystem.resolve(files.weights, in: folder), types: types, metadata: ["format": "pt"]
        ) { name in
            guard let cut = cuts[name], let type = stored[cut.parameter] else {
                throw CheckpointError(folder, tensor: name, "is missing")
            }
            let values = cut.values(of: try keys.values(cut.parameter, type.shape, in: weights))
            return try narrowed(values, to: type.dtype, name)
        }
        for (name, contents) in files.files { try AtomicFile.write(contents, to: FileSystem.resolve(name, in: folder)) }
    }

    private func narrowed(_ values: TensorData, to dtype: DType, _ name: String) throws -> TensorData {
        if values.dtype == dtype { return values }
        let result = dtype == .float32 ? values.widened(to: dtype) : values.converted(to: dtype)
        guard dtype != .float16 || result.floats.allSatisfy(\.isFinite) else {
            throw CheckpointError(
                weights.path, tensor: name, "has values beyond float16; write bfloat16 or float32 instead")
        }
        return result
    }
}
