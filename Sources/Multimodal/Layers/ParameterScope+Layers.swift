extension ParameterScope {
    /// Layer norm over the last axis, with `name.weight` and `name.bias`.
    public func layerNorm(_ name: String, _ x: Tensor, epsilon: Double = 1e-5) -> Tensor {
        let width = x.dimension(-1)
        return x.layerNorm(
            scale: self[name].parameter("weight", [width], .ones),
            bias: self[name].parameter("bias", [width], .zeros), epsilon: epsilon)
    }

    /// Batch norm of `[batch, channels, height, width]`, with `name.weight`, `name.bias`, `name.running_mean` and
    /// `name.running_var`. When training, the batch's own statistics, and the running ones move a tenth of the way to them
    /// (torch.nn.BatchNorm2d, whose running variance is the unbiased one).
    public func batchNorm(_ name: String, _ x: Tensor, scale: Initializer = .ones, epsilon: Double = 1e-5) -> Tensor {
        let scope = self[name]
        let channels = x.dimension(1)
        let weight = scope.parameter("weight", [channels], scale)
        let bias = scope.parameter("bias", [channels], .zeros)
        let mean = scope.parameter("running_mean", [channels], .zeros, isTrainable: false)
        let variance = scope.parameter("running_var", [channels], .ones, isTrainable: false)
        guard isTraining else {
            return x.batchNorm(scale: weight, bias: bias, mean: mean, variance: variance, epsilon: epsilon)
        }
        let moments = x.batchMoments()
        let count = Double(x.shape.count / channels)
        builder.update(mean, to: mean * 0.9 + moments.mean * 0.1)
        builder.update(variance, to: variance * 0.9 + moments.variance * (0.1 * count / max(count - 1, 1)))
        return x.batchNorm(
            scale: weight, bias: bias, mean: moments.mean, variance: moments.variance, epsilon: epsilon)
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

    /// What the blocks' layer scale starts at; nil, for no layer scale, where the setting is 0.
    public func layerScale(_ name: String) throws -> Double? {
        let start = try number(name)
        return start == 0 ? nil : start
    }

    /// How features are projected: `linear`, `bias` or `none`.
    public func projection(_ name: String) throws -> EncoderFeatures.Projection {
        guard let projection = EncoderFeatures.Projection(rawValue: try string(name)) else {
            throw error(name, "there is no such projection", remedy: "write linear, bias or none")
        }
        return projection
    }
}
