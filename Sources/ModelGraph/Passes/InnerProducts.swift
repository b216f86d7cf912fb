extension Graph {
    /// The products of activations with weights (matrix and convolution) in the middle of the network: not those that
    /// read the pixels, and not the last one before the outputs. Where precision is lowered a lot, these bear it best: an
    /// error in the last is not averaged out by what follows, and the first are a small part of the work.
    ///
    /// Weights are computed from parameters that the graph does not update, and from constants.
    public func innerProducts() -> Set<Node.ID> {
        let updated = Set(updates.map(\.parameter))
        var isConstant = [Bool](repeating: false, count: nodes.count)
        var isMoved = isConstant  // an input's values, perhaps elsewhere
        var users = [[Node.ID]](repeating: [], count: nodes.count)
        for node in nodes {
            for input in node.inputs { users[input].append(node.id) }
            switch node.op {
            case .input: isMoved[node.id] = true
            case .parameter: isConstant[node.id] = !updated.contains(node.id)
            case .reshape, .transpose, .broadcast, .slice, .pad, .concatenate, .cast:
                isMoved[node.id] = node.inputs.contains { isMoved[$0] }
                isConstant[node.id] = node.inputs.allSatisfy { isConstant[$0] }
            default: isConstant[node.id] = node.inputs.allSatisfy { isConstant[$0] }
            }
        }
        let isWeighted = nodes.map { node in
            switch node.op {
            case .matmul, .convolution: isConstant[node.inputs[1]] && !isConstant[node.inputs[0]]
            default: false
            }
        }
        var isFollowed = [Bool](repeating: false, count: nodes.count)
        for id in nodes.indices.reversed() { isFollowed[id] = users[id].contains { isFollowed[$0] || isWeighted[$0] } }
        return Set(nodes.indices.filter { isWeighted[$0] && isFollowed[$0] && !isMoved[nodes[$0].inputs[0]] })
    }
}
