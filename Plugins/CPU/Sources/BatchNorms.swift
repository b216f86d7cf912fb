internal import Multimodal

extension Graph {
    /// Batch norms with fixed statistics become part of the convolution before them: its weights are scaled when the graph
    /// is compiled, and a bias remains.
    func foldingBatchNorms() throws -> Graph {
        let uses = useCounts
        var made: [Node.ID: Tensor] = [:]
        return try rewritten { node, inputs, builder in
            for (id, tensor) in zip(node.inputs, inputs) { made[id] = tensor }
            guard case .batchNorm(let norm) = node.op, uses[node.inputs[0]] == 1, node.dtype == .float32 else {
                return nil
            }
            let product = self[node.inputs[0]]
            guard case .convolution(let convolution) = product.op, case .parameter = self[product.inputs[1]].op,
                let x = made[product.inputs[0]], let weight = made[product.inputs[1]]
            else { return nil }
            let channels = inputs[1].dimension(0)
            let factor = inputs[1] * (inputs[4] + norm.epsilon).squareRoot().reciprocal()
            let scaled = weight * factor.reshaped(to: [channels, 1, 1, 1])
            let bias = (inputs[2] - inputs[3] * factor).reshaped(to: [1, channels, 1, 1])
            return builder.apply(.convolution(convolution), [x, scaled], node.location) + bias
        }
    }
}
