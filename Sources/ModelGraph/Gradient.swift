/// Reverse-mode differentiation from graph to graph: gradients are ordinary nodes.
extension Tensor {
    /// The gradients of this scalar with respect to each of `targets`, in the same builder.
    ///
    /// A target that this tensor does not depend on has gradient zero. Cost: a small multiple of the forward graph.
    /// Source of the method: Griewank and Walther, "Evaluating Derivatives", 2nd edition, chapter 3.
    public func gradients(
        withRespectTo targets: [Tensor], file: String = #fileID, line: Int = #line
    ) -> [Tensor] {
        let location = builder.inheritedLocation ?? SourceLocation(fileID: file, line: line)
        guard shape.count == 1, dtype.isFloat else {
            builder.record("gradient", [type], "only a single floating-point number has a gradient", location)
            return targets
        }
        for target in targets where target.builder !== builder || !target.dtype.isFloat {
            builder.record(
                "gradient", [type, target.type], "only with respect to floating-point tensors of the same graph",
                location)
            return targets
        }
        let saved = builder.inheritedLocation
        defer { builder.inheritedLocation = saved }
        builder.inheritedLocation = location
        let seed = builder.constant(1, dtype: dtype).broadcast(to: shape)
        return backpropagating(seed, to: targets, through: 0)
    }

    /// The gradients of `sum(self * seed)` with respect to `targets`, only along nodes made since number `first`, so
    /// that `targets` count as independent of each other.
    func backpropagating(_ seed: Tensor, to targets: [Tensor], through first: Node.ID) -> [Tensor] {
        let path = builder.path(from: targets, to: self).filter { $0.id >= first }
        let location = builder.inheritedLocation
        defer { builder.inheritedLocation = location }
        var upstream: [Node.ID: Tensor] = [id: seed]

        for node in path.reversed() {
            guard let arriving = upstream[node.id], let definition = node.op.definition else { continue }
            builder.inheritedLocation = node.location
            let context = GradientContext(
                inputs: node.inputs.map { builder.tensor($0) }, output: builder.tensor(node.id), upstream: arriving)
            let gradients = definition.gradient(context)
            if gradients.count != node.inputs.count {
                builder.record(
                    "gradient of \(node.op.name)", context.inputs.map(\.type),
                    "the rule gives \(gradients.count) gradients for \(node.inputs.count) inputs", node.location)
            }
            for (input, gradient) in zip(node.inputs, gradients) {
                guard let gradient else { continue }
                if gradient.type != builder.nodes[input].type {
                    builder.record(
                        "gradient of \(node.op.name)", [builder.nodes[input].type, gradient.type],
                        "the rule's type is not the input's", node.location)
                }
                upstream[input] = upstream[input].map { $0 + gradient } ?? gradient
            }
        }
        builder.inheritedLocation = location
        return targets.map {
            upstream[$0.id] ?? builder.constant(0, dtype: $0.dtype).broadcast(to: $0.shape)
        }
    }
}

extension GraphBuilder {
    /// The nodes that lie on a way from `sources` to `end`, in topological order.
    fileprivate func path(from sources: [Tensor], to end: Tensor) -> [Node] {
        var depends = [Bool](repeating: false, count: end.id + 1)
        for source in sources where source.id <= end.id { depends[source.id] = true }
        for node in nodes[...end.id] where node.inputs.contains(where: { depends[$0] }) && node.dtype.isFloat {
            depends[node.id] = true
        }
        var reaches = [Bool](repeating: false, count: end.id + 1)
        reaches[end.id] = true
        for node in nodes[...end.id].reversed() where reaches[node.id] {
            for input in node.inputs { reaches[input] = true }
        }
        return nodes[...end.id].filter { depends[$0.id] && reaches[$0.id] }
    }
}
