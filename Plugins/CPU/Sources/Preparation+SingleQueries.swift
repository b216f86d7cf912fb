internal import Multimodal

/// Attention of a single query, as the last block of a tower and pooling by attention have it, does not need its keys and
/// values projected one by one: `q · (x Wk + bk)` is `(q Wkᵀ) · x` and a number that softmax does not see, and
/// `p (x Wv + bv)` is `(p x) Wv + bv`. Two products of all tokens with weights become two of one row a head.
extension Graph {
    func absorbingProjections() throws -> Graph {
        var made: [Node.ID: Tensor] = [:]
        return try rewritten { node, inputs, _ in
            for (id, tensor) in zip(node.inputs, inputs) { made[id] = tensor }
            guard case .attention(let op) = node.op, node.shape.rank == 4, node.shape[2] == 1, !op.isCausal,
                let keys = projection(of: node.inputs[1]), let values = projection(of: node.inputs[2]),
                let keyTokens = made[keys.tokens], let keyWeight = made[keys.weight],
                let valueTokens = made[values.tokens], let valueWeight = made[values.weight],
                [keyTokens, keyWeight, valueTokens, valueWeight].allSatisfy({ $0.dtype == node.dtype })
            else { return nil }
            let (batch, heads, width) = (node.shape[0], node.shape[1], keyTokens.dimension(2))
            let (size, valueSize) = (inputs[1].dimension(3), node.shape[3])
            let down = keyWeight.sliced(axis: 1, keys.column..<keys.column + heads * size)
                .reshaped(to: [width, heads, size]).transposed([1, 2, 0])  // [heads, size, width]
            let queries = inputs[0].reshaped(to: [batch, heads, size]).transposed([1, 0, 2]).matmul(down)
                .transposed([1, 0, 2])  // [batch, heads, width]
            let mixed = queries.apply(.attention(op), keyTokens, valueTokens)
            let valueWidth = valueTokens.dimension(2)
            let range = values.column..<values.column + heads * valueSize
            let up = valueWeight.sliced(axis: 1, range).reshaped(to: [valueWidth, heads, valueSize])
                .transposed([1, 0, 2])  // [heads, width, size]
            let result = mixed.transposed([1, 0, 2]).matmul(up).transposed([1, 0, 2])  // [batch, heads, size]
            guard let bias = values.bias.flatMap({ made[$0] }) else {
                return result.reshaped(to: [batch, heads, 1, valueSize])
            }
            return (result + bias.sliced(axis: 0, range).reshaped(to: [heads, valueSize]))
                .reshaped(to: [batch, heads, 1, valueSize])
        }
    }

    private struct Projection {
        /// `[batch, tokens, width]`
        var tokens: Node.ID
        /// `[width, columns]`, of which those from `column` on are the heads', one after another.
        var weight: Node.ID
        var column: Int
        /// `[columns]`
        var bias: Node.ID?
    }

    /// How `[batch, heads, tokens, size]` are columns of a product with weights.
    private func projection(of id: Node.ID) -> Projection? {
        var views: [Node] = []
        var base = id
        while true {
            switch self[base].op {
            case .reshape, .transpose, .slice:
                views.append(self[base])
                base = self[base].inputs[0]
                continue
            default: break
            }
            break
        }
        var view = View(buffer: 0, type: self[base].type)
        for node in views.reversed() {
            switch node.op {
            case .transpose(let op): view = view.transposed(op.permutation)
            case .slice(let op): view = view.sliced(axis: op.axis, op.start..<op.end)
            default:
                guard let same = view.reshaped(to: node.shape.dimensions) else { return nil }
                view = same
            }
        }
        let product = self[base]
        guard product.shape.rank == 3, view.shape.count == 4 else { return nil }
        let (tokens, columns, size) = (product.shape[1], product.shape[2], view.shape[3])
        let isHeads =
            view.offset < columns && view.shape[0] == product.shape[0] && view.shape[2] == tokens
            && zip(view.shape, zip(view.strides, [tokens * columns, size, columns, 1])).allSatisfy {
                $0 == 1 || $1.0 == $1.1
            }
        guard isHeads else { return nil }
        var projection = Projection(tokens: -1, weight: -1, column: view.offset, bias: nil)
        var sum = product
        if case .binary(.add) = sum.op, self[sum.inputs[1]].shape.dimensions == [columns] {
            projection.bias = sum.inputs[1]
            sum = self[sum.inputs[0]]
        }
        guard case .matmul = sum.op, sum.shape == product.shape, self[sum.inputs[1]].shape.rank == 2 else { return nil }
        (projection.tokens, projection.weight) = (sum.inputs[0], sum.inputs[1])
        return projection
    }
}
