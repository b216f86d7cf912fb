extension ParameterScope {
    /// Layer norm over the last axis, with `name.weight` and `name.bias`.
    public func layerNorm(_ name: String, _ x: Tensor, epsilon: Double = 1e-5) -> Tensor {
        let width = x.dimension(-1)
        return x.layerNorm(
            scale: self[name].parameter("weight", [width], .ones),
            bias: self[name].parameter("bias", [width], .zeros), epsilon: epsilon)
    }

    /// `x · weightᵀ + bias`, with `name.weight [outputs, inputs]` and `name.bias [outputs]`.
    public func linear(
        _ name: String, _ x: Tensor, outputs: Int, weight: Initializer, bias: Initializer
    ) -> Tensor {
        x.linear(
            weight: self[name].parameter("weight", [outputs, x.dimension(-1)], weight),
            bias: self[name].parameter("bias", [outputs], bias))
    }
}

extension Initializer {
    /// torch.nn.Linear's and Conv2d's default: uniform within `inputs^-0.5`, where a convolution's inputs are channels
    /// times kernel area.
    public static func torchLinear(inputs: Int) -> Initializer {
        .uniform(bound: 1 / Double(inputs).squareRoot())
    }
}

extension PluginConfig {
    /// A GELU's form by the name that checkpoints use: `gelu`, `quick_gelu`, `gelu_tanh`.
    public func activation(_ name: String) throws -> GELU.Form {
        switch try string(name) {
        case "gelu": .erf
        case "quick_gelu": .quick
        case "gelu_tanh": .tanh
        default: throw error(name, "there is no such activation", remedy: "write gelu, quick_gelu or gelu_tanh")
        }
    }
}
