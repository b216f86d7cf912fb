/// A pre-norm Transformer block: `x + attention(norm(x))`, then `x + mlp(norm(x))`; with layer scale (Touvron et al. 2021)
/// each of the two is multiplied by a learned vector first.
///
/// Parameter names and layouts are those of mlfoundations/open_clip src/open_clip/transformer.py
/// (`ResidualAttentionBlock`); queries, keys and values are one product.
public struct ResidualAttentionBlock: Sendable {
    public var width: Int
    public var heads: Int
    /// Width of the hidden layer of the MLP.
    public var hiddenWidth: Int
    public var activation: GELU.Form
    public var epsilon: Double
    public var isCausal: Bool
    /// What the vectors of layer scale start at; nil where the block has none.
    public var layerScale: Double?
    public var initializers: Initializers

    /// How a block's matrices are drawn. PyTorch's defaults unless a model says otherwise.
    public struct Initializers: Sendable {
        public var attentionInput: Initializer
        public var attentionOutput: Initializer
        public var mlpInput: Initializer
        public var mlpOutput: Initializer

        public init(
            attentionInput: Initializer, attentionOutput: Initializer, mlpInput: Initializer, mlpOutput: Initializer
        ) {
            self.attentionInput = attentionInput
            self.attentionOutput = attentionOutput
            self.mlpInput = mlpInput
            self.mlpOutput = mlpOutput
        }

        /// What torch.nn.MultiheadAttention and torch.nn.Linear draw.
        public static func torch(width: Int, hiddenWidth: Int) -> Initializers {
            Initializers(
                attentionInput: .uniform(bound: (6 / Double(4 * width)).squareRoot()),
                attentionOutput: .torchLinear(inputs: width),
                mlpInput: .torchLinear(inputs: width), mlpOutput: .torchLinear(inputs: hiddenWidth))
        }
    }

    public init(
        width: Int, heads: Int, hiddenWidth: Int, activation: GELU.Form, epsilon: Double = 1e-5, isCausal: Bool = false,
        layerScale: Double? = nil, initializers: Initializers? = nil
    ) {
        self.width = width
        self.heads = heads
        self.hiddenWidth = hiddenWidth
        self.activation = activation
        self.epsilon = epsilon
        self.isCausal = isCausal
        self.layerScale = layerScale
        self.initializers = initializers ?? .torch(width: width, hiddenWidth: hiddenWidth)
    }

    /// `[batch, tokens, width] -> [batch, tokens, width]`
    public func build(_ x: Tensor, in scope: ParameterScope) -> Tensor {
        let attention = attention(scope.layerNorm("ln_1", x, epsilon: epsilon), in: scope["attn"])
        let attended = x + scaled(attention, "ls_1", in: scope)
        return attended + scaled(mlp(attended, in: scope), "ls_2", in: scope)
    }

    private func scaled(_ x: Tensor, _ name: String, in scope: ParameterScope) -> Tensor {
        guard let layerScale else { return x }
        return x * scope[name].parameter("gamma", [width], .constant(layerScale))
    }

    private func attention(_ x: Tensor, in scope: ParameterScope) -> Tensor {
        let (batch, tokens) = (x.dimension(0), x.dimension(1))
        let weight = scope.parameter("in_proj_weight", [3 * width, width], initializers.attentionInput)
        let bias = scope.parameter("in_proj_bias", [3 * width], .zeros)
        let joined = x.linear(weight: weight, bias: bias)  // [batch, tokens, 3 * width]
            .reshaped(to: [batch, tokens, 3, heads, width / heads])
        func part(_ index: Int) -> Tensor {  // [batch, heads, tokens, width / heads]
            joined.sliced(axis: 2, index..<index + 1)
                .reshaped(to: [batch, tokens, heads, width / heads]).transposed([0, 2, 1, 3])
        }
        let mixed = part(0).attention(keys: part(1), values: part(2), isCausal: isCausal)
            .transposed([0, 2, 1, 3]).reshaped(to: [batch, tokens, width])
        return scope.linear("out_proj", mixed, outputs: width, weight: initializers.attentionOutput, bias: .zeros)
    }

    /// `mlp(norm(x))`
    func mlp(_ x: Tensor, in scope: ParameterScope) -> Tensor {
        let normed = scope.layerNorm("ln_2", x, epsilon: epsilon)
        let scope = scope["mlp"]
        let hidden = scope.linear(
            "c_fc", normed, outputs: hiddenWidth, weight: initializers.mlpInput, bias: .torchLinear(inputs: width))
        return scope.linear(
            "c_proj", hidden.gelu(activation), outputs: width, weight: initializers.mlpOutput,
            bias: .torchLinear(inputs: hiddenWidth))
    }
}
