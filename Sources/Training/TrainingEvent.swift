/// What a run tells its caller while it goes on.
public enum TrainingEvent: Sendable {
    /// Comes first.
    case started(Start)
    /// Lines or images that cannot be used, and are passed over.
    case failed([DataFailure])
    case prepared(Preparation)
    case step(StepReport)
    case validated(ValidationReport)
    /// A checkpoint and the model directory are on disk, as of this many steps.
    case saved(steps: Int, folder: String)

    /// What a run starts from.
    public struct Start: Hashable, Sendable {
        /// For people: "random weights, seed 3", "the weights of starter (…)".
        public var origin: String
        /// What the user may have meant otherwise: that the model whose description is taken has weights, too.
        public var note: String?
        /// Steps that an earlier run did, with which this one goes on; 0 at the start.
        public var resumedSteps: Int
        /// The run directory.
        public var folder: String
    }

    /// What there is to train, before the first step.
    public struct Preparation: Hashable, Sendable {
        /// Lines that are pairs; of these, some may have images that cannot be read.
        public var pairs: Int
        public var pictures: Int
        /// Pictures that stay decoded in memory; the others are decoded each time.
        public var picturesInMemory: Int
        /// Captions that were cut because they have more tokens than the context.
        public var truncatedCaptions: Int
        /// Tokens of a caption as the step takes them, padding included.
        public var length: Int
        public var steps: Int
        public var stepsPerEpoch: Int
        /// Trained numbers, in elements.
        public var parameters: Int
        /// Steps that an earlier run did; 0 at the start.
        public var resumedSteps: Int
    }

    public struct StepReport: Hashable, Sendable {
        /// Steps done, this one included.
        public var step: Int
        public var steps: Int
        /// Counted from 1.
        public var epoch: Int
        public var loss: Double
        public var learningRate: Double
        /// Before clipping.
        public var gradientNorm: Double
        /// What cosines are multiplied by, before this step's update.
        public var logitScale: Double
        public var pairsPerSecond: Double
        public var secondsLeft: Double
    }

    public struct ValidationReport: Hashable, Sendable {
        /// Steps done.
        public var step: Int
        /// Mean over whole batches of the training's size (or one smaller batch).
        public var loss: Double
        /// How often a picture's nearest caption is its own (or one of the same words).
        public var imageToTextRecall: Double
        /// How often a caption's nearest picture is its own (or one with the same caption).
        public var textToImageRecall: Double
        /// How many pairs compete.
        public var pairs: Int
    }
}

/// How a run ended.
public struct TrainingSummary: Hashable, Sendable {
    /// Steps done, those of earlier runs included.
    public var steps: Int
    /// The last step's; nil where none was left to do.
    public var loss: Double?
    /// Whether it was asked to stop before its end.
    public var wasStopped: Bool
    /// Bad lines and images that were passed over.
    public var failures: Int
    /// The run directory, which is a model directory too.
    public var folder: String
}
