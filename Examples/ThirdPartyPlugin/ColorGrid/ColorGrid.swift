import Multimodal

/// Mean colours of a grid, and one hidden layer: an image encoder of a page.
struct ColorGrid: ImageEncoder {
    let imageSize: Int
    let cells: Int
    let width: Int

    init(_ config: PluginConfig) throws {
        imageSize = try config.integer("imageSize")
        cells = try config.integer("cells")
        width = try config.integer("width")
        guard imageSize.isMultiple(of: cells) else {
            throw config.error(
                "cells", "\(cells) cells do not divide \(imageSize) pixels", remedy: "choose a divisor of imageSize")
        }
    }

    func build(_ images: Tensor, in scope: ParameterScope) -> EncoderFeatures {
        let batch = images.dimension(0)
        let inputs = 3 * cells * cells
        let colors = images.averagePool(kernel: imageSize / cells)  // [batch, 3, cells, cells]
            .reshaped(to: [batch, inputs])
        let hidden = scope.linear(
            "hidden", colors, outputs: width, weight: .torchLinear(inputs: inputs), bias: .zeros
        ).gelu(.erf)  // [batch, width]
        return EncoderFeatures(pooled: scope.layerNorm("norm", hidden))
    }
}
