import Multimodal

/// The values of a graph's nodes by the ops' own definitions, in double precision.
///
/// Floating-point numbers are left as they come, whatever their element type says, where a backend rounds each result: so
/// a graph in float32 is a smooth function of its parameters to fifteen digits, and finite differences of it say what
/// its gradients should be.
struct DoubleEvaluation {
    let graph: Graph
    private var values: [[Double]]

    /// Evaluates every node. `inputs` and `parameters` give the sources their values, by name.
    ///
    /// - Throws: an error that names the op and the line where a source is missing, or an op does not do what its shape
    ///   rule says.
    init(_ graph: Graph, inputs: [String: [Double]], parameters: [String: [Double]]) throws(BackendError) {
        self.graph = graph
        values = [[Double]](repeating: [], count: graph.nodes.count)
        for node in graph.nodes {
            switch node.op {
            case .input(let name): values[node.id] = try Self.source(inputs[name], node, name)
            case .parameter(let parameter):
                values[node.id] = try Self.source(parameters[parameter.name], node, parameter.name)
            case .constant(let data): values[node.id] = data.doubles
            default: values[node.id] = try Self.evaluate(node, graph, values)
            }
        }
    }

    /// The same graph with other values of some sources. What does not depend on them is not computed again.
    func moving(
        inputs: [String: [Double]] = [:], parameters: [String: [Double]] = [:]
    ) throws(BackendError) -> DoubleEvaluation {
        var result = self
        var isMoved = [Bool](repeating: false, count: values.count)
        for node in graph.nodes {
            let given: [Double]? =
                switch node.op {
                case .input(let name): inputs[name]
                case .parameter(let parameter): parameters[parameter.name]
                default: nil
                }
            if let given {
                result.values[node.id] = try Self.source(given, node, node.op.name)
                isMoved[node.id] = true
            } else if node.inputs.contains(where: { isMoved[$0] }) {
                result.values[node.id] = try Self.evaluate(node, graph, result.values)
                isMoved[node.id] = true
            }
        }
        return result
    }

    subscript(id: Node.ID) -> [Double] { values[id] }

    /// The outputs by name.
    var outputs: [String: [Double]] { graph.outputs.reduce(into: [:]) { $0[$1.name] = values[$1.id] } }

    /// What parameters are after the run.
    var updates: [String: [Double]] {
        graph.updates.reduce(into: [:]) { updates, update in
            guard case .parameter(let parameter) = graph[update.parameter].op else { return }
            updates[parameter.name] = values[update.value]
        }
    }

    /// Whether a plugin's op computes in single precision: all that it gave are such numbers.
    var isSinglePrecision: Bool {
        graph.nodes.contains { node in
            node.op.isCustom && node.dtype.isFloat && values[node.id].allSatisfy { Double(Float($0)) == $0 }
        }
    }

    private static func source(_ given: [Double]?, _ node: Node, _ name: String) throws(BackendError) -> [Double] {
        guard let given, given.count == node.shape.count else {
            throw BackendError("the \(node.op.name) '\(name)' (\(node.type)) is missing or of another size")
        }
        return given
    }

    private static func evaluate(
        _ node: Node, _ graph: Graph, _ values: [[Double]]
    ) throws(BackendError) -> [Double] {
        guard let definition = node.op.definition else { return [] }
        let inputs = node.inputs.map { ReferenceTensor(type: graph[$0].type, values: values[$0]) }
        let found: [Double]
        do throws(OpFault) {
            found = try definition.evaluate(inputs, result: node.type)
        } catch {
            throw BackendError("\(node.location): \(node.op.name) : \(node.type): \(error.message)")
        }
        guard found.count == node.shape.count else {
            throw BackendError(
                "\(node.location): the op '\(node.op.name)' evaluates to \(found.count) values, and its shape rule says "
                    + "\(node.type), which has \(node.shape.count)")
        }
        return node.dtype.isFloat ? found : found.map(node.dtype.rounding)
    }
}
