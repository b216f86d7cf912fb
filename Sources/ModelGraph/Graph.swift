/// A finished graph of tensor operations: an immutable value, checked when it was built.
public struct Graph: Sendable {
    /// A named result.
    public struct Output: Sendable, Hashable {
        public let name: String
        public let id: Node.ID
    }

    /// After a run, `parameter` holds what `value` was.
    public struct Update: Sendable, Hashable {
        public let parameter: Node.ID
        public let value: Node.ID
    }

    /// In topological order; `nodes[i].id == i`.
    public let nodes: [Node]
    /// Values given at each run, in the order in which they were declared.
    public let inputs: [Node.ID]
    /// Values that live between runs, in the order in which they were declared.
    public let parameters: [Node.ID]
    public let outputs: [Output]
    public let updates: [Update]

    package init(
        nodes: [Node], inputs: [Node.ID], parameters: [Node.ID], outputs: [Output], updates: [Update]
    ) {
        self.nodes = nodes
        self.inputs = inputs
        self.parameters = parameters
        self.outputs = outputs
        self.updates = updates
    }

    /// Builds a graph: `try Graph.build { b in ["y": b.input(...) ...] }`.
    public static func build(_ body: (GraphBuilder) throws -> [(name: String, tensor: Tensor)]) throws -> Graph {
        let builder = GraphBuilder()
        return try builder.finish(body(builder))
    }

    public subscript(id: Node.ID) -> Node { nodes[id] }

    /// Names and types of the inputs.
    public var inputSignature: [(name: String, type: TensorType)] {
        inputs.compactMap { id in
            if case .input(let name) = nodes[id].op { (name, nodes[id].type) } else { nil }
        }
    }

    /// The parameters with their types.
    public var parameterSignature: [(parameter: Parameter, type: TensorType)] {
        parameters.compactMap { id in
            if case .parameter(let parameter) = nodes[id].op { (parameter, nodes[id].type) } else { nil }
        }
    }

    /// Draws every parameter from its initialiser.
    public func initialParameters(seed: UInt64) -> [String: TensorData] {
        Dictionary(
            uniqueKeysWithValues: parameterSignature.map { parameter, type in
                (parameter.name, parameter.initializer.draw(type, name: parameter.name, seed: seed))
            })
    }

    /// How many other nodes, outputs and updates read each node.
    public var useCounts: [Int] {
        var counts = [Int](repeating: 0, count: nodes.count)
        for node in nodes { for input in node.inputs { counts[input] += 1 } }
        for output in outputs { counts[output.id] += 1 }
        for update in updates { counts[update.value] += 1 }
        return counts
    }
}

extension Graph: Hashable {
    /// Equal graphs compute the same: locations do not count.
    public static func == (lhs: Graph, rhs: Graph) -> Bool {
        lhs.inputs == rhs.inputs && lhs.parameters == rhs.parameters && lhs.outputs == rhs.outputs
            && lhs.updates == rhs.updates && lhs.nodes.count == rhs.nodes.count
            && zip(lhs.nodes, rhs.nodes).allSatisfy {
                $0.op == $1.op && $0.inputs == $1.inputs && $0.type == $1.type
            }
    }

    public func hash(into hasher: inout Hasher) {
        for node in nodes {
            hasher.combine(node.op)
            hasher.combine(node.inputs)
            hasher.combine(node.type)
        }
        hasher.combine(outputs)
        hasher.combine(updates)
    }
}
