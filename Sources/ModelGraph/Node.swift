/// Where in somebody's source a node was made.
public struct SourceLocation: Hashable, Sendable, CustomStringConvertible {
    public var fileID: String
    public var line: Int

    public init(fileID: String, line: Int) {
        self.fileID = fileID
        self.line = line
    }

    public var description: String { "\(fileID):\(line)" }
}

/// One operation of a graph. Nodes are numbered in topological order: inputs have smaller numbers.
public struct Node: Sendable {
    public typealias ID = Int

    public let id: ID
    public let op: Op
    public let inputs: [ID]
    public let type: TensorType
    public let location: SourceLocation

    public var shape: Shape { type.shape }
    public var dtype: DType { type.dtype }
}

/// A named tensor that lives between runs: a weight, an optimiser's moment, a running mean.
public struct Parameter: Hashable, Sendable {
    public var name: String
    public var initializer: Initializer
    /// False for state that a step updates by itself, such as batch norm's running statistics.
    public var isTrainable: Bool
    /// Where an optimiser's step must leave the values: the logit scale stays in [0, ln 100].
    public var bounds: ClosedRange<Double>?

    public init(
        name: String, initializer: Initializer, isTrainable: Bool = true, bounds: ClosedRange<Double>? = nil
    ) {
        self.name = name
        self.initializer = initializer
        self.isTrainable = isTrainable
        self.bounds = bounds
    }
}
