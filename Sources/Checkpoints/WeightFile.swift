public import ModelGraph

/// A file of named tensors, mapped into memory: what is in it is known at once, tensors are touched when asked for.
public protocol WeightFile: Sendable {
    var path: String { get }
    /// Names and types of the tensors, each name once.
    var entries: [WeightEntry] { get }
    /// The tensor of this name, if the file has it.
    subscript(name: String) -> WeightEntry? { get }
    /// The values of the tensor of this name: the mapped bytes themselves where they can be used as they are, or a copy.
    func tensor(_ name: String) throws(CheckpointError) -> TensorData
}

/// The name and type of one tensor of a file.
public struct WeightEntry: Hashable, Sendable {
    public var name: String
    public var type: TensorType

    public init(name: String, type: TensorType) {
        self.name = name
        self.type = type
    }
}

/// Weights in mapped files, as all are that are opened here.
package protocol MappedWeightFile: WeightFile {
    /// The files, in a fixed order.
    var files: [MappedFile] { get }
    /// Why other tensors that the files have cannot be used, by name, in the words of an error about the tensor.
    var unusable: [String: String] { get }
    /// What stands beside the tensors, by name: numbers, text, optimizer states.
    var ignored: [String] { get }
    /// Takes the tensor's pages out of this process: they are read again when they are touched.
    func release(_ name: String)
}

extension MappedWeightFile {
    package var ignored: [String] { [] }
}

/// Opens files of weights by what is in them, not by how they are named.
public enum WeightFiles {
    /// A safetensors file, a PyTorch archive, or the index (`model.safetensors.index.json`) of weights in several such
    /// files. Tensors have plain names: see `PlainNames`.
    public static func open(path: String) throws -> any WeightFile {
        try PlainNames.of(path.hasSuffix(ShardedWeights.suffix) ? ShardedWeights(index: path) : openOne(path: path))
    }

    /// Whether the file holds weights, or an index of them, and no description of a model.
    static func claims(_ path: String) -> Bool {
        let endings = [ShardedWeights.suffix, ".safetensors", ".pt", ".pth", ".bin", ".ckpt"]
        guard FileSystem.isFile(path) else { return false }
        if endings.contains(where: path.hasSuffix) { return true }
        return (try? MappedFile(path))?.withBytes { TorchArchive.claims($0) || Safetensors.claims($0) } ?? false
    }

    /// Whether the file holds weights, perhaps in a format that is not read.
    static func isMeant(_ path: String) -> Bool {
        claims(path) || FileSystem.isFile(path) && foreignEndings.contains(where: path.hasSuffix)
    }

    /// What to do where a model's weights are missing: they may be there in a format that is not read.
    static func remedyForMissing(in folder: String) -> String {
        let names = FileSystem.names(in: folder).filter { name in foreignEndings.contains(where: name.hasSuffix) }
        for name in names {
            guard let file = try? MappedFile(FileSystem.resolve(name, in: folder)),
                let (what, remedy) = file.withBytes({ ForeignWeights.found($0, path: name) })
            else { continue }
            return "'\(name)' beside it \(what); \(remedy)"
        }
        return "is the download complete?"
    }

    private static let foreignEndings = [
        ".gguf", ".ggml", ".onnx", ".msgpack", ".h5", ".hdf5", ".keras", ".tflite", ".npz", ".npy", ".pkl", ".pickle",
        ".incomplete", ".part", ".crdownload", ".zip", ".gz", ".xz", ".bz2", ".zst", ".tar", ".tgz", ".7z",
    ]

    /// A safetensors file, perhaps with quantised matrices, or a PyTorch archive.
    static func openOne(path: String) throws(CheckpointError) -> any MappedWeightFile {
        let file = try MappedFile(path)
        if let (what, remedy) = file.withBytes({ ForeignWeights.found($0, path: path) }) {
            throw CheckpointError(path, "\(what); \(remedy)")
        }
        if file.withBytes(TorchArchive.claims) { return try TorchArchive(file) }
        let safetensors = try Safetensors(file)
        return QuantizedWeights.claims(safetensors) ? try QuantizedWeights(safetensors) : safetensors
    }
}
