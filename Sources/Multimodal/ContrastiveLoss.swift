/// Builds the loss over a batch of pairs, and says how its scores become probabilities.
public protocol ContrastiveLoss: Sendable {
    /// `images [batch, width]` and `texts [batch, width]`, unit vectors, row `i` of one belonging to row `i` of the
    /// other. Declares the learned temperature (and bias) through `scope`.
    func build(images: Tensor, texts: Tensor, in scope: ParameterScope) -> ContrastiveLossOutput

    /// How a cosine becomes a probability, given the model's scalar parameters by name (`logit_scale`, say).
    func calibration(_ scalars: [String: Float]) throws -> ScoreCalibration

    /// Whether images and texts may change places without changing the loss. True unless a loss says otherwise.
    var isSymmetric: Bool { get }
}

extension ContrastiveLoss {
    public var isSymmetric: Bool { true }
}

public struct ContrastiveLossOutput {
    /// The scalar to minimise.
    public var loss: Tensor
    /// What cosines are multiplied by; a scalar, for logs.
    public var logitScale: Tensor

    public init(loss: Tensor, logitScale: Tensor) {
        self.loss = loss
        self.logitScale = logitScale
    }
}

/// `logit = scale * cosine + bias`, then a softmax over candidates or a sigmoid of each.
public struct ScoreCalibration: Hashable, Sendable {
    public enum Link: String, Hashable, Sendable { case softmax, sigmoid }

    public var scale: Float
    public var bias: Float
    public var link: Link

    public init(scale: Float, bias: Float = 0, link: Link = .softmax) {
        self.scale = scale
        self.bias = bias
        self.link = link
    }
}
