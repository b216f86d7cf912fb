import Checkpoints
import ModelGraph
import TestSupport

/// Files of weights.
enum Weights {
    static func safetensors(_ bytes: [UInt8], _ folder: String) throws {
        try check(bytes, "\(folder)/model.safetensors", folder)
    }

    static func torch(_ bytes: [UInt8], _ folder: String) throws { try check(bytes, "\(folder)/model.pt", folder) }

    /// The pickle in an archive, which has storages of 64 and no bytes.
    static func pickle(_ bytes: [UInt8], _ folder: String) throws {
        let storage = (0..<64).map { UInt8($0) }
        let archive = ArchiveWriter.zip([
            ("archive/data.pkl", bytes), ("archive/data/0", storage), ("archive/data/1", []),
        ])
        try check(archive, "\(folder)/pickle.pt", folder)
    }

    /// All that is read, written as safetensors, reads back the same.
    private static func check(_ bytes: [UInt8], _ path: String, _ folder: String) throws {
        try overwrite(path, bytes)
        guard let weights = try reading(path, { try WeightFiles.open(path: path) }) else { return }
        var tensors: [String: TensorData] = [:]
        for entry in weights.entries {
            guard let tensor = try reading(path, { try weights.tensor(entry.name) }) else { continue }
            try require(tensor.type == entry.type, "\(entry) is \(tensor.type)")
            tensors[entry.name] = tensor
        }
        // A file of many tensors, or large ones, as a view that repeats its storage is, would only take time.
        guard !tensors.isEmpty, tensors.values.reduce(0, { $0 + $1.shape.count }) < 1 << 16 else { return }
        let copy = "\(folder)/copy.safetensors"
        try Safetensors.write(to: copy, tensors)
        let again = try WeightFiles.open(path: copy)
        try require(again.entries.count == tensors.count, "\(again.entries.count) of \(tensors.count) are written")
        for (name, tensor) in tensors { try require(try again.tensor(name) == tensor, "\(name) reads back changed") }
    }
}
