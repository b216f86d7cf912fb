import YAML

/// Two encoders into one space: joins what plugins build into the graphs that embed and train.
///
/// The arrangement is CLIP's (Radford et al. 2021, section 2.3; mlfoundations/open_clip src/open_clip/model.py): each
/// encoder's pooled features, a linear projection, unit length, and a loss over the batch's cosines. A model may have one
/// tower only; asking for what it lacks is an error that says so.
public struct DualEncoder: Sendable {
    /// One of the two encoders, with its projection.
    public enum Tower: String, Hashable, Sendable, CaseIterable { case image, text }

    public let config: ModelConfig
    private let imageEncoder: (any ImageEncoder)?
    private let textEncoder: (any TextEncoder)?
    private let contrastiveLoss: (any ContrastiveLoss)?

    /// Resolves the plugins that `config` names. Errors carry the place in the model's file.
    public init(_ config: ModelConfig, plugins: PluginRegistry) throws {
        self.config = config
        imageEncoder = try config.image.map(plugins.imageEncoder)
        textEncoder = try config.text.map(plugins.textEncoder)
        contrastiveLoss = try config.loss.map(plugins.loss)
    }

    /// The image encoder. Throws where the model has none.
    public var image: any ImageEncoder {
        get throws { try config.present(imageEncoder, "image encoder", remedy: "it embeds texts only") }
    }

    /// The text encoder. Throws where the model has none.
    public var text: any TextEncoder {
        get throws { try config.present(textEncoder, "text encoder", remedy: "it embeds pictures only") }
    }

    /// The loss. Throws where the model has one tower, and so nothing to compare.
    public var loss: any ContrastiveLoss {
        get throws { try config.present(contrastiveLoss, "loss", remedy: "only a model with both encoders has one") }
    }

    /// A graph in which every parameter of the model is: the loss, or the only tower.
    public func completeGraph() throws -> Graph {
        if textEncoder == nil { return try imageGraph(batch: 1) }
        let length = try text.contextLength
        return try imageEncoder == nil ? textGraph(batch: 1, length: length) : lossGraph(batch: 2, length: length)
    }

    /// `images [batch, 3, size, size]` -> `projected` and `embedding` (of unit length), both `[batch, embedding]`; or, for
    /// another `output`, `states [batch, tokens, width]`.
    public func imageGraph(batch: Int, output: EncoderOutput = .pooled) throws -> Graph {
        try Graph.build { builder in
            let scope = ParameterScope(builder: builder)
            let images = try imageInput(builder, batch)
            guard output == .pooled else {
                return try states(try image.build(images, in: scope["visual"]), output, "image", config.image)
            }
            return try outputs(embed(images: images, in: scope))
        }
    }

    /// `tokens [batch, length]`, int32 -> `projected` and `embedding` (of unit length), both `[batch, embedding]`; or, for
    /// another `output`, `states [batch, length, width]`.
    public func textGraph(batch: Int, length: Int, output: EncoderOutput = .pooled) throws -> Graph {
        try Graph.build { builder in
            let scope = ParameterScope(builder: builder)
            let tokens = tokenInput(builder, batch, length)
            guard output == .pooled else {
                return try states(try text.build(tokens, in: scope), output, "text", config.text)
            }
            return try outputs(embed(tokens: tokens, in: scope))
        }
    }

    /// `images` and `tokens` of `batch` pairs -> `loss` and `logitScale`, scalars.
    /// - Parameter kept: towers that are built as for embedding: batch norms compute with the statistics that they have, and
    ///   leave them as they are.
    public func lossGraph(
        batch: Int, length: Int, keepingStatisticsOf kept: Set<Tower> = []
    ) throws -> Graph {
        try Graph.build { builder in
            let scope = ParameterScope(builder: builder, isTraining: true)
            func inner(_ tower: Tower) -> ParameterScope {
                ParameterScope(builder: builder, isTraining: !kept.contains(tower))
            }
            let output = try loss.build(
                images: embed(images: imageInput(builder, batch), in: inner(.image)).l2Normalized(),
                texts: embed(tokens: tokenInput(builder, batch, length), in: inner(.text)).l2Normalized(), in: scope)
            return [("loss", output.loss), ("logitScale", output.logitScale)]
        }
    }

    private func imageInput(_ builder: GraphBuilder, _ batch: Int) throws -> Tensor {
        let size = try image.imageSize
        return builder.input("images", TensorType(.float32, [batch, 3, size, size]))
    }

    private func tokenInput(_ builder: GraphBuilder, _ batch: Int, _ length: Int) -> Tensor {
        builder.input("tokens", TensorType(.int32, [batch, length]))
    }

    private func outputs(_ projected: Tensor) -> [(name: String, tensor: Tensor)] {
        [("projected", projected), ("embedding", projected.l2Normalized())]
    }

    private func states(
        _ features: EncoderFeatures, _ output: EncoderOutput, _ tower: String, _ choice: PluginChoice?
    ) throws -> [(name: String, tensor: Tensor)] {
        guard let states = output == .tokens ? features.tokens : features.penultimate else {
            throw BackendError(
                "the \(tower) encoder '\(choice?.name ?? "")' of the model '\(config.name)' has no output '\(output.rawValue)'; "
                    + "its pooled vector is all that it gives")
        }
        return [("states", states)]
    }

    private func embed(images: Tensor, in scope: ParameterScope) throws -> Tensor {
        let visual = scope["visual"]
        return try project(image.build(images, in: visual), visual, "proj", of: config.image)
    }

    private func embed(tokens: Tensor, in scope: ParameterScope) throws -> Tensor {
        try project(text.build(tokens, in: scope), scope, "text_projection", of: config.text)
    }

    /// `[batch, width] -> [batch, embedding]`. Without bias a matrix `[width, embedding]` called `name`, drawn with deviation
    /// `width^-0.5` (openai/CLIP clip/model.py); with one `name.weight [embedding, width]` and `name.bias`.
    private func project(
        _ features: EncoderFeatures, _ scope: ParameterScope, _ name: String, of tower: PluginChoice?
    ) throws -> Tensor {
        let width = features.pooled.dimension(-1)
        let deviation = Initializer.normal(standardDeviation: 1 / Double(width).squareRoot())
        switch features.projection {
        case .linear:
            return features.pooled.matmul(scope.parameter(name, [width, config.embedding], deviation))
        case .bias:
            return scope.linear(name, features.pooled, outputs: config.embedding, weight: deviation, bias: .zeros)
        case .none:
            guard width == config.embedding else {
                throw (tower?.place ?? config.node).error(
                    "the encoder's features are \(width) wide, the model's embedding \(config.embedding), and no "
                        + "projection is between them", remedy: "make the two agree")
            }
            return features.pooled
        }
    }
}
