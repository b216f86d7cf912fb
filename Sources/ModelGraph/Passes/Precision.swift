extension Graph {
    /// Runs the products (matrix and convolution) on operands of `dtype`, accumulated and returned in float32;
    /// everything between them stays float32. Attention stays as it is: decompose it first to lower its products too.
    /// Rounding a weight's cast is shared by all of its uses.
    public func loweringProducts(
        to dtype: DType, where isLowered: (Node) -> Bool = { _ in true }
    ) throws -> Graph {
        try rewritten { node, inputs, builder in
            guard node.dtype == .float32, isLowered(node) else { return nil }
            let lowered = inputs.map { $0.dtype == .float32 ? $0.cast(to: dtype) : $0 }
            switch node.op {
            case .matmul: return builder.apply(.matmul(MatMul(result: .float32)), lowered, node.location)
            case .convolution(let convolution):
                var op = convolution
                op.result = .float32
                return builder.apply(.convolution(op), lowered, node.location)
            default: return nil
            }
        }
    }
}
