extension Graph {
    /// Replaces every composite that `isSupported` declines by what it decomposes to, until only supported ops and
    /// primitives are left.
    public func decomposing(unless isSupported: (Node) -> Bool) throws -> Graph {
        var graph = self
        while true {
            var changed = false
            graph = try graph.rewritten { node, inputs, builder in
                guard !isSupported(node), let definition = node.op.definition,
                    let simpler = definition.decompose(inputs)
                else { return nil }
                changed = true
                return simpler
            }
            if !changed { return graph }
        }
    }
}
