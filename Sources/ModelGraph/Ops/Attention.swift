/// Scaled dot-product attention: `softmax(q kᵀ scale) v` (Vaswani et al. 2017). Inputs: q `[..., n, width]`, k
/// `[..., m, width]`, v `[..., m, width']`. Causal: query `i` sees keys `0...i`.
public struct Attention: OpDefinition {
    public var scale: Double
    public var isCausal: Bool

    public var name: String { "attention" }
    public var attributes: String { "scale=\(scale) causal=\(isCausal)" }

    public func resultType(of inputs: [TensorType]) throws(OpFault) -> TensorType {
        try expectCount(inputs, 3)
        try expectSameDType(inputs)
        try expectFloat(inputs[0])
        let (q, k, v) = (inputs[0].shape, inputs[1].shape, inputs[2].shape)
        guard q.rank >= 2, k.rank == q.rank, v.rank == q.rank,
            q.dimensions.dropLast(2) == k.dimensions.dropLast(2), k.dimensions.dropLast() == v.dimensions.dropLast(),
            q.dimensions.last == k.dimensions.last
        else { throw OpFault("queries, keys and values do not fit together: \(q), \(k), \(v)") }
        if isCausal, q[q.rank - 2] != k[k.rank - 2] {
            throw OpFault("causal attention needs as many queries as keys")
        }
        return TensorType(inputs[0].dtype, Shape(q.dimensions.dropLast() + [v[v.rank - 1]]))
    }

    public func evaluate(_ inputs: [ReferenceTensor], result: TensorType) throws(OpFault) -> [Double] {
        let (q, k, v) = (inputs[0].rows, inputs[1].rows, inputs[2].rows)
        let (queries, keys) = (inputs[0].shape[inputs[0].shape.rank - 2], inputs[1].shape[inputs[1].shape.rank - 2])
        let width = result.shape.dimensions.last ?? 1
        return q.indices.flatMap { index in
            let (block, position) = (index / queries, index % queries)
            let seen = (0..<(isCausal ? position + 1 : keys)).map { block * keys + $0 }
            let weights = softmax(seen.map { key in scale * zip(q[index], k[key]).reduce(0) { $0 + $1.0 * $1.1 } })
            return (0..<width).map { column in
                zip(weights, seen).reduce(0) { $0 + $1.0 * v[$1.1][v[$1.1].startIndex + column] }
            }
        }
    }

    public func gradient(_ context: GradientContext) -> [Tensor?] { context.throughDecomposition(self) }

    public func decompose(_ inputs: [Tensor]) -> Tensor? {
        let (q, k, v) = (inputs[0], inputs[1], inputs[2])
        var scores = (q * scale).matmul(k.transposed())
        if isCausal {
            let length = q.dimension(-2)
            let mask = (0..<length * length).map { $0 % length > $0 / length ? -Double.infinity : 0 }
            scores =
                scores
                + q.builder.constant(
                    TensorData(TensorType(scores.dtype, [length, length]), doubles: mask))
        }
        return scores.softmax().matmul(v)
    }
}

extension Tensor {
    /// Attention of these queries `[..., n, width]` over keys and values `[..., m, width]`; the scale is `width^-0.5`.
    public func attention(
        keys: Tensor, values: Tensor, isCausal: Bool, file: String = #fileID, line: Int = #line
    ) -> Tensor {
        let scale = 1 / Double(dimension(-1, file: file, line: line)).squareRoot()
        return located(.attention(Attention(scale: scale, isCausal: isCausal)), [keys, values], file, line)
    }
}
