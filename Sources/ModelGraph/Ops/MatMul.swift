/// Matrix product over the last two axes, batched over the others, which broadcast: `[..., m, k] x [..., k, n] ->
/// [..., m, n]`. Sums are in float32 at least; `result` is the element type returned, the inputs' by default.
public struct MatMul: OpDefinition {
    public var result: DType?

    public init(result: DType? = nil) { self.result = result }

    public var name: String { "matmul" }
    public var attributes: String { result.map { "result=\($0.rawValue)" } ?? "" }

    public func resultType(of inputs: [TensorType]) throws(OpFault) -> TensorType {
        try expectCount(inputs, 2)
        try expectSameDType(inputs)
        try expectFloat(inputs[0])
        let (a, b) = (inputs[0].shape, inputs[1].shape)
        guard a.rank >= 2, b.rank >= 2 else { throw OpFault("both need two axes at least") }
        guard a[a.rank - 1] == b[b.rank - 2] else {
            throw OpFault("inner dimensions differ: \(a[a.rank - 1]) and \(b[b.rank - 2])")
        }
        guard let batch = Shape(a.dimensions.dropLast(2)).broadcast(with: Shape(b.dimensions.dropLast(2))) else {
            throw OpFault("batch dimensions of \(a) and \(b) do not broadcast")
        }
        return TensorType(
            result ?? inputs[0].dtype, Shape(batch.dimensions + [a[a.rank - 2], b[b.rank - 1]]))
    }

    public func evaluate(_ inputs: [ReferenceTensor], result: TensorType) throws(OpFault) -> [Double] {
        let batch = result.shape.dimensions.dropLast(2)
        let (m, n) = (result.shape[result.shape.rank - 2], result.shape[result.shape.rank - 1])
        let k = inputs[0].shape.dimensions.last ?? 1
        let a = inputs[0].broadcast(to: Shape(batch + [m, k]))
        let b = inputs[1].broadcast(to: Shape(batch + [k, n]))
        var values = [Double](repeating: 0, count: result.shape.count)
        for block in 0..<batch.reduce(1, *) {
            for row in 0..<m {
                for inner in 0..<k {
                    let left = a[(block * m + row) * k + inner]
                    for column in 0..<n {
                        values[(block * m + row) * n + column] += left * b[(block * k + inner) * n + column]
                    }
                }
            }
        }
        return values
    }

    public func gradient(_ context: GradientContext) -> [Tensor?] {
        let (a, b) = (context.inputs[0], context.inputs[1])
        let dy = context.upstream.cast(to: a.dtype)
        let da = dy.matmul(b.transposed(), result: a.dtype).sum(to: a.shape)
        guard b.rank == 2 else {
            return [da, a.transposed().matmul(dy, result: b.dtype).sum(to: b.shape)]
        }
        // A weight shared by a batch: one tall product instead of a batch of them and a sum.
        let rows = a.shape.count / b.shape[0]
        let tallInput = a.reshaped(to: [rows, b.shape[0]])
        let tallUpstream = dy.reshaped(to: [rows, b.shape[1]])
        return [da, tallInput.transposed().matmul(tallUpstream, result: b.dtype)]
    }
}

extension Tensor {
    /// `[..., m, k] x [..., k, n] -> [..., m, n]`
    public func matmul(
        _ other: Tensor, result: DType? = nil, file: String = #fileID, line: Int = #line
    ) -> Tensor {
        let op = MatMul(result: result == dtype ? nil : result)
        return located(.matmul(op), [other], file, line)
    }

    /// PyTorch's linear layer: `self · weightᵀ + bias`. `[..., in]`, weight `[out, in]`, bias `[out]` -> `[..., out]`
    public func linear(
        weight: Tensor, bias: Tensor? = nil, file: String = #fileID, line: Int = #line
    ) -> Tensor {
        let product = matmul(weight.transposed(file: file, line: line), file: file, line: line)
        return bias.map { product.located(.binary(.add), [$0], file, line) } ?? product
    }
}
