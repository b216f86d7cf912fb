/// Two encoders into one space: joins what plugins build into the graphs that embed and train.
///
/// The arrangement is CLIP's (Radford et al. 2021, section 2.3; mlfoundations/open_clip src/open_clip/model.py): each
/// encoder's pooled features, a linear projection without bias, unit length, and a loss over the batch's cosines.
public struct DualEncoder: Sendable {
    public let config: ModelConfig
    public let image: any ImageEncoder
    public let text: any TextEncoder
    public let loss: any ContrastiveLoss

    /// Resolves the plugins that `config` names. Errors carry the place in the model's file.
    public init(_ config: ModelConfig, plugins: PluginRegistry) throws {
        self.config = config
        image = try plugins.imageEncoder(config.image)
        text = try plugins.textEncoder(config.text)
        loss = try plugins.loss(config.loss)
    }

    /// `images [batch, 3, size, size]` -> `projected` and `embedding` (of unit length), both `[batch, embedding]`; or, for
    /// another `output`, `states [batch, tokens, width]`.
    public func imageGraph(batch: Int, output: EncoderOutput = .pooled) throws -> Graph {
        try Graph.build { builder in
            let scope = ParameterScope(builder: builder)
            let images = imageInput(builder, batch)
            guard output == .pooled else {
                return try states(image.build(images, in: scope["visual"]), output, "image", config.image)
            }
            return outputs(embed(images: images, in: scope))
        }
    }

    /// `tokens [batch, length]`, int32 -> `projected` and `embedding` (of unit length), both `[batch, embedding]`; or, for
    /// another `output`, `states [batch, length, width]`.
    public func textGraph(batch: Int, length: Int, output: EncoderOutput = .pooled) throws -> Graph {
        try Graph.build { builder in
            let scope = ParameterScope(builder: builder)
            let tokens = tokenInput(builder, batch, length)
            guard output == .pooled else {
                return try states(text.build(tokens, in: scope), output, "text", config.text)
            }
            return outputs(embed(tokens: tokens, in: scope))
        }
    }

    /// `images` and `tokens` of `batch` pairs -> `loss` and `logitScale`, scalars.
    public func lossGraph(batch: Int, length: Int) throws -> Graph {
        try Graph.build { builder in
            let scope = ParameterScope(builder: builder, isTraining: true)
            let output = loss.build(
                images: embed(images: imageInput(builder, batch), in: scope).l2Normalized(),
                texts: embed(tokens: tokenInput(builder, batch, length), in: scope).l2Normalized(), in: scope)
            return [("loss", output.loss), ("logitScale", output.logitScale)]
        }
    }

    private func imageInput(_ builder: GraphBuilder, _ batch: Int) -> Tensor {
        builder.input("images", TensorType(.float32, [batch, 3, image.imageSize, image.imageSize]))
    }

    private func tokenInput(_ builder: GraphBuilder, _ batch: Int, _ length: Int) -> Tensor {
        builder.input("tokens", TensorType(.int32, [batch, length]))
    }

    private func outputs(_ projected: Tensor) -> [(name: String, tensor: Tensor)] {
        [("projected", projected), ("embedding", projected.l2Normalized())]
    }

    private func states(
        _ features: EncoderFeatures, _ output: EncoderOutput, _ tower: String, _ choice: PluginChoice
    ) throws -> [(name: String, tensor: Tensor)] {
        guard let states = output == .tokens ? features.tokens : features.penultimate else {
            throw BackendError(
                "the \(tower) encoder '\(choice.name)' of the model '\(config.name)' has no output '\(output.rawValue)'; "
                    + "its pooled vector is all that it gives")
        }
        return [("states", states)]
    }

    private func embed(images: Tensor, in scope: ParameterScope) -> Tensor {
        let visual = scope["visual"]
        return project(image.build(images, in: visual), visual, "proj")
    }

    private func embed(tokens: Tensor, in scope: ParameterScope) -> Tensor {
        project(text.build(tokens, in: scope), scope, "text_projection")
    }

    /// `[batch, width] x [width, embedding]`, drawn with deviation `width^-0.5` (openai/CLIP clip/model.py).
    private func project(_ features: EncoderFeatures, _ scope: ParameterScope, _ name: String) -> Tensor {
        if features.isProjected { return features.pooled }
        let width = features.pooled.dimension(-1)
        let projection = scope.parameter(
            name, [width, config.embedding], .normal(standardDeviation: 1 / Double(width).squareRoot()))
        return features.pooled.matmul(projection)
    }
}
