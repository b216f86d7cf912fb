package import Multimodal

/// The ResNet of the CLIP paper (Radford et al. 2021, section 2.4; openai/CLIP clip/model.py, `ModifiedResNet`): a stem of
/// three convolutions and an average pool; every strided convolution is one of stride 1 followed by an average pool; the
/// last pool is attention with the mean as query.
package struct ModifiedResNet: ImageEncoder {
    package let imageSize: Int
    let width: Int
    let stages: [Int]
    let heads: Int
    let embedding: Int

    package init(_ config: PluginConfig) throws {
        imageSize = try config.integer("imageSize")
        width = try config.integer("width")
        let blocks = try (1...4).map { try config.integer("layers\($0)") }
        stages = blocks.last == 0 ? blocks.dropLast() : blocks
        heads = try config.integer("heads")
        embedding = try config.integer("embedding")
        let reduction = 4 << (stages.count - 1)  // the stem and every stage but the first halve
        guard imageSize.isMultiple(of: reduction) else {
            throw config.error(
                "imageSize", "the encoder reduces a picture \(reduction) times, which \(imageSize) pixels do not allow",
                remedy: "choose an imageSize that is a multiple of \(reduction)")
        }
        let features = width * reduction
        guard width.isMultiple(of: 2), features.isMultiple(of: heads) else {
            throw config.error(
                "heads", "\(heads) heads do not divide \(features) features", remedy: "choose half of width")
        }
    }

    package func build(_ images: Tensor, in scope: ParameterScope) -> EncoderFeatures {
        var x = images  // [batch, 3, size, size]
        for (index, channels) in [width / 2, width / 2, width].enumerated() {
            x = convolution("conv\(index + 1)", x, channels, kernel: 3, stride: index == 0 ? 2 : 1, in: scope)
            x = scope.batchNorm("bn\(index + 1)", x).relu()
        }
        x = x.averagePool(kernel: 2)  // [batch, width, size / 4, size / 4]
        for (stage, blocks) in stages.enumerated() {
            for block in 0..<blocks {
                x = bottleneck(
                    x, planes: width << stage, stride: stage > 0 && block == 0 ? 2 : 1,
                    in: scope["layer\(stage + 1)"]["\(block)"])
            }
        }
        return EncoderFeatures(pooled: attentionPool(x, in: scope["attnpool"]), projection: .none)
    }

    /// `[batch, channels, n, n] -> [batch, 4 * planes, n / stride, n / stride]`
    private func bottleneck(_ x: Tensor, planes: Int, stride: Int, in scope: ParameterScope) -> Tensor {
        var y = scope.batchNorm("bn1", convolution("conv1", x, planes, kernel: 1, in: scope)).relu()
        y = scope.batchNorm("bn2", convolution("conv2", y, planes, kernel: 3, in: scope)).relu()
        if stride > 1 { y = y.averagePool(kernel: stride) }
        y = scope.batchNorm("bn3", convolution("conv3", y, 4 * planes, kernel: 1, in: scope), scale: .zeros)

        var shortcut = x
        if stride > 1 || x.dimension(1) != 4 * planes {
            if stride > 1 { shortcut = shortcut.averagePool(kernel: stride) }
            let down = scope["downsample"]
            shortcut = down.batchNorm("1", convolution("0", shortcut, 4 * planes, kernel: 1, in: down))
        }
        return (y + shortcut).relu()
    }

    /// `[batch, channels, n, n] -> [batch, embedding]`
    private func attentionPool(_ x: Tensor, in scope: ParameterScope) -> Tensor {
        let (batch, channels, positions) = (x.dimension(0), x.dimension(1), x.dimension(2) * x.dimension(3))
        let grid = x.reshaped(to: [batch, channels, positions]).transposed()  // [batch, positions, channels]
        let mean = grid.mean(axes: [1], keepDimensions: true)
        let tokens =
            mean.concatenated(with: grid, axis: 1)
            + scope.parameter(
                "positional_embedding", [positions + 1, channels],
                .normal(standardDeviation: 1 / Double(channels).squareRoot()))
        let weight = Initializer.normal(standardDeviation: 1 / Double(channels).squareRoot())
        func heads(_ name: String, _ x: Tensor) -> Tensor {  // [batch, heads, tokens, channels / heads]
            scope.linear(name, x, outputs: channels, weight: weight, bias: .torchLinear(inputs: channels))
                .reshaped(to: [batch, x.dimension(1), self.heads, channels / self.heads]).transposed([0, 2, 1, 3])
        }
        let pooled = heads("q_proj", tokens.sliced(axis: 1, 0..<1))
            .attention(keys: heads("k_proj", tokens), values: heads("v_proj", tokens), isCausal: false)
            .reshaped(to: [batch, channels])
        return scope.linear(
            "c_proj", pooled, outputs: embedding, weight: weight, bias: .torchLinear(inputs: channels))
    }

    private func convolution(
        _ name: String, _ x: Tensor, _ outputs: Int, kernel: Int, stride: Int = 1, in scope: ParameterScope
    ) -> Tensor {
        let inputs = x.dimension(1)
        let weight = scope[name].parameter(
            "weight", [outputs, inputs, kernel, kernel], .torchLinear(inputs: inputs * kernel * kernel))
        return x.convolution(weight, stride: stride, padding: kernel / 2)
    }
}
