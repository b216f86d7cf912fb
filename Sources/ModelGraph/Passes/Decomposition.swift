extension Graph {
    /// Replaces every composite that `isSupported` declines by what it decomposes to, until only supported ops and
    /// primitives are left.
    public func decomposing(unless isSupported: (Node) -> Bool) throws -> Graph {
        var graph = self
        var rounds = 0
        while true {
            rounds += 1
            var changed = false
            graph = try graph.rewritten { node, inputs, builder in
                guard !isSupported(node), let definition = node.op.definition,
                    let simpler = definition.decompose(inputs)
                else { return nil }
                if simpler.type != node.type {
                    builder.record(
                        node.op.name, [node.type, simpler.type], "decomposes to another type", node.location)
                }
                if rounds > Graph.deepestDecomposition {
                    builder.record(node.op.name, [node.type], "decomposes to itself, without end", node.location)
                }
                changed = true
                return simpler
            }
            if !changed { return graph }
        }
    }

    /// More composites inside composites than anybody writes.
    private static let deepestDecomposition = 64
}
