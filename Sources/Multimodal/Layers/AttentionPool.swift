extension ResidualAttentionBlock {
    /// Pools tokens by attention, as SigLIP's image tower does (Zhai et al. 2023): a learned probe attends to all of them,
    /// then `y + mlp(norm(y))`. `[batch, tokens, width] -> [batch, width]`
    ///
    /// The arrangement is that of google-research/big_vision models/vit.py (`MAPHead`); the parameters are `probe`,
    /// `attn`, `ln_2` and `mlp`, the last three in the forms that they have in a block.
    public func pool(_ x: Tensor, in scope: ParameterScope) -> Tensor {
        let batch = x.dimension(0)
        let probe = scope.parameter(
            "probe", [1, width], .normal(standardDeviation: 1 / Double(width).squareRoot()))
        let attended = attention(from: probe.broadcast(to: [batch, 1, width]), over: x, in: scope["attn"])
        return (attended + mlp(attended, in: scope)).reshaped(to: [batch, width])
    }

    /// `[batch, n, width], [batch, m, width] -> [batch, n, width]`, with the parameters of attention in a block.
    private func attention(from queries: Tensor, over x: Tensor, in scope: ParameterScope) -> Tensor {
        let (batch, tokens) = (queries.dimension(0), queries.dimension(1))
        let weight = scope.parameter("in_proj_weight", [3 * width, width], initializers.attentionInput)
        let bias = scope.parameter("in_proj_bias", [3 * width], .zeros)
        func part(_ index: Int, of input: Tensor) -> Tensor {  // [batch, heads, tokens, width / heads]
            let rows = index * width..<(index + 1) * width
            return input.linear(weight: weight.sliced(axis: 0, rows), bias: bias.sliced(axis: 0, rows))
                .reshaped(to: [batch, input.dimension(1), heads, width / heads]).transposed([0, 2, 1, 3])
        }
        let mixed = part(0, of: queries).attention(keys: part(1, of: x), values: part(2, of: x), isCausal: false)
            .transposed([0, 2, 1, 3]).reshaped(to: [batch, tokens, width])
        return scope.linear("out_proj", mixed, outputs: width, weight: initializers.attentionOutput, bias: .zeros)
    }
}
