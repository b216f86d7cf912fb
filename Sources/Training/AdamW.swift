package import ModelGraph
public import YAML

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Adam with decoupled weight decay (Loshchilov and Hutter 2019, https://arxiv.org/abs/1711.05101), step by step what
/// `torch.optim.AdamW` computes. The defaults are those of CLIP's ViT models (paper, table 20).
public struct AdamW: Hashable, Sendable {
    public var learningRate = 5.0e-4
    public var beta1 = 0.9
    public var beta2 = 0.98
    public var epsilon = 1.0e-6
    /// Left out for parameters of one dimension or none: gains, biases and the logit scale.
    public var weightDecay = 0.2

    public init() {}

    public init(_ node: YAMLNode) throws {
        var map = try node.mapping()
        _ = try map.optional("name")?.string(oneOf: ["adamw"])
        learningRate = try map.optional("learningRate")?.positive() ?? learningRate
        beta1 = try map.optional("beta1")?.fraction() ?? beta1
        beta2 = try map.optional("beta2")?.fraction() ?? beta2
        epsilon = try map.optional("epsilon")?.positive() ?? epsilon
        weightDecay = try map.optional("weightDecay")?.fraction() ?? weightDecay
        try map.finish()
    }

    /// Inputs of the step graph that change from step to step; scalars, made in double precision.
    enum Input: String, CaseIterable {
        /// What weights are multiplied by: `1 - learningRate * weightDecay`.
        case decayFactor
        /// `learningRate / (1 - beta1^t)`.
        case stepSize
        /// `sqrt(1 - beta2^t)`.
        case secondMomentRoot
    }

    /// The values of the inputs at step `step`, counted from 0.
    package func inputs(step: Int, learningRate: Double) -> [String: TensorData] {
        let t = Double(step + 1)
        let values: [Input: Double] = [
            .decayFactor: 1 - learningRate * weightDecay,
            .stepSize: learningRate / (1 - pow(beta1, t)),
            .secondMomentRoot: (1 - pow(beta2, t)).squareRoot(),
        ]
        return Dictionary(uniqueKeysWithValues: values.map { ($0.key.rawValue, TensorData(scalar: $0.value)) })
    }

    /// Adds the updates of `parameters` to their builder. The moments are parameters themselves: `<name>.adam.m` and
    /// `<name>.adam.v`.
    func update(
        _ parameters: [(parameter: Parameter, tensor: Tensor)], gradients: [Tensor], in builder: GraphBuilder
    ) {
        let inputs = Dictionary(
            uniqueKeysWithValues: Input.allCases.map {
                ($0, builder.input($0.rawValue, TensorType(.float32, .scalar)))
            })
        guard let decayFactor = inputs[.decayFactor], let stepSize = inputs[.stepSize],
            let secondMomentRoot = inputs[.secondMomentRoot]
        else { return }
        for ((parameter, value), gradient) in zip(parameters, gradients) {
            let moment = builder.parameter(parameter.name + ".adam.m", value.shape, .zeros, isTrainable: false)
            let square = builder.parameter(parameter.name + ".adam.v", value.shape, .zeros, isTrainable: false)
            let newMoment = moment + (gradient - moment) * (1 - beta1)
            let newSquare = square * beta2 + gradient * gradient * (1 - beta2)
            let direction = newMoment / (newSquare.squareRoot() / secondMomentRoot + epsilon)
            var updated = (value.rank > 1 ? value * decayFactor : value) - direction * stepSize
            if let bounds = parameter.bounds {
                updated = updated.maximum(builder.constant(bounds.lowerBound))
                    .minimum(builder.constant(bounds.upperBound))
            }
            builder.update(moment, to: newMoment)
            builder.update(square, to: newSquare)
            builder.update(value, to: updated)
        }
    }
}
