import Checkpoints
import Imaging
import ModelGraph
public import Multimodal

/// Trains a model: a configuration and a run directory in, a model directory out.
public struct Trainer: Sendable {
    public let config: TrainingConfig
    /// The run directory, which becomes a model directory.
    public let output: String
    private let plugins: PluginRegistry
    private let resumes: Bool

    /// - Parameter resumes: Whether to go on where an earlier run into `output` left a checkpoint. Without it such a
    ///   directory is refused.
    public init(config: TrainingConfig, output: String, plugins: PluginRegistry, resumes: Bool = false) {
        self.config = config
        self.output = output
        self.plugins = plugins
        self.resumes = resumes
    }

    /// Runs to the end, or until `shouldStop`, which is asked before every step, says so; both leave a checkpoint and a
    /// model directory. Where it throws, the last checkpoint stays as it was.
    public func run(
        report: (TrainingEvent) throws -> Void = { _ in }, shouldStop: @Sendable () -> Bool = { false }
    ) throws -> TrainingSummary {
        let model = try DualEncoder(config.model, plugins: plugins)
        let transform = try ModelDirectory.transform(of: model)
        let tokenizer = try ModelDirectory.tokenizer(of: model, folder: config.modelFolder, plugins: plugins)
        let backend = try plugins.backend(config.backend)
        let options = CompileOptions(precision: config.precision, threads: config.threads)
        let side = try model.image.imageSize

        func read(_ path: String, limit: Int?, memory: Int) throws -> (PairList, PictureStore) {
            let pairs = try PairList(
                path, limit: limit, tokenizer: tokenizer, contextLength: model.text.contextLength)
            return (pairs, try PictureStore(pairs: pairs, transform: transform, side: side, memory: memory))
        }
        let (pairs, pictures) = try read(config.data.pairs, limit: config.data.limit, memory: config.data.cache << 20)
        let order = PairOrder(
            count: pairs.count, block: config.data.block, seed: config.seed, batchSize: config.batchSize)
        guard order.stepsPerEpoch > 0 else {
            throw TrainingError(
                "\(pairs.file): has \(pairs.count) pairs, too few for one batch of \(config.batchSize); "
                    + "lower batchSize or add pairs")
        }
        let validation = try config.validation.map { settings in
            let (pairs, pictures) = try read(settings.pairs, limit: settings.limit, memory: 1 << 30)
            guard pairs.count > 1 else { throw TrainingError("\(pairs.file): has fewer than two pairs") }
            return Validation(
                model: model, pairs: pairs, pictures: pictures, tokenizer: tokenizer, backend: backend,
                options: options, batchSize: config.batchSize)
        }

        let length = try model.text.ignoresPadding ? pairs.longest : model.text.contextLength
        let graph = try TrainingStep.graph(
            model: model, batch: config.batchSize, length: length, optimizer: config.optimizer,
            clipGradientNorm: config.clipGradientNorm)
        let directory = try RunDirectory(output)
        let restored = try directory.restore(graph, order: order)
        if restored != nil, !resumes {
            throw TrainingError(
                "\(output): holds an earlier run; resume it, or choose another directory for this one")
        }
        let steps =
            switch config.duration {
            case .epochs(let epochs): epochs * order.stepsPerEpoch
            case .steps(let steps): steps
            }
        let first = restored?.steps ?? 0
        guard first <= steps else {
            throw TrainingError(
                "\(output): holds a run of \(first) steps, this one ends after \(steps); raise epochs or steps, or choose "
                    + "another directory")
        }
        let executable = try backend.compile(
            graph, parameters: restored?.state ?? graph.initialParameters(seed: config.seed), options: options)
        try directory.writeSettings(config)
        var run = Run(
            trainer: self, model: model, graph: graph, executable: executable, directory: directory, order: order,
            metrics: try Metrics(directory.metricsPath, keepingSteps: first, every: config.metricsEvery), steps: steps,
            done: first)
        try report(
            .prepared(
                TrainingEvent.Preparation(
                    pairs: pairs.count, pictures: pairs.imagePaths.count, picturesInMemory: pictures.cachedCount,
                    truncatedCaptions: pairs.truncated, length: length, steps: steps,
                    stepsPerEpoch: order.stepsPerEpoch,
                    parameters: graph.parameterSignature.reduce(0) {
                        $0 + ($1.parameter.isTrainable ? $1.type.shape.count : 0)
                    }, resumedSteps: first)))
        let loader = BatchLoader(
            steps: first..<steps, order: order, pairs: pairs, pictures: pictures, side: side, length: length,
            padToken: tokenizer.padToken)
        defer { loader.stop() }
        return try run.loop(loader, validation, report: report, shouldStop: shouldStop)
    }

    /// What goes into a model directory of the state `state`: no moments.
    fileprivate func writeModel(_ model: DualEncoder, state: [String: TensorData]) throws {
        let graph = try model.completeGraph()
        var parameters: [String: TensorData] = [:]
        for (parameter, _) in graph.parameterSignature { parameters[parameter.name] = state[parameter.name] }
        try ModelDirectory.write(
            to: output, config: config.model, parameters: parameters, dtype: config.outputDType,
            tokenizerFolder: config.modelFolder, plugins: plugins)
    }
}

/// A run under way.
private struct Run {
    let trainer: Trainer
    let model: DualEncoder
    let graph: Graph
    let executable: any Executable
    let directory: RunDirectory
    let order: PairOrder
    let metrics: Metrics
    let steps: Int
    /// Steps done.
    var done: Int

    private var secondsPerStep: Double?
    private var savedSteps: Int?

    init(
        trainer: Trainer, model: DualEncoder, graph: Graph, executable: any Executable, directory: RunDirectory,
        order: PairOrder, metrics: Metrics, steps: Int, done: Int
    ) {
        self.trainer = trainer
        self.model = model
        self.graph = graph
        self.executable = executable
        self.directory = directory
        self.order = order
        self.metrics = metrics
        self.steps = steps
        self.done = done
    }

    mutating func loop(
        _ loader: BatchLoader, _ validation: Validation?, report: (TrainingEvent) throws -> Void,
        shouldStop: () -> Bool
    ) throws -> TrainingSummary {
        let config = trainer.config
        var loss: Double?
        var wasStopped = false
        while done < steps {
            if shouldStop() {
                wasStopped = true
                break
            }
            let step = try step(loader)
            loss = step.loss
            try metrics.add(step)
            try report(.step(step))
            if done % config.checkpoint.every == 0 { try save(report) }
            if let validation, let settings = config.validation, done % settings.every == 0 || done == steps {
                let result = try validation.run(step: done, state: state())
                try metrics.add(result)
                try report(.validated(result))
            }
        }
        try save(report)
        return TrainingSummary(steps: done, loss: loss, wasStopped: wasStopped, folder: trainer.output)
    }

    private mutating func step(_ loader: BatchLoader) throws -> TrainingEvent.StepReport {
        let config = trainer.config
        let clock = ContinuousClock()
        let start = clock.now
        let batch = try loader.next()
        let rate = config.schedule.learningRate(step: done, of: steps, base: config.optimizer.learningRate)
        var inputs = config.optimizer.inputs(step: done, learningRate: rate)
        inputs["images"] = batch.images
        inputs["tokens"] = batch.tokens
        let outputs = try executable.run(inputs)
        guard let loss = outputs["loss"]?.floats.first, let norm = outputs["gradientNorm"]?.floats.first,
            let scale = outputs["logitScale"]?.floats.first
        else { throw TrainingError("the backend gave no loss") }
        guard loss.isFinite, norm.isFinite else {
            let saved = savedSteps.map { "; the checkpoint after step \($0) is good" } ?? ""
            throw TrainingError(
                "step \(done + 1): the loss is \(loss) and the gradient's norm \(norm)\(saved); lower the learning rate, "
                    + "warm up longer, or set clipGradientNorm")
        }
        let seconds = (clock.now - start) / .seconds(1)
        // A running mean, so that the first step, which also fills caches, is soon forgotten.
        secondsPerStep = secondsPerStep.map { $0 * 0.95 + seconds * 0.05 } ?? seconds
        let pace = secondsPerStep ?? seconds
        let epoch = done / order.stepsPerEpoch + 1
        done += 1
        return TrainingEvent.StepReport(
            step: done, steps: steps, epoch: epoch, loss: Double(loss), learningRate: rate,
            gradientNorm: Double(norm), logitScale: Double(scale),
            pairsPerSecond: pace > 0 ? Double(order.batchSize) / pace : 0, secondsLeft: pace * Double(steps - done))
    }

    private mutating func save(_ report: (TrainingEvent) throws -> Void) throws {
        guard savedSteps != done else { return }
        let state = try state()
        try directory.save(state, steps: done, order: order, dtype: trainer.config.checkpoint.dtype)
        try trainer.writeModel(model, state: state)
        savedSteps = done
        try report(.saved(steps: done, folder: trainer.output))
    }

    /// All parameters as they are now, moments included.
    private func state() throws -> [String: TensorData] {
        var state: [String: TensorData] = [:]
        for (parameter, _) in graph.parameterSignature {
            guard let value = try executable.parameter(parameter.name) else {
                throw TrainingError("the backend does not give the parameter '\(parameter.name)' back")
            }
            state[parameter.name] = value
        }
        return state
    }
}
