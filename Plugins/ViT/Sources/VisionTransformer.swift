package import Multimodal

/// Vision Transformer (Dosovitskiy et al. 2021) as CLIP has it: a class token, a norm before the blocks and one after.
///
/// Parameter names and initialisation: mlfoundations/open_clip src/open_clip/transformer.py (`VisionTransformer`).
package struct VisionTransformer: ImageEncoder {
    package let imageSize: Int
    let patchSize: Int
    let width: Int
    let layers: Int
    let block: ResidualAttentionBlock

    package init(_ config: PluginConfig) throws {
        imageSize = try config.integer("imageSize")
        patchSize = try config.integer("patchSize")
        width = try config.integer("width")
        layers = try config.integer("layers")
        let heads = try config.integer("heads")
        guard imageSize.isMultiple(of: patchSize) else {
            throw config.error(
                "patchSize", "patches of \(patchSize) pixels do not tile pictures of \(imageSize)",
                remedy: "choose a patchSize that divides imageSize")
        }
        guard width.isMultiple(of: heads) else {
            throw config.error(
                "heads", "\(heads) heads do not divide a width of \(width)", remedy: "choose a divisor of width")
        }
        block = ResidualAttentionBlock(
            width: width, heads: heads, hiddenWidth: max(1, Int(Double(width) * (try config.number("mlpRatio")))),
            activation: try config.activation("activation"), epsilon: try config.number("epsilon"))
    }

    package func build(_ images: Tensor, in scope: ParameterScope) -> EncoderFeatures {
        let batch = images.dimension(0)
        let grid = imageSize / patchSize
        let deviation = Initializer.normal(standardDeviation: 1 / Double(width).squareRoot())

        let kernel = scope["conv1"].parameter(
            "weight", [width, 3, patchSize, patchSize], .torchLinear(inputs: 3 * patchSize * patchSize))
        let patches = images.convolution(kernel, stride: patchSize)  // [batch, width, grid, grid]
            .reshaped(to: [batch, width, grid * grid]).transposed()  // [batch, grid * grid, width]
        let classToken = scope.parameter("class_embedding", [width], deviation)
            .broadcast(to: [batch, 1, width])
        let positions = scope.parameter("positional_embedding", [grid * grid + 1, width], deviation)

        var x = classToken.concatenated(with: patches, axis: 1) + positions  // [batch, 1 + grid * grid, width]
        x = scope.layerNorm("ln_pre", x, epsilon: block.epsilon)
        var penultimate = x
        for layer in 0..<layers {
            penultimate = x
            x = block.build(x, in: scope["transformer"]["resblocks"]["\(layer)"])
        }
        let classFeatures = x.sliced(axis: 1, 0..<1).reshaped(to: [batch, width])
        return EncoderFeatures(
            pooled: scope.layerNorm("ln_post", classFeatures, epsilon: block.epsilon), tokens: x,
            penultimate: penultimate)
    }
}
