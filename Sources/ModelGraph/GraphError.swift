/// Why an operation cannot take the inputs it was given. Ops throw it; the builder adds who and where.
public struct OpFault: Error {
    public var message: String
    public init(_ message: String) { self.message = message }
}

/// A graph that cannot be built, with the op, its inputs and the source line that asked for it.
public struct GraphError: Error, CustomStringConvertible, Sendable {
    public var op: String
    public var inputs: [TensorType]
    public var message: String
    public var location: SourceLocation

    public var description: String {
        let shapes = inputs.map(\.description).joined(separator: " and ")
        return "\(location): \(op)\(shapes.isEmpty ? "" : " of \(shapes)"): \(message)"
    }
}
