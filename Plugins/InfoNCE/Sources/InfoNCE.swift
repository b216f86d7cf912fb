package import Multimodal

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Symmetric cross-entropy over a batch's cosines, scaled by a learned temperature (Radford et al. 2021, figure 3).
///
/// The scale is stored as a logarithm, `logit_scale`, and stays within [0, ln 100] (section 2.5).
package struct InfoNCE: ContrastiveLoss {
    let initialScale: Double

    package init(_ config: PluginConfig) throws {
        initialScale = log(1 / (try config.number("initialTemperature")))
    }

    package func build(images: Tensor, texts: Tensor, in scope: ParameterScope) -> ContrastiveLossOutput {
        let batch = images.dimension(0)
        let scale = scope.parameter("logit_scale", .scalar, .constant(initialScale), bounds: 0...log(100)).exp()
        let logits = images.matmul(texts.transposed()) * scale  // [batch, batch], rows are images
        let labels = images.builder.constant(
            TensorData(TensorType(.int32, [batch]), doubles: (0..<batch).map(Double.init)))
        let imageLoss = logits.softmaxCrossEntropy(labels: labels).mean()
        let textLoss = logits.transposed().softmaxCrossEntropy(labels: labels).mean()
        return ContrastiveLossOutput(loss: (imageLoss + textLoss) * 0.5, logitScale: scale)
    }

    package func calibration(_ scalars: [String: Float]) throws -> ScoreCalibration {
        guard let logScale = scalars["logit_scale"] else {
            throw PluginError("info-nce: the weights lack the scalar 'logit_scale'")
        }
        return ScoreCalibration(scale: exp(logScale), link: .softmax)
    }
}
