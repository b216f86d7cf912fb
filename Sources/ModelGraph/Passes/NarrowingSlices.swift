extension Graph {
    /// Computes only what is read: a slice moves up through ops that treat its axis element by element, as far as nothing
    /// else reads more.
    ///
    /// Where the class token alone is pooled, the last block of a tower then runs its MLP on one token instead of all.
    public func narrowingSlices() throws -> Graph {
        let demands = demands()
        func isNarrow(_ id: Node.ID) -> Slice? {
            guard case .slice(let slice) = demands[id], narrowedAxes(nodes[id], slice.axis) != nil else { return nil }
            return slice
        }
        return try rewritten { node, inputs, builder in
            if let slice = isNarrow(node.id), let axes = narrowedAxes(node, slice.axis) {
                let operands = inputs.indices.map { index -> Tensor in
                    guard let axis = axes[index], isNarrow(node.inputs[index]) == nil else { return inputs[index] }
                    return inputs[index].sliced(axis: axis, slice.start..<slice.end)
                }
                var dimensions = node.shape.dimensions
                dimensions[slice.axis] = slice.end - slice.start
                switch node.op {
                case .reshape: return operands[0].reshaped(to: Shape(dimensions))
                case .broadcast: return operands[0].broadcast(to: Shape(dimensions))
                default: return builder.apply(node.op, operands, node.location)
                }
            }
            if case .slice = node.op, isNarrow(node.inputs[0]) != nil { return inputs[0] }
            return nil
        }
    }

    private enum Demand: Equatable {
        case nothing
        case slice(Slice)
        case all
    }

    /// What is read of each node.
    private func demands() -> [Demand] {
        var demands = [Demand](repeating: .nothing, count: nodes.count)
        func read(_ id: Node.ID, _ demand: Demand) {
            demands[id] = demands[id] == .nothing || demands[id] == demand ? demand : .all
        }
        for id in outputs.map(\.id) + updates.map(\.value) { read(id, .all) }
        for node in nodes.reversed() {
            switch (demands[node.id], node.op) {
            case (.nothing, _): continue
            case (.slice(let slice), _) where narrowedAxes(node, slice.axis) != nil:
                let axes = narrowedAxes(node, slice.axis) ?? []
                for (input, axis) in zip(node.inputs, axes) {
                    read(input, axis.map { .slice(Slice(axis: $0, start: slice.start, end: slice.end)) } ?? .all)
                }
            case (_, .slice(let slice)): read(node.inputs[0], .slice(slice))
            default: for input in node.inputs { read(input, .all) }
            }
        }
        return demands
    }

    /// The axis of each input that a slice of `node` along `axis` is a slice of, nil for inputs that are needed whole; nil
    /// where a part of the result takes more than a part of the inputs.
    private func narrowedAxes(_ node: Node, _ axis: Int) -> [Int?]? {
        let shapes = node.inputs.map { nodes[$0].shape }
        let last = node.shape.rank - 1
        switch node.op {
        case .unary, .gelu, .cast, .binary, .select, .broadcast:
            return shapes.map { shape in
                let own = axis - (node.shape.rank - shape.rank)
                return own >= 0 && shape[own] == node.shape[axis] && node.shape[axis] > 1 ? own : nil
            }
        case .layerNorm: return axis < last ? [axis, nil, nil] : nil
        case .softmax, .l2Normalize: return axis < last ? [axis] : nil
        case .matmul:
            guard axis == last - 1 || axis < last && shapes[1].rank == 2 else { return nil }
            return [axis - (node.shape.rank - shapes[0].rank), nil]
        case .attention(let op): return axis == last - 1 && !op.isCausal ? [axis, nil, nil] : nil
        case .transpose(let op): return [op.permutation[axis]]
        case .reshape:
            let before = node.shape.dimensions.prefix(axis).reduce(1, *)
            var product = 1
            for (own, extent) in shapes[0].dimensions.enumerated() {
                if product == before, extent == node.shape[axis] { return [own] }
                product *= extent
            }
            return nil
        // Of two slices, that of the outer axis goes first: neither pass undoes the other.
        case .slice(let op): return axis < op.axis ? [axis] : nil
        default: return nil
        }
    }
}
