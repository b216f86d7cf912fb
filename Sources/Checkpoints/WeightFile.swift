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

/// Opens files of weights by what is in them, not by how they are named.
public enum WeightFiles {
    /// A safetensors file, perhaps with quantised matrices, or a PyTorch archive.
    public static func open(path: String) throws(CheckpointError) -> any WeightFile {
        let file = try MappedFile(path)
        if file.withBytes(TorchArchive.claims) { return try TorchArchive(file) }
        let safetensors = try Safetensors(path: path)
        return QuantizedWeights.claims(safetensors) ? try QuantizedWeights(safetensors) : safetensors
    }
}
