import Checkpoints
import Imaging
import ModelGraph
public import Multimodal

/// Trains a model: a configuration and a run directory in, a model directory out.
public struct Trainer: Sendable {
    public let config: TrainingConfig
    /// The run directory, which becomes a model directory.
    public let output: String
    let plugins: PluginRegistry
    private let beginning: RunDirectory.Beginning

    /// - Parameters:
    ///   - resumes: whether to go on where an earlier run into `output` stopped; without a checkpoint there, that is an
    ///     error. Without it, `output` is new or empty, or holds a run that ended before its first step.
    ///   - replaces: whether to start over in `output` whatever is there: files of a run's names are replaced, all others
    ///     stay.
    public init(
        config: TrainingConfig, output: String, plugins: PluginRegistry, resumes: Bool = false, replaces: Bool = false
    ) {
        self.config = config
        self.output = output
        self.plugins = plugins
        beginning = resumes ? .resumed : replaces ? .replacing : .fresh
    }

    /// Runs to the end, or until `shouldStop`, which is asked before every step, says so. Both leave a checkpoint and a
    /// model directory; and so does an error after the first step, which is thrown when the steps before it are saved.
    ///
    /// The data is looked at before the first step. Bad lines and images are reported and passed over, as many as
    /// `maximumFailures` allows.
    public func run(
        report: (TrainingEvent) throws -> Void = { _ in }, shouldStop: @Sendable () -> Bool = { false }
    ) throws -> TrainingSummary {
        let model = try DualEncoder(config.model, plugins: plugins)
        let transform = try ModelDirectory.transform(of: model)
        let tokenizer = try ModelDirectory.tokenizer(of: model, folder: config.modelFolder, plugins: plugins)
        let backend = try plugins.backend(config.backend)
        let options = CompileOptions(precision: config.precision, threads: config.threads)
        let side = try model.image.imageSize

        let origin = try RunOrigin(config, model: model, tokenizer: tokenizer, plugins: plugins)
        let files = try config.model.tokenizer.map { try plugins.stringSettings(.tokenizer, $0) } ?? []
        let directory = try RunDirectory(
            output, beginning, inputs: config.inputs + origin.inputs,
            tokenizerFiles: files.map { FileSystem.name(of: $0.value) })
        let first = try directory.stepsDone()
        try report(
            .started(TrainingEvent.Start(origin: "\(origin)", note: origin.note, resumedSteps: first, folder: output)))

        var failed: [DataFailure] = []
        func read(_ path: String, limit: Int?, memory: Int, maximum: (Int?, String), decodesAll: Bool) throws -> Data {
            let pairs = try PairList(
                path, limit: limit, tokenizer: tokenizer, contextLength: model.text.contextLength)
            let pictures = try PictureStore(
                pairs: pairs, transform: transform, options: config.data.images, side: side, memory: memory)
            let limit = FailureLimit(maximum.0, setting: maximum.1, pairs: pairs)
            let failures = DataCheck.run(pictures, decodesAll: decodesAll)
            try limit.check(failures)
            if !failures.isEmpty { try report(.failed(failures)) }
            failed += failures
            return Data(pairs: pairs, pictures: pictures, limit: limit)
        }
        let data = try read(
            config.data.pairs, limit: config.data.limit, memory: config.data.cache << 20,
            maximum: (config.data.maximumFailures, "data.maximumFailures"), decodesAll: false)
        let pairs = data.pairs
        let order = PairOrder(
            count: pairs.count, block: config.data.block, seed: config.seed, batchSize: config.batchSize)
        guard order.stepsPerEpoch > 0 else {
            throw TrainingError(
                "\(pairs.file): has \(pairs.count) pairs, too few for one batch of \(config.batchSize); "
                    + "lower batchSize or add pairs")
        }
        let validation = try config.validation.map { settings in
            let data = try read(
                settings.pairs, limit: settings.limit, memory: 1 << 30,
                maximum: (settings.maximumFailures, "validation.maximumFailures"), decodesAll: true)
            guard data.pairs.count > 1 else { throw TrainingError("\(data.pairs.file): has fewer than two pairs") }
            return Validation(
                model: model, pairs: data.pairs, pictures: data.pictures, limit: data.limit, tokenizer: tokenizer,
                backend: backend, options: options, batchSize: config.batchSize)
        }

        let length = try model.text.ignoresPadding ? pairs.longest : model.text.contextLength
        let graph = try TrainingStep.graph(
            model: model, batch: config.batchSize, length: length, optimizer: config.optimizer,
            clipGradientNorm: config.clipGradientNorm, keepingStatisticsOf: origin.towers)
        let restored = try directory.restore(graph, order: order, origin: origin)
        let steps =
            switch config.duration {
            case .epochs(let epochs): epochs * order.stepsPerEpoch
            case .steps(let steps): steps
            }
        guard first <= steps else {
            throw TrainingError(
                "\(output): holds a run of \(first) steps, this one ends after \(steps); raise epochs or steps, or choose "
                    + "another directory")
        }
        let executable = try backend.compile(
            graph, parameters: restored ?? origin.parameters(of: graph), options: options)
        try directory.begin(config, origin)
        let metrics = try Metrics(directory.metricsPath, keepingSteps: first, every: config.metricsEvery)
        for failure in failed { try metrics.add(failure, step: first) }
        var run = TrainingRun(
            trainer: self, model: model, graph: graph, executable: executable, directory: directory, origin: origin,
            order: order, metrics: metrics, steps: steps, done: first, failures: failed.count)
        try report(
            .prepared(
                TrainingEvent.Preparation(
                    pairs: pairs.count - pairs.failures.count, pictures: pairs.imagePaths.count,
                    picturesInMemory: data.pictures.cachedCount,
                    truncatedCaptions: pairs.truncated, length: length, steps: steps,
                    stepsPerEpoch: order.stepsPerEpoch,
                    parameters: graph.parameterSignature.reduce(0) {
                        $0 + ($1.parameter.isTrainable ? $1.type.shape.count : 0)
                    }, resumedSteps: first)))
        let maker = BatchMaker(
            order: order, pictures: data.pictures, limit: data.limit, side: side, length: length,
            padToken: tokenizer.padToken)
        let loader = BatchLoader(steps: first..<steps, maker: maker)
        defer { loader.stop() }
        return try run.loop(loader, validation, report: report, shouldStop: shouldStop)
    }

    private struct Data {
        var pairs: PairList
        var pictures: PictureStore
        var limit: FailureLimit
    }

    /// What goes into a model directory of the state `state`: no moments.
    func writeModel(_ model: DualEncoder, state: [String: TensorData], origin: RunOrigin) throws {
        let graph = try model.completeGraph()
        var parameters: [String: TensorData] = [:]
        for (parameter, _) in graph.parameterSignature { parameters[parameter.name] = state[parameter.name] }
        try ModelDirectory.write(
            to: output, config: config.model, parameters: parameters, dtype: config.outputDType ?? origin.dtype,
            tokenizerFolder: config.modelFolder, plugins: plugins)
    }
}
