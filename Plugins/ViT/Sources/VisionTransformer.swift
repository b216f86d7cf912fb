package import Multimodal

/// Vision Transformer (Dosovitskiy et al. 2021) as CLIP has it: a class token, a norm before the blocks and one after. Its
/// settings make it SigLIP's (Zhai et al. 2023): no class token, no norm before, features pooled by attention.
///
/// Parameter names and initialisation: mlfoundations/open_clip src/open_clip/transformer.py (`VisionTransformer`).
package struct VisionTransformer: ImageEncoder {
    package let imageSize: Int
    let patchSize: Int
    let width: Int
    let layers: Int
    let block: ResidualAttentionBlock
    let hasClassToken: Bool
    let hasPatchBias: Bool
    let hasPreNorm: Bool
    let pooling: Pooling
    let normsAfterPooling: Bool
    let projection: EncoderFeatures.Projection

    enum Pooling: String { case token, average, attention }

    package init(_ config: PluginConfig) throws {
        imageSize = try config.integer("imageSize")
        patchSize = try config.integer("patchSize")
        width = try config.integer("width")
        layers = try config.integer("layers")
        let heads = try config.integer("heads")
        guard imageSize >= patchSize else {
            throw config.error(
                "patchSize", "patches of \(patchSize) pixels do not fit in pictures of \(imageSize)",
                remedy: "choose a patchSize of at most imageSize")
        }
        guard width.isMultiple(of: heads) else {
            throw config.error(
                "heads", "\(heads) heads do not divide a width of \(width)", remedy: "choose a divisor of width")
        }
        block = ResidualAttentionBlock(
            width: width, heads: heads, hiddenWidth: max(1, Int(Double(width) * (try config.number("mlpRatio")))),
            activation: try config.activation("activation"), epsilon: try config.number("epsilon"),
            layerScale: try config.layerScale("layerScale"))
        hasClassToken = try config.boolean("classToken")
        hasPatchBias = try config.boolean("patchBias")
        hasPreNorm = try config.boolean("preNorm")
        pooling = Pooling(rawValue: try config.string("pooling")) ?? .token
        normsAfterPooling = try config.boolean("normAfterPooling")
        projection = try config.projection("projection")
        guard hasClassToken || pooling != .token else {
            throw config.error(
                "pooling", "without a class token there is none to take the features of",
                remedy: "use pooling: average or attention, or classToken: true")
        }
    }

    package func build(_ images: Tensor, in scope: ParameterScope) -> EncoderFeatures {
        let batch = images.dimension(0)
        let grid = imageSize / patchSize
        let deviation = Initializer.normal(standardDeviation: 1 / Double(width).squareRoot())

        let kernel = scope["conv1"].parameter(
            "weight", [width, 3, patchSize, patchSize], .torchLinear(inputs: 3 * patchSize * patchSize))
        var x = images.convolution(kernel, stride: patchSize)  // [batch, width, grid, grid]; a rest is left out
            .reshaped(to: [batch, width, grid * grid]).transposed()  // [batch, grid * grid, width]
        if hasPatchBias {
            x = x + scope["conv1"].parameter("bias", [width], .torchLinear(inputs: 3 * patchSize * patchSize))
        }
        if hasClassToken {
            x = scope.parameter("class_embedding", [width], deviation).broadcast(to: [batch, 1, width])
                .concatenated(with: x, axis: 1)
        }
        let tokens = x.dimension(1)  // grid * grid, and one for the class token, which is the first
        x = x + scope.parameter("positional_embedding", [tokens, width], deviation)
        if hasPreNorm { x = scope.layerNorm("ln_pre", x, epsilon: block.epsilon) }
        var penultimate = x
        for layer in 0..<layers {
            penultimate = x
            x = block.build(x, in: scope["transformer"]["resblocks"]["\(layer)"])
        }
        let states = scope.layerNorm("ln_post", x, epsilon: block.epsilon)
        let pooled: Tensor
        switch pooling {
        case .token:
            let classState = x.sliced(axis: 1, 0..<1).reshaped(to: [batch, width])
            pooled = scope.layerNorm("ln_post", classState, epsilon: block.epsilon)
        case .average:
            let mean = (normsAfterPooling ? x : states).sliced(axis: 1, (hasClassToken ? 1 : 0)..<tokens)
                .mean(axes: [1])
            pooled = normsAfterPooling ? scope.layerNorm("ln_post", mean, epsilon: block.epsilon) : mean
        case .attention:
            pooled = block.pool(states, in: scope["attn_pool"])
        }
        // As transformers has it, CLIP's states come before the norm, and those of towers without a class token after it.
        return EncoderFeatures(
            pooled: pooled, tokens: hasClassToken ? x : states, penultimate: penultimate, projection: projection)
    }
}
