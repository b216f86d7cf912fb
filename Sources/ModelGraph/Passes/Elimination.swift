extension Graph {
    /// Leaves out every node that no output and no update needs, inputs and parameters included.
    package func eliminatingDeadCode() -> Graph {
        var needed = [Bool](repeating: false, count: nodes.count)
        for output in outputs { needed[output.id] = true }
        for update in updates {
            needed[update.parameter] = true
            needed[update.value] = true
        }
        for node in nodes.reversed() where needed[node.id] {
            for input in node.inputs { needed[input] = true }
        }
        return needed.contains(false) ? keeping(needed) : self
    }

    /// Computes once what is written twice: nodes with the same op on the same inputs become one.
    package func eliminatingCommonSubexpressions() -> Graph {
        struct Key: Hashable {
            let op: Op
            let inputs: [Node.ID]
            let type: TensorType
        }
        var first: [Key: Node.ID] = [:]
        var standIn = Array(nodes.indices)
        var result: [Node] = []
        result.reserveCapacity(nodes.count)
        for node in nodes {
            let inputs = node.inputs.map { standIn[$0] }
            result.append(
                Node(id: node.id, op: node.op, inputs: inputs, type: node.type, location: node.location))
            if case .input = node.op { continue }
            let key = Key(op: node.op, inputs: inputs, type: node.type)
            if let earlier = first[key] { standIn[node.id] = earlier } else { first[key] = node.id }
        }
        return Graph(
            nodes: result, inputs: self.inputs, parameters: parameters,
            outputs: outputs.map { Output(name: $0.name, id: standIn[$0.id]) },
            updates: updates.map { Update(parameter: $0.parameter, value: standIn[$0.value]) }
        ).eliminatingDeadCode()
    }
}
