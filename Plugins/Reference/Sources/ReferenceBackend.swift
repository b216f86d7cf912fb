public import Multimodal
import Synchronization

/// Plain Swift, slow and obviously right: the oracle for every other backend.
///
/// Each node is evaluated by its own definition in double precision and rounded once to its element type.
public struct ReferenceBackend: Backend {
    public init() {}

    /// Always: every op has an evaluation, so nothing needs decomposing.
    public func supports(_ node: Node) -> Bool { true }

    public func compile(
        _ graph: Graph, parameters: [String: TensorData], options: CompileOptions
    ) throws -> any Executable {
        guard options.precision != .int8 else {
            throw BackendError("the reference backend does not compute in int8; ask for another precision or backend")
        }
        let lowered = options.precision == .bfloat16 ? try graph.loweringProducts(to: .bfloat16) : graph
        return ReferenceExecutable(lowered, parameters: try lowered.ordered(parameters))
    }
}

/// A graph, the values of its constants, and the present values of its parameters.
final class ReferenceExecutable: Executable {
    private let graph: Graph
    private let constants: [Node.ID: [Double]]
    private let parameters: Mutex<[Node.ID: [Double]]>

    init(_ graph: Graph, parameters: [TensorData]) {
        self.graph = graph
        constants = graph.nodes.reduce(into: [:]) { constants, node in
            if case .constant(let data) = node.op { constants[node.id] = data.doubles }
        }
        self.parameters = Mutex(
            zip(graph.parameters, parameters).reduce(into: [:]) { $0[$1.0] = $1.1.doubles })
    }

    func run(_ inputs: [String: TensorData]) throws -> [String: TensorData] {
        let given = zip(graph.inputs, try graph.orderedInputs(inputs))
        return try parameters.withLock { parameters in
            // Everything that is read again after all nodes are evaluated: outputs, and what parameters become.
            let evaluated = try evaluate(given.reduce(into: constants) { $0[$1.0] = $1.1.doubles }, parameters)
            for update in graph.updates { parameters[update.parameter] = evaluated[update.value] }
            return graph.outputs.reduce(into: [:]) { outputs, output in
                outputs[output.name] = TensorData(graph[output.id].type, doubles: evaluated[output.id] ?? [])
            }
        }
    }

    func parameter(_ name: String) throws -> TensorData? {
        for (id, (parameter, type)) in zip(graph.parameters, graph.parameterSignature) where parameter.name == name {
            return parameters.withLock { TensorData(type, doubles: $0[id] ?? []) }
        }
        return nil
    }

    /// The values of all nodes that outputs and updates read. `known` are inputs and constants.
    private func evaluate(
        _ known: [Node.ID: [Double]], _ parameters: [Node.ID: [Double]]
    ) throws(BackendError) -> [Node.ID: [Double]] {
        var values = known.merging(parameters) { value, _ in value }
        var readers = graph.useCounts
        for node in graph.nodes {
            guard let definition = node.op.definition else { continue }
            let inputs = node.inputs.map { ReferenceTensor(type: graph[$0].type, values: values[$0] ?? []) }
            values[node.id] = try Self.value(of: node, definition, inputs)
            for input in node.inputs {
                readers[input] -= 1
                if readers[input] == 0 { values[input] = nil }
            }
        }
        return values
    }

    private static func value(
        of node: Node, _ definition: any OpDefinition, _ inputs: [ReferenceTensor]
    ) throws(BackendError) -> [Double] {
        let exact: [Double]
        do throws(OpFault) {
            exact = try definition.evaluate(inputs, result: node.type)
        } catch {
            throw BackendError("\(node.location): \(node.op.name) : \(node.type): \(error.message)")
        }
        guard exact.count == node.shape.count else {
            throw BackendError(
                "\(node.location): \(node.op.name) gave \(exact.count) values, \(node.type) has \(node.shape.count)")
        }
        return exact.map(node.dtype.rounding)
    }
}
