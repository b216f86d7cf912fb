import Multimodal
import ReferenceBackend

/// The reference, but every composite decomposed first: what a backend of primitives alone computes.
struct PrimitiveBackend: Backend {
    func supports(_ node: Node) -> Bool { false }

    func compile(
        _ graph: Graph, parameters: [String: TensorData], options: CompileOptions
    ) throws -> any Executable {
        try ReferenceBackend().compile(
            graph.decomposing(unless: supports), parameters: parameters, options: options)
    }
}

/// The reference with a fault, to see that a suite finds it.
struct FaultyBackend: Backend {
    /// Outputs of graphs with this op are off by `error`, relative.
    var op: String
    var error: Double
    var key: @Sendable (Op) -> String

    func supports(_ node: Node) -> Bool { true }

    func compile(
        _ graph: Graph, parameters: [String: TensorData], options: CompileOptions
    ) throws -> any Executable {
        let inner = try ReferenceBackend().compile(graph, parameters: parameters, options: options)
        let isFaulty = graph.nodes.contains { key($0.op) == op }
        return isFaulty ? FaultyExecutable(inner: inner, error: error) : inner
    }
}

final class FaultyExecutable: Executable {
    private let inner: any Executable
    private let error: Double

    init(inner: any Executable, error: Double) {
        self.inner = inner
        self.error = error
    }

    func run(_ inputs: [String: TensorData]) throws -> [String: TensorData] {
        try inner.run(inputs).mapValues { data in
            data.dtype.isFloat ? TensorData(data.type, doubles: data.doubles.map { $0 * (1 + error) }) : data
        }
    }

    func parameter(_ name: String) throws -> TensorData? { try inner.parameter(name) }
}

/// A backend that never refuses, never updates and forgets half of the outputs.
struct CarelessBackend: Backend {
    func supports(_ node: Node) -> Bool { true }

    func compile(
        _ graph: Graph, parameters: [String: TensorData], options: CompileOptions
    ) throws -> any Executable { CarelessExecutable(graph) }
}

final class CarelessExecutable: Executable {
    private let graph: Graph
    init(_ graph: Graph) { self.graph = graph }

    func run(_ inputs: [String: TensorData]) throws -> [String: TensorData] {
        graph.outputs.prefix((graph.outputs.count + 1) / 2).reduce(into: [:]) { outputs, output in
            let type = graph[output.id].type
            outputs[output.name] = TensorData(type, doubles: [Double](repeating: 0, count: type.shape.count))
        }
    }

    func parameter(_ name: String) throws -> TensorData? { TensorData(scalar: 0) }
}
