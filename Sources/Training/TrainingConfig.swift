public import Checkpoints
public import Imaging
public import ModelGraph
public import Multimodal
public import YAML

/// What a run is: the model, the data and the recipe, read strictly from YAML.
///
///     model: {...}                     # model.yaml's content, or a model's path or name: its description, no weights
///     init: starter                    # a model's path or name: its weights; random without it
///     data: {pairs: train/pairs.jsonl, block: 1, limit: 1000, cache: 4096, maximumFailures: 10,
///            orientation: upright, sixteenBit: clip}
///     validation: {pairs: test/pairs.jsonl, every: 500, limit: 1000, maximumFailures: 0}
///     seed: 1
///     batchSize: 256
///     epochs: 5                        # or  steps: 10000
///     optimizer: {name: adamw, learningRate: 5.0e-4, beta1: 0.9, beta2: 0.98, epsilon: 1.0e-6, weightDecay: 0.2}
///     schedule: {warmup: 500, decay: cosine, minimum: 0}
///     clipGradientNorm: 1.0
///     precision: float32               # or  bfloat16
///     backend: cpu
///     threads: 2
///     checkpoint: {every: 1000, dtype: float32}
///     metrics: {every: 10}
///     output: {dtype: bfloat16}
///
/// Required are data, batchSize, one of epochs and steps, and model, which init's is without it. Paths are relative to the
/// file. Every epoch shuffles anew; pairs that do not fill its last batch are left out of it.
public struct TrainingConfig: Sendable {
    /// Pairs of pictures and captions: JSON lines with `image` and `text`; image paths are relative to the lines' file.
    public struct Data: Sendable {
        public var pairs: String
        /// Lines that follow one another and stay in one batch, hard negatives of each other. The last lines that do not
        /// fill a block are left out.
        public var block = 1
        /// How many lines to take from the start; nil for all.
        public var limit: Int?
        /// MiB of memory for decoded pictures; those beyond it are decoded each time.
        public var cache = 4096
        /// How many bad lines and images are passed over; nil for one in a hundred pairs, and at least one.
        public var maximumFailures: Int?
        /// How images are decoded.
        public var images = ImageOptions()
    }

    public struct Validation: Sendable {
        public var pairs: String
        /// Steps between two measurements; there is one at the end as well.
        public var every = 1000
        public var limit = 1000
        /// As that of `Data`.
        public var maximumFailures: Int?
    }

    public enum Duration: Hashable, Sendable { case epochs(Int), steps(Int) }

    public struct Checkpoint: Hashable, Sendable {
        /// Steps between two checkpoints; there is one at the end as well.
        public var every = 1000
        /// Only float32 goes on exactly where the run stopped.
        public var dtype = DType.float32
    }

    public var model: ModelConfig
    /// Where the model's tokenizer files are.
    public var modelFolder: String
    /// The model whose weights the run starts from; nil for random ones.
    public var initial: InitialModel?
    /// The model whose description is taken and whose weights are not, where the recipe does not say that they shall not.
    var unusedWeights: String?
    public var data: Data
    public var validation: Validation?
    public var seed: UInt64 = 0
    public var batchSize: Int
    public var duration: Duration
    public var optimizer = AdamW()
    public var schedule = Schedule()
    /// Gradients are scaled down to this norm where theirs is larger; nil never scales.
    public var clipGradientNorm: Double?
    public var precision = CompileOptions.Precision.float32
    public var backend = "cpu"
    public var threads: Int?
    public var checkpoint = Checkpoint()
    /// Steps between two lines of metrics.
    public var metricsEvery = 10
    /// Element type of the finished model's weights; nil for that of the model that the run starts from, else bfloat16.
    public var outputDType: DType?
    /// Where relative paths start.
    public var folder: String
    /// The file that it was read from.
    var file: String?
    /// The whole document.
    public var node: YAMLNode

    /// Files that the run reads, but for images.
    var inputs: [String] { [file, data.pairs, validation?.pairs].compactMap { $0 } }

    /// Reads the file at `path`, with `settings` (dotted path, YAML value) laid over it.
    /// - Parameter models: where names of models are looked up; without it, only paths are understood.
    public static func load(
        _ path: String, settings: [(path: String, value: String)] = [], models: ModelStore? = nil
    ) throws -> TrainingConfig {
        var node = try YAMLNode.load(path)
        for setting in settings { node = try node.setting(setting.path, to: setting.value) }
        var config = try TrainingConfig(node, folder: FileSystem.folder(of: path), models: models)
        config.file = path
        return config
    }

    /// Reads a document whose relative paths start at `folder`.
    public init(_ node: YAMLNode, folder: String, models: ModelStore? = nil) throws {
        self.node = node
        self.folder = folder
        let models = RecipeModels(folder: folder, store: models)
        let counts = 1...1 << 40
        var map = try node.mapping()
        let initNode = map.optional("init")
        initial = try initNode.flatMap { try InitialModel($0, models: models) }
        let modelNode = try initial == nil ? map.required("model") : map.optional("model")
        if let modelNode, case .mapping = modelNode.content {
            model = try ModelConfig(modelNode)
            modelFolder = folder
        } else {
            let name = try modelNode?.string() ?? initial?.model ?? ""
            let source = try models.source(name)
            model = source.layout.config
            modelFolder = source.folder
            if initNode == nil, FileSystem.isFile(source.weights) { unusedWeights = name }
        }
        // What is trained is not quantised, whatever the description's own weights are.
        model = try model.withoutQuantization()
        data = try Self.data(map.required("data"), folder)
        validation = try map.optional("validation").map { try Self.validation($0, folder) }
        seed = try map.optional("seed").map { UInt64(try $0.int(in: 0...Int.max)) } ?? 0
        let batch = try map.required("batchSize")
        batchSize = try batch.int(in: 2...1 << 24)
        guard batchSize % data.block == 0 else {
            throw batch.error(
                "a batch of \(batchSize) does not hold whole blocks of \(data.block)",
                remedy: "make batchSize a multiple of data.block")
        }
        switch (try map.optional("epochs")?.int(in: counts), try map.optional("steps")?.int(in: counts)) {
        case (let epochs?, nil): duration = .epochs(epochs)
        case (nil, let steps?): duration = .steps(steps)
        default: throw node.error("a run needs exactly one of epochs and steps", remedy: "write one of them")
        }
        optimizer = try map.optional("optimizer").map(AdamW.init) ?? AdamW()
        schedule = try map.optional("schedule").map(Schedule.init) ?? Schedule()
        clipGradientNorm = try map.optional("clipGradientNorm")?.positive()
        precision = try map.optional("precision")?.value(of: CompileOptions.Precision.self) ?? .float32
        backend = try map.optional("backend")?.string() ?? "cpu"
        threads = try map.optional("threads")?.int(in: 1...4096)
        if let node = map.optional("checkpoint") {
            var map = try node.mapping()
            checkpoint.every = try map.optional("every")?.int(in: counts) ?? checkpoint.every
            checkpoint.dtype = try map.optional("dtype").map(Self.dtype) ?? checkpoint.dtype
            try map.finish()
        }
        if let node = map.optional("metrics") {
            var map = try node.mapping()
            metricsEvery = try map.required("every").int(in: counts)
            try map.finish()
        }
        if let node = map.optional("output") {
            var map = try node.mapping()
            outputDType = try Self.dtype(map.required("dtype"))
            try map.finish()
        }
        try map.finish()
    }

    private static func data(_ node: YAMLNode, _ folder: String) throws -> Data {
        var map = try node.mapping()
        var data = Data(pairs: FileSystem.resolve(try map.required("pairs").string(), in: folder))
        data.block = try map.optional("block")?.int(in: 1...1 << 20) ?? 1
        data.limit = try map.optional("limit")?.int(in: 1...1 << 31)
        data.cache = try map.optional("cache")?.int(in: 0...1 << 24) ?? data.cache
        data.maximumFailures = try map.optional("maximumFailures")?.int(in: 0...1 << 31)
        data.images.orientation =
            try map.optional("orientation")?.value(of: ImageOptions.Orientation.self)
            ?? data.images.orientation
        data.images.sixteenBit =
            try map.optional("sixteenBit")?.value(of: ImageOptions.SixteenBit.self)
            ?? data.images.sixteenBit
        try map.finish()
        return data
    }

    private static func validation(_ node: YAMLNode, _ folder: String) throws -> Validation {
        var map = try node.mapping()
        var validation = Validation(pairs: FileSystem.resolve(try map.required("pairs").string(), in: folder))
        validation.every = try map.optional("every")?.int(in: 1...1 << 40) ?? validation.every
        validation.limit = try map.optional("limit")?.int(in: 2...20_000) ?? validation.limit
        validation.maximumFailures = try map.optional("maximumFailures")?.int(in: 0...1 << 31)
        try map.finish()
        return validation
    }

    private static func dtype(_ node: YAMLNode) throws -> DType {
        guard let type = DType(rawValue: try node.string(oneOf: ["float32", "bfloat16", "float16"])) else {
            throw node.error("no element type of weights")
        }
        return type
    }
}

extension ModelConfig {
    fileprivate func withoutQuantization() throws -> ModelConfig {
        guard quantization != nil, case .mapping(let entries) = node.content else { return self }
        return try ModelConfig(YAMLNode(.mapping(entries.filter { $0.key != "quantization" }), at: node.location))
    }
}

extension YAMLNode {
    func positive() throws -> Double {
        let value = try double()
        guard value > 0 else { throw error("\(path) is \(try text())", remedy: "use a number above 0") }
        return value
    }

    func fraction() throws -> Double {
        let value = try double()
        guard 0..<1 ~= value else { throw error("\(path) is \(try text())", remedy: "use a number from 0, below 1") }
        return value
    }
}
