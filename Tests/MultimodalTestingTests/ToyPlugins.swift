import Multimodal

struct ToyImageEncoder: ImageEncoder {
    enum Fault { case none, mixesRows, unusedParameter, outsideScope, flat }
    var fault = Fault.none
    var imageSize: Int { 6 }

    func build(_ images: Tensor, in scope: ParameterScope) -> EncoderFeatures {
        let batch = images.dimension(0)
        let weight = scope["conv1"].parameter("weight", [5, 3, 3, 3], .zeros)
        let patches = images.convolution(weight, stride: 3).reshaped(to: [batch, 5, 4]).transposed([0, 2, 1])
        let tokens =
            patches.gelu(.erf) + scope.parameter("positional_embedding", [4, 5], .normal(standardDeviation: 0.1))
        var pooled = tokens.mean(axes: [1])
        switch fault {
        case .none: break
        case .mixesRows: pooled = pooled - pooled.mean(axes: [0])
        case .unusedParameter: pooled = pooled + scope.parameter("lost", [5], .zeros).greater(than: 0)
        case .outsideScope: pooled = pooled * scope.builder.parameter("stray", [5], .ones)
        case .flat: pooled = pooled.reshaped(to: [batch * 5])
        }
        return EncoderFeatures(pooled: pooled, tokens: tokens)
    }
}

struct ToyTextEncoder: TextEncoder {
    var contextLength = 7
    var vocabularySize = 13
    var ignoresPadding = true
    var isCausal = true

    func build(_ tokens: Tensor, in scope: ParameterScope) -> EncoderFeatures {
        let table = scope["token_embedding"].parameter("weight", [vocabularySize, 4], .normal(standardDeviation: 1))
        let places = scope.parameter("positional_embedding", [contextLength, 4], .normal(standardDeviation: 0.3))
        let x = table.gather(tokens) + places.sliced(axis: 0, 0..<tokens.dimension(1))
        let y = x.attention(keys: x, values: x, isCausal: isCausal)
        return EncoderFeatures(pooled: y.tokens(at: tokens.argMax(axis: 1)), tokens: y)
    }
}

struct ToyLoss: ContrastiveLoss {
    enum Fault { case none, oneSided, constantScale, upsideDown }
    var fault = Fault.none

    func build(images: Tensor, texts: Tensor, in scope: ParameterScope) -> ContrastiveLossOutput {
        let scale = scope.parameter("logit_scale", [], .constant(2)).exp()
        let batch = images.dimension(0)
        let labels = scope.builder.constant(
            TensorData(TensorType(.int32, [batch]), doubles: (0..<batch).map(Double.init)))
        let logits = images.matmul(texts.transposed()) * (fault == .constantScale ? scale * 0 + 7.389056 : scale)
        let one = logits.softmaxCrossEntropy(labels: labels).mean()
        let other = logits.transposed().softmaxCrossEntropy(labels: labels).mean()
        let loss = fault == .oneSided ? one : (one + other) * 0.5
        return ContrastiveLossOutput(loss: fault == .upsideDown ? -loss : loss, logitScale: scale)
    }

    func calibration(_ scalars: [String: Float]) throws -> ScoreCalibration {
        guard let logScale = scalars["logit_scale"] else { throw BackendError("logit_scale is missing") }
        return ScoreCalibration(scale: logScale == 2 ? 7.389056 : .nan)
    }
}

/// UTF-8 bytes.
struct ToyTokenizer: Tokenizer {
    enum Fault { case none, outOfRange, deaf }
    var fault = Fault.none
    var vocabularySize: Int { fault == .outOfRange ? 100 : 259 }
    var startToken: Int32? { 256 }
    var endToken: Int32 { 257 }
    var padToken: Int32 { 258 }
    var digest: String { "bytes" }

    func encode(_ text: String) -> [Int32] {
        fault == .deaf ? [1] : text.utf8.map(Int32.init)
    }
}
