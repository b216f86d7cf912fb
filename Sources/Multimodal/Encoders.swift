/// Builds the part of a graph that turns pictures into vectors.
public protocol ImageEncoder: Sendable {
    /// Height and width of the square pictures it takes, in pixels.
    var imageSize: Int { get }

    /// `images [batch, 3, imageSize, imageSize]`, normalised, to features. Parameters are declared through `scope`.
    func build(_ images: Tensor, in scope: ParameterScope) -> EncoderFeatures
}

/// Builds the part of a graph that turns token ids into vectors.
public protocol TextEncoder: Sendable {
    /// Most tokens of a text, start and end included.
    var contextLength: Int { get }
    /// Number of token ids it knows.
    var vocabularySize: Int { get }
    /// The id at whose place a text's features are taken; nil where another rule finds the place. The tokenizer must end
    /// texts with it.
    var endToken: Int32? { get }
    /// Whether tokens after the end token cannot change the features, so that a batch may be cut to its longest text.
    var ignoresPadding: Bool { get }

    /// `tokens [batch, length]`, int32, to features. Parameters are declared through `scope`.
    func build(_ tokens: Tensor, in scope: ParameterScope) -> EncoderFeatures
}

extension TextEncoder {
    public var endToken: Int32? { nil }
}

/// What an encoder gives.
public struct EncoderFeatures {
    /// One vector a picture or text: `[batch, width]`.
    public var pooled: Tensor
    /// One vector a token: `[batch, tokens, width]`, what huggingface/transformers calls the tower's `last_hidden_state`:
    /// of a text tower after the final norm, of a picture's CLIP tower before the norm that only the pooled token passes.
    /// Nil where the encoder has no tokens.
    public var tokens: Tensor?
    /// `[batch, tokens, width]`, what goes into the last block: transformers' `hidden_states[-2]`, without any norm after
    /// it. Nil where the encoder has no such thing.
    public var penultimate: Tensor?
    /// How the model projects `pooled` into the embedding space.
    public var projection: Projection

    /// How features come into the embedding space.
    public enum Projection: String, Hashable, Sendable {
        /// By a learned matrix.
        case linear
        /// By a learned matrix and a learned bias.
        case bias
        /// Not at all: they are in it already.
        case none
    }

    public init(
        pooled: Tensor, tokens: Tensor? = nil, penultimate: Tensor? = nil, projection: Projection = .linear
    ) {
        self.pooled = pooled
        self.tokens = tokens
        self.penultimate = penultimate
        self.projection = projection
    }
}

/// What is asked of a tower.
public enum EncoderOutput: String, Hashable, Sendable, CaseIterable {
    /// One vector in the space that both towers share.
    case pooled
    /// `EncoderFeatures.tokens`: what Stable Diffusion 1.x is conditioned on.
    case tokens
    /// `EncoderFeatures.penultimate`: Stable Diffusion 2.x (which applies the final norm itself) takes it of texts, LLaVA of
    /// pictures.
    case penultimate
}

/// Declares parameters under a prefix: `scope["ln_1"].parameter("weight", ...)` is `visual.ln_1.weight`.
///
/// Names are those of OpenCLIP's checkpoints (mlfoundations/open_clip src/open_clip/model.py), and so are layouts: linear
/// weights `[out, in]`, convolutions `[out, in, height, width]`.
public struct ParameterScope {
    public let builder: GraphBuilder
    public let prefix: String
    /// Whether the graph is for training: batch norm then uses the batch's own statistics and updates the running ones.
    public let isTraining: Bool

    public init(builder: GraphBuilder, prefix: String = "", isTraining: Bool = false) {
        self.builder = builder
        self.prefix = prefix
        self.isTraining = isTraining
    }

    /// The scope one level further in.
    public subscript(_ name: String) -> ParameterScope {
        ParameterScope(builder: builder, prefix: prefix + name + ".", isTraining: isTraining)
    }

    public func parameter(
        _ name: String, _ shape: Shape, _ initializer: Initializer, isTrainable: Bool = true,
        bounds: ClosedRange<Double>? = nil, file: String = #fileID, line: Int = #line
    ) -> Tensor {
        builder.parameter(
            prefix + name, shape, initializer, isTrainable: isTrainable, bounds: bounds, file: file, line: line)
    }
}
