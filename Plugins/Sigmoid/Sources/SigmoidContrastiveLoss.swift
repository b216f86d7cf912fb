package import Multimodal

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Every picture with every text of a batch is a yes-or-no question (Zhai et al. 2023, algorithm 1): the mean over pictures
/// of the sum over texts of `-log sigmoid(±logit)`, where `logit = exp(logit_scale) * cosine + logit_bias`.
///
/// As mlfoundations/open_clip src/open_clip/loss.py (`SigLipLoss`) has it; its training keeps `logit_scale` within
/// [0, ln 100].
package struct SigmoidContrastiveLoss: ContrastiveLoss {
    let initialScale: Double
    let initialBias: Double

    package init(_ config: PluginConfig) throws {
        initialScale = log(try config.number("initialScale"))
        initialBias = try config.number("initialBias")
    }

    package func build(images: Tensor, texts: Tensor, in scope: ParameterScope) -> ContrastiveLossOutput {
        let batch = images.dimension(0)
        let scale = scope.parameter("logit_scale", .scalar, .constant(initialScale), bounds: 0...log(100)).exp()
        let bias = scope.parameter("logit_bias", .scalar, .constant(initialBias))
        let logits = (images.matmul(texts.transposed()) * scale + bias).reshaped(to: [batch * batch, 1])
        // A sigmoid is a softmax over no and yes, with 0 for no: so written, no logit is too large for it.
        let builder = images.builder
        let answers = builder.constant(0).broadcast(to: [batch * batch, 1]).concatenated(with: logits, axis: 1)
        let isPair = builder.constant(
            TensorData(
                TensorType(.int32, [batch * batch]),
                doubles: (0..<batch * batch).map { $0.isMultiple(of: batch + 1) ? 1 : 0 }))
        let loss = answers.softmaxCrossEntropy(labels: isPair).sum() / Double(batch)
        return ContrastiveLossOutput(loss: loss, logitScale: scale)
    }

    package func calibration(_ scalars: [String: Float]) throws -> ScoreCalibration {
        guard let logScale = scalars["logit_scale"], let bias = scalars["logit_bias"] else {
            throw PluginError("sigmoid: the weights lack one of the scalars 'logit_scale' and 'logit_bias'")
        }
        return ScoreCalibration(scale: exp(logScale), bias: bias, link: .sigmoid)
    }
}
