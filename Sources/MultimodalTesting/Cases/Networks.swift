import Multimodal

extension ConformanceCase {
    /// Small whole networks: forward, gradients and, in the last, an optimiser's step.
    static let networks: [ConformanceCase] = [
        ConformanceCase("network.mlp") { c in
            let x = c.input([5, 17])
            let hidden = x.linear(weight: c.parameter("fc.weight", [33, 17]), bias: c.parameter("fc.bias", [33]))
            c.output(
                hidden.gelu(.erf).linear(
                    weight: c.parameter("proj.weight", [3, 33]), bias: c.parameter("proj.bias", [3])))
            c.toleranceFactor = 4
        },
        ConformanceCase("network.block") { c in c.output(c.block(c.input([2, 5, 12]), heads: 3, isCausal: false)) },
        ConformanceCase("network.block.causal") { c in
            c.output(c.block(c.input([2, 5, 12]), heads: 3, isCausal: true))
        },
        ConformanceCase("network.bottleneck", .compared) { c in
            let x = c.input([2, 6, 6, 6])
            c.output(c.bottleneck(x, width: 2, stride: 2))
            c.toleranceFactor = 20  // batch norm divides by deviations of few numbers
        },
        ConformanceCase("network.info-nce") { c in
            let (images, texts) = (c.input([6, 5]).l2Normalized(), c.input([6, 5]).l2Normalized())
            let loss = c.infoNCE(images, texts, logScale: c.parameter("logit_scale", [], in: 2.6...2.7))
            c.output(loss)
            c.toleranceFactor = 4
        },
        ConformanceCase("network.towers") { c in
            let ids = c.indices([4, 6], below: 11)
            let table = c.parameter("token_embedding.weight", [11, 12])
            var x = table.gather(ids) + c.parameter("positional_embedding", [6, 12])
            x = c.block(x, heads: 2, isCausal: true)
            let texts = x.tokens(at: ids.argMax(axis: 1)).matmul(c.parameter("text_projection", [12, 7]))
            let picture = c.input([4, 3, 4, 6])
            let patches = picture.convolution(c.parameter("visual.conv1.weight", [12, 3, 2, 2]), stride: 2)
            let tokens = patches.reshaped(to: [4, 12, 6]).transposed([0, 2, 1])
            let images = tokens.mean(axes: [1]).matmul(c.parameter("visual.proj", [12, 7]))
            c.output(
                c.infoNCE(
                    images.l2Normalized(), texts.l2Normalized(),
                    logScale: c.parameter("logit_scale", [], in: 2.6...2.7)))
            c.toleranceFactor = 20
        },
        ConformanceCase("network.adamw", .none) { c in
            let (weight, bias) = (c.parameter("weight", [7, 17]), c.parameter("bias", [7]))
            let logits = c.input([5, 17]).linear(weight: weight, bias: bias)
            let loss = logits.softmaxCrossEntropy(labels: c.indices([5], below: 7)).mean()
            c.adamWStep(loss, parameters: [("weight", weight, 0.2), ("bias", bias, 0)])
            c.output(loss)
            c.toleranceFactor = 20
        },
    ]
}

extension CaseBuilder {
    /// A pre-norm Transformer block over `[batch, tokens, width]`.
    func block(_ x: Tensor, heads: Int, isCausal: Bool) -> Tensor {
        let (batch, tokens, width) = (x.dimension(0), x.dimension(1), x.dimension(2))
        let normed = norm(x, "ln_1")
        let product = normed.linear(
            weight: parameter("attn.in_proj_weight", [3 * width, width]),
            bias: parameter("attn.in_proj_bias", [3 * width]))
        let parts = (0..<3).map { part in  // [batch, heads, tokens, width / heads]
            product.sliced(axis: 2, part * width..<(part + 1) * width)
                .reshaped(to: [batch, tokens, heads, width / heads]).transposed([0, 2, 1, 3])
        }
        let attended = parts[0].attention(keys: parts[1], values: parts[2], isCausal: isCausal)
            .transposed([0, 2, 1, 3]).reshaped(to: [batch, tokens, width])
        let y =
            x
            + attended.linear(
                weight: parameter("attn.out_proj.weight", [width, width]),
                bias: parameter("attn.out_proj.bias", [width]))
        let hidden = norm(y, "ln_2").linear(
            weight: parameter("mlp.c_fc.weight", [2 * width, width]), bias: parameter("mlp.c_fc.bias", [2 * width]))
        toleranceFactor = 10
        return y
            + hidden.gelu(.quick).linear(
                weight: parameter("mlp.c_proj.weight", [width, 2 * width]), bias: parameter("mlp.c_proj.bias", [width]))
    }

    private func norm(_ x: Tensor, _ name: String) -> Tensor {
        let width = x.dimension(-1)
        return x.layerNorm(
            scale: parameter("\(name).weight", [width], in: 0.5...1.5), bias: parameter("\(name).bias", [width]))
    }

    /// CLIP's residual block with batch norm in training, its running statistics updated, and pooling for a stride.
    func bottleneck(_ x: Tensor, width: Int, stride: Int) -> Tensor {
        let channels = x.dimension(1)
        var y = batchNorm(x.convolution(parameter("conv1.weight", [width, channels, 1, 1])), "bn1").relu()
        y = batchNorm(y.convolution(parameter("conv2.weight", [width, width, 3, 3]), padding: 1), "bn2").relu()
        y = y.averagePool(kernel: stride)
        y = batchNorm(y.convolution(parameter("conv3.weight", [3 * width, width, 1, 1])), "bn3")
        let shortcut = x.averagePool(kernel: stride).convolution(
            parameter("downsample.weight", [3 * width, channels, 1, 1]))
        return (y + batchNorm(shortcut, "downsample.bn")).relu()
    }

    private func batchNorm(_ x: Tensor, _ name: String) -> Tensor {
        let channels: Shape = [x.dimension(1)]
        let (mean, variance) = x.batchMoments()
        let runningMean = parameter("\(name).running_mean", channels, isTrainable: false)
        let runningVariance = parameter("\(name).running_var", channels, in: 0.5...1, isTrainable: false)
        graph.update(runningMean, to: runningMean * 0.9 + mean * 0.1)
        graph.update(runningVariance, to: runningVariance * 0.9 + variance * 0.1)
        return x.batchNorm(
            scale: parameter("\(name).weight", channels, in: 0.5...1.5), bias: parameter("\(name).bias", channels),
            mean: mean, variance: variance)
    }

    /// The symmetric cross-entropy over a batch of unit vectors `[batch, width]`.
    func infoNCE(_ images: Tensor, _ texts: Tensor, logScale: Tensor) -> Tensor {
        let batch = images.dimension(0)
        let logits = images.matmul(texts.transposed()) * logScale.exp()
        let labels = graph.constant(TensorData(TensorType(.int32, [batch]), doubles: (0..<batch).map(Double.init)))
        return
            (logits.softmaxCrossEntropy(labels: labels).mean()
            + logits.transposed().softmaxCrossEntropy(labels: labels).mean()) * 0.5
    }

    /// One step of AdamW with the global gradient norm clipped to 1, as updates of parameters and moments.
    func adamWStep(_ loss: Tensor, parameters: [(name: String, tensor: Tensor, decay: Double)]) {
        let gradients = loss.gradients(withRespectTo: parameters.map(\.tensor))
        let squares = gradients.map { ($0 * $0).sum() }.reduce(constant(0)) { $0 + $1 }
        let factor = (1 / (squares.squareRoot() + 1e-6)).minimum(constant(1))
        let step = parameter("step", [], in: 3...3, isTrainable: false) + 1
        graph.update(parameter("step", [], isTrainable: false), to: step)
        // beta ^ step, by the exponential of its logarithm
        let (unbias1, unbias2) = (1 - (step * -0.10536051565782628).exp(), 1 - (step * -0.020202707317519466).exp())
        for ((name, tensor, decay), raw) in zip(parameters, gradients) {
            let gradient = raw * factor
            let first = parameter("\(name).m", tensor.shape, in: -0.1...0.1, isTrainable: false)
            let second = parameter("\(name).v", tensor.shape, in: 0.01...0.1, isTrainable: false)
            let (m, v) = (first * 0.9 + gradient * 0.1, second * 0.98 + gradient * gradient * 0.02)
            let direction = (m / unbias1) / ((v / unbias2).squareRoot() + 1e-6)
            graph.update(first, to: m)
            graph.update(second, to: v)
            graph.update(tensor, to: tensor * (1 - 1e-2 * decay) - direction * 1e-2)
        }
    }
}
