internal import Multimodal

/// bfloat16 between the products, where the processor multiplies it: queries, keys, values and hidden layers are written
/// in it by the product that makes them, norms by themselves. What is added up along the way, the residual stream, stays
/// float32, and so do the sums inside products, norms and softmax.
extension Graph {
    /// Attention on bfloat16 operands, and pictures between convolutions in bfloat16 unless they become bytes; the
    /// caller lowers the other products.
    func loweringAttention(beside integers: Int8Products) throws -> Graph {
        try rewritten { node, inputs, builder in
            if case .unary(.relu) = node.op, node.shape.rank == 4, node.dtype == .float32,
                !integers.keepsFloats(node.id)
            {
                return inputs[0].relu().cast(to: .bfloat16).cast(to: .float32)
            }
            guard case .attention = node.op, node.dtype == .float32, inputs[0].dimension(-1).isMultiple(of: 2) else {
                return nil
            }
            return builder.apply(node.op, inputs.map { $0.cast(to: .bfloat16) }, node.location).cast(to: .float32)
        }
    }

    /// Casts to bfloat16 move up through reshapes, transposes and slices to what computes the values, so that it can
    /// write them so; one after a cast from bfloat16 disappears.
    func hoistingCasts() throws -> Graph {
        var made: [Node.ID: Tensor] = [:]
        return try rewritten { node, inputs, _ in
            for (id, tensor) in zip(node.inputs, inputs) { made[id] = tensor }
            guard case .cast = node.op, node.dtype == .bfloat16, let source = node.inputs.first else { return nil }
            let (base, views) = behindViews(source)
            var values = made[base]
            if case .cast = self[base].op, self[self[base].inputs[0]].dtype == .bfloat16 {
                values = made[self[base].inputs[0]]
            }
            return values.map { $0.cast(to: .bfloat16).viewed(as: views) }
        }
    }

    /// Casts from bfloat16 move down through reshapes, transposes and slices to the products on 8-bit integers that read
    /// them: rows are quantised from bfloat16.
    func sinkingCasts(to products: Set<Node.ID>) throws -> Graph {
        var made: [Node.ID: Tensor] = [:]
        return try rewritten { node, inputs, builder in
            for (id, tensor) in zip(node.inputs, inputs) { made[id] = tensor }
            guard products.contains(node.id) else { return nil }
            let (base, views) = behindViews(node.inputs[0])
            guard case .cast = self[base].op, let narrow = made[self[base].inputs[0]], narrow.dtype == .bfloat16 else {
                return nil
            }
            return builder.apply(
                node.op, [narrow.viewed(as: views).cast(to: .float32), inputs[1]], node.location)
        }
    }

    /// What computes the values of `id`, and the views between, in the order in which they are taken.
    private func behindViews(_ id: Node.ID) -> (base: Node.ID, views: [Node]) {
        var views: [Node] = []
        var base = id
        while self[base].op.isView {
            views.append(self[base])
            base = self[base].inputs[0]
        }
        return (base, views.reversed())
    }
}

extension Tensor {
    fileprivate func viewed(as views: [Node]) -> Tensor {
        views.reduce(self) { tensor, view in
            switch view.op {
            case .reshape: tensor.reshaped(to: view.shape)
            case .transpose(let op): tensor.transposed(op.permutation)
            case .slice(let op): tensor.sliced(axis: op.axis, op.start..<op.end)
            default: tensor
            }
        }
    }
}

extension Op {
    fileprivate var isView: Bool {
        switch self {
        case .reshape, .transpose, .slice: true
        default: false
        }
    }
}
