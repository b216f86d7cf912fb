import Multimodal
import Synchronization

/// Patches, an op of its own, a mean; and the same wrong in one way.
struct ToyImageEncoder: ImageEncoder {
    enum Fault {
        case none, mixesRows, mixesTokens, unusedParameter, outsideScope, flat, changesWhenEmbedding, growsWithBatch
        case otherGraphEachTime, notFinite, deaf, updatesTrainable, trainsOtherParameters
    }
    var fault = Fault.none
    var op = Bend.Fault.none
    var imageSize: Int { 6 }
    private let builds = Counter()

    init(fault: Fault = .none, op: Bend.Fault = .none) {
        self.fault = fault
        self.op = op
    }

    func build(_ images: Tensor, in scope: ParameterScope) -> EncoderFeatures {
        let batch = images.dimension(0)
        let weight = scope["conv1"].parameter("weight", [5, 3, 3, 3], .zeros)
        let patches = images.convolution(weight, stride: 3).reshaped(to: [batch, 5, 4]).transposed([0, 2, 1])
        var tokens =
            patches.gelu(.erf) + scope.parameter("positional_embedding", [4, 5], .normal(standardDeviation: 0.1))
        if op != .transposedShape { tokens = tokens.bent(by: scope.parameter("bend", [5], .ones), op) }
        var pooled = tokens.mean(axes: [1])
        if op == .transposedShape { pooled = pooled.bent(by: scope.parameter("bend", [5], .ones), op).transposed() }
        switch fault {
        case .none: break
        case .mixesRows: pooled = pooled - pooled.mean(axes: [0])
        case .mixesTokens: tokens = tokens - tokens.mean(axes: [0])
        case .unusedParameter: pooled = pooled + scope.parameter("lost", [5], .zeros).greater(than: 0)
        case .outsideScope: pooled = pooled * scope.builder.parameter("stray", [5], .ones)
        case .flat: pooled = pooled.reshaped(to: [batch * 5])
        case .changesWhenEmbedding:
            let count = scope.parameter("count", [], .zeros, isTrainable: false)
            scope.builder.update(count, to: count + 1)
            pooled = pooled + count
        case .growsWithBatch: pooled = pooled + scope.parameter("rows", [batch, 5], .zeros)
        case .otherGraphEachTime: pooled = pooled + Double(builds.next())
        case .notFinite: pooled = (pooled * 0 - 1).log()
        case .deaf: pooled = pooled * 0 + scope.parameter("answer", [5], .ones)
        case .updatesTrainable:
            guard scope.isTraining else { break }
            let bend = scope.parameter("bend", [5], .ones)
            scope.builder.update(bend, to: bend * 0.9)
        case .trainsOtherParameters:
            if scope.isTraining { pooled = pooled * scope.parameter("extra", [5], .ones) }
        }
        return EncoderFeatures(pooled: pooled, tokens: tokens)
    }
}

/// Counts calls.
final class Counter: Sendable {
    private let count = Atomic(0)
    func next() -> Int { count.add(1, ordering: .relaxed).newValue }
}

/// One attention layer; and the same wrong in one way.
struct ToyTextEncoder: TextEncoder {
    var contextLength = 7
    var vocabularySize = 13
    var ignoresPadding = true
    var isCausal = true
    var mixesRows = false
    var op = Bend.Fault.none

    func build(_ tokens: Tensor, in scope: ParameterScope) -> EncoderFeatures {
        let table = scope["token_embedding"].parameter("weight", [vocabularySize, 4], .normal(standardDeviation: 1))
        let places = scope.parameter("positional_embedding", [contextLength, 4], .normal(standardDeviation: 0.3))
        let x = table.gather(tokens) + places.sliced(axis: 0, 0..<tokens.dimension(1))
        var y = x.attention(keys: x, values: x, isCausal: isCausal).bent(by: scope.parameter("bend", [4], .ones), op)
        if mixesRows { y = y + y.maximum(axes: [0], keepDimensions: true) }
        return EncoderFeatures(pooled: y.tokens(at: tokens.argMax(axis: 1)), tokens: y)
    }
}

/// Cross-entropy both ways; and the same wrong in one way.
struct ToyLoss: ContrastiveLoss {
    enum Fault {
        case none, oneSided, constantScale, upsideDown, dependsOnOrder, favoursTheFirst, wrongGradient, needsTwoPairs
        case startsOutside, infiniteAtItsBound, otherCalibration, vector, saysOneSided
    }
    var fault = Fault.none
    var isSymmetric: Bool { fault != .saysOneSided }

    func build(images: Tensor, texts: Tensor, in scope: ParameterScope) -> ContrastiveLossOutput {
        let bounds: ClosedRange<Double> = fault == .infiniteAtItsBound ? 0...1e6 : 0...4.6
        let start = fault == .startsOutside ? 5.0 : 2
        let scale = scope.parameter("logit_scale", [], .constant(start), bounds: bounds).exp()
        let batch = images.dimension(0)
        let labels = scope.builder.constant(
            TensorData(TensorType(.int32, [batch]), doubles: (0..<batch).map(Double.init)))
        let logits = images.matmul(texts.transposed()) * (fault == .constantScale ? scale * 0 + 7.389056 : scale)
        let one = logits.softmaxCrossEntropy(labels: labels)
        let other = logits.transposed().softmaxCrossEntropy(labels: labels)
        var loss = (one.mean() + other.mean()) * 0.5
        switch fault {
        case .oneSided, .saysOneSided: loss = one.mean()
        case .upsideDown: loss = -loss
        case .dependsOnOrder:
            let weights = TensorData(TensorType(.float32, [batch]), doubles: (0..<batch).map { 1 + Double($0) })
            loss = ((one + other) * scope.builder.constant(weights)).mean()
        case .favoursTheFirst: loss = loss + images.sliced(axis: 0, 0..<1).sum() * 0.01
        case .wrongGradient:
            let weight = scope.builder.constant(1).broadcast(to: [1])
            loss = loss.reshaped(to: [1]).bent(by: weight, .gradientFactor(1.01)).sum()
        case .needsTwoPairs: loss = loss / Double(batch - 1)
        case .vector: loss = (one + other) * 0.5
        case .none, .constantScale, .startsOutside, .infiniteAtItsBound, .otherCalibration: break
        }
        return ContrastiveLossOutput(loss: loss, logitScale: scale)
    }

    func calibration(_ scalars: [String: Float]) throws -> ScoreCalibration {
        guard let logScale = scalars["logit_scale"] else { throw BackendError("logit_scale is missing") }
        return ScoreCalibration(scale: fault == .otherCalibration ? 10 : Self.exponential(logScale))
    }

    /// By its series: the standard library has no exponential.
    private static func exponential(_ x: Float) -> Float {
        var (sum, term) = (1.0, 1.0)
        for step in 1..<60 {
            term *= Double(x) / Double(step)
            sum += term
        }
        return Float(sum)
    }
}
