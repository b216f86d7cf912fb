/// Where tensors are made. Reads like eager code; nothing is computed.
///
/// A shape error does not interrupt the code that builds: the first one is kept, with the op, the shapes and the source
/// line, and thrown by `finish`, so that an encoder is a page of arithmetic without a `try` on every line.
public final class GraphBuilder {
    private(set) var nodes: [Node] = []
    private var inputs: [Node.ID] = []
    private var inputNames: Set<String> = []
    private var parametersByName: [String: Node.ID] = [:]
    private var parameterOrder: [Node.ID] = []
    private var updates: [Graph.Update] = []
    private(set) var firstError: GraphError?
    /// Set while ops are made on behalf of an earlier node (a gradient, a decomposition).
    var inheritedLocation: SourceLocation?

    public init() {}

    /// Starts with the nodes of `graph`; `tensor(_:)` gives them back.
    public convenience init(extending graph: Graph) {
        self.init()
        nodes = graph.nodes
        inputs = graph.inputs
        inputNames = Set(graph.inputSignature.map(\.name))
        parameterOrder = graph.parameters
        for id in graph.parameters {
            if case .parameter(let parameter) = graph.nodes[id].op { parametersByName[parameter.name] = id }
        }
        updates = graph.updates
    }

    /// A value given at each run.
    public func input(
        _ name: String, _ type: TensorType, file: String = #fileID, line: Int = #line
    ) -> Tensor {
        if !inputNames.insert(name).inserted {
            record("input '\(name)'", [type], "declared twice", SourceLocation(fileID: file, line: line))
        }
        let tensor = source(.input(name: name), type, file, line)
        inputs.append(tensor.id)
        return tensor
    }

    /// A value that lives between runs. Asking again for the same name gives the same tensor.
    public func parameter(
        _ name: String, _ shape: Shape, _ initializer: Initializer, dtype: DType = .float32,
        isTrainable: Bool = true, bounds: ClosedRange<Double>? = nil, file: String = #fileID, line: Int = #line
    ) -> Tensor {
        let type = TensorType(dtype, shape)
        if let id = parametersByName[name] {
            if nodes[id].type != type {
                record(
                    "parameter '\(name)'", [nodes[id].type, type], "declared twice with different types",
                    SourceLocation(fileID: file, line: line))
            }
            return Tensor(builder: self, id: id)
        }
        let parameter = Parameter(
            name: name, initializer: initializer, isTrainable: isTrainable, bounds: bounds)
        let tensor = source(.parameter(parameter), type, file, line)
        parametersByName[name] = tensor.id
        parameterOrder.append(tensor.id)
        return tensor
    }

    public func constant(_ data: TensorData, file: String = #fileID, line: Int = #line) -> Tensor {
        source(.constant(data), data.type, file, line)
    }

    public func constant(
        _ value: Double, dtype: DType = .float32, file: String = #fileID, line: Int = #line
    ) -> Tensor {
        constant(TensorData(scalar: value, dtype: dtype), file: file, line: line)
    }

    /// After each run `parameter` takes the value of `value`, which must be of the same type.
    public func update(
        _ parameter: Tensor, to value: Tensor, file: String = #fileID, line: Int = #line
    ) {
        let location = SourceLocation(fileID: file, line: line)
        guard parameter.builder === self, value.builder === self else {
            return record("update", [parameter.type, value.type], "a tensor belongs to another graph", location)
        }
        guard !updates.contains(where: { $0.parameter == parameter.id }) else {
            return record("update", [parameter.type], "the parameter has an update already", location)
        }
        guard case .parameter = nodes[parameter.id].op, parameter.type == value.type else {
            return record(
                "update", [parameter.type, value.type], "needs a parameter and a value of its type", location)
        }
        updates.append(Graph.Update(parameter: parameter.id, value: value.id))
    }

    /// Makes every update so far happen only in runs in which `condition`, a scalar, is not 0; in others the parameters stay
    /// as they are.
    package func holdUpdates(unless condition: Tensor) {
        updates = updates.map { update in
            let held = condition.select(tensor(update.value), tensor(update.parameter))
            return Graph.Update(parameter: update.parameter, value: held.id)
        }
    }

    /// The graph of these outputs: what they do not need is left out.
    public func finish(_ outputs: [(name: String, tensor: Tensor)]) throws -> Graph {
        var names: Set<String> = []
        for (name, tensor) in outputs {
            if tensor.builder !== self {
                record("output '\(name)'", [tensor.type], "belongs to another graph", tensor.location)
            } else if !names.insert(name).inserted {
                record("output '\(name)'", [tensor.type], "named twice", tensor.location)
            }
        }
        if let firstError { throw firstError }
        return Graph(
            nodes: nodes, inputs: inputs, parameters: parameterOrder,
            outputs: outputs.map { Graph.Output(name: $0.name, id: $0.tensor.id) }, updates: updates
        ).eliminatingCommonSubexpressions().eliminatingDeadCode()
    }

    /// The tensor of a node that is already here. Any other number is a graph error.
    public func tensor(_ id: Node.ID, file: String = #fileID, line: Int = #line) -> Tensor {
        guard nodes.indices.contains(id) else {
            return poison("tensor", [], "no node has number \(id)", SourceLocation(fileID: file, line: line))
        }
        return Tensor(builder: self, id: id)
    }

    // MARK: - Adding nodes

    /// Adds `op` on `tensors`, which belong to this builder. Plugins that rewrite graphs use it.
    public func apply(_ op: Op, _ tensors: [Tensor], _ location: SourceLocation) -> Tensor {
        let location = inheritedLocation ?? location
        let types = tensors.map(\.type)
        do {
            for tensor in tensors where tensor.builder !== self {
                throw OpFault("an input belongs to another graph")
            }
            guard let definition = op.definition else { throw OpFault("is a source, not an operation") }
            let type = try definition.resultType(of: types)
            guard type.shape.checkedCount != nil else { throw OpFault("the result \(type) is empty or too large") }
            return append(op, tensors.map(\.id), type, location)
        } catch let fault as OpFault {
            return poison(op.name, types, fault.message, location)
        } catch {
            return poison(op.name, types, "\(error)", location)
        }
    }

    private func source(_ op: Op, _ type: TensorType, _ file: String, _ line: Int) -> Tensor {
        let location = inheritedLocation ?? SourceLocation(fileID: file, line: line)
        guard type.shape.checkedCount != nil else {
            return poison(op.name, [type], "every dimension must be at least 1, and their product must fit", location)
        }
        return append(op, [], type, location)
    }

    private func append(_ op: Op, _ inputs: [Node.ID], _ type: TensorType, _ location: SourceLocation) -> Tensor {
        nodes.append(Node(id: nodes.count, op: op, inputs: inputs, type: type, location: location))
        return Tensor(builder: self, id: nodes.count - 1)
    }

    /// Keeps the error and gives back something to go on with; `finish` will throw.
    private func poison(
        _ op: String, _ types: [TensorType], _ message: String, _ location: SourceLocation
    ) -> Tensor {
        record(op, types, message, location)
        let stand = TensorData(scalar: 0)
        return append(.constant(stand), [], stand.type, location)
    }

    func record(_ op: String, _ types: [TensorType], _ message: String, _ location: SourceLocation) {
        if firstError == nil {
            firstError = GraphError(op: op, inputs: types, message: message, location: location)
        }
    }
}
