extension Graph {
    /// The graph with only `kept` nodes, in order; `kept` is closed under inputs.
    func keeping(_ kept: [Bool]) -> Graph {
        var renumbered = [Node.ID](repeating: -1, count: nodes.count)
        var result: [Node] = []
        for node in nodes where kept[node.id] {
            renumbered[node.id] = result.count
            result.append(
                Node(
                    id: result.count, op: node.op, inputs: node.inputs.map { renumbered[$0] },
                    type: node.type, location: node.location))
        }
        return Graph(
            nodes: result,
            inputs: inputs.filter { kept[$0] }.map { renumbered[$0] },
            parameters: parameters.filter { kept[$0] }.map { renumbered[$0] },
            outputs: outputs.map { Output(name: $0.name, id: renumbered[$0.id]) },
            updates: updates.map { Update(parameter: renumbered[$0.parameter], value: renumbered[$0.value]) })
    }

    /// Builds the graph anew, node by node: `replace` gives the tensor that stands for a node, made from the tensors of
    /// its inputs, or nil to copy the node as it is.
    public func rewritten(_ replace: (Node, [Tensor], GraphBuilder) -> Tensor?) throws -> Graph {
        try rewritten { node, inputs, builder, _ in replace(node, inputs, builder) }
    }

    /// The same, with the tensors that stand for all earlier nodes.
    func rewritten(_ replace: (Node, [Tensor], GraphBuilder, _ made: [Tensor]) -> Tensor?) throws -> Graph {
        let builder = GraphBuilder()
        var made: [Tensor] = []
        made.reserveCapacity(nodes.count)
        for node in nodes {
            builder.inheritedLocation = node.location
            let inputs = node.inputs.map { made[$0] }
            made.append(replace(node, inputs, builder, made) ?? builder.copy(node, inputs))
        }
        for update in updates { builder.update(made[update.parameter], to: made[update.value]) }
        return try builder.finish(outputs.map { (name: $0.name, tensor: made[$0.id]) })
    }
}

extension GraphBuilder {
    /// `node` on other inputs.
    func copy(_ node: Node, _ inputs: [Tensor]) -> Tensor {
        switch node.op {
        case .input(let name): input(name, node.type)
        case .parameter(let p):
            parameter(
                p.name, node.shape, p.initializer, dtype: node.dtype, isTrainable: p.isTrainable, bounds: p.bounds)
        case .constant(let data): constant(data)
        default: apply(node.op, inputs, node.location)
        }
    }
}
