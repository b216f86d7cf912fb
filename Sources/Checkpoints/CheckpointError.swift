import YAML

/// Why a file of weights, or a model, cannot be read or written.
public struct CheckpointError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The file or directory it is about.
    public var path: String
    /// The tensor, where one is to blame.
    public var tensor: String?
    /// What is wrong, and what to do about it.
    public var message: String

    public init(_ path: String, tensor: String? = nil, _ message: String) {
        self.path = path
        self.tensor = tensor
        self.message = message
    }

    public var description: String {
        ("\(path): " + (tensor.map { "tensor '\($0)': " } ?? "") + message).printable
    }
}
