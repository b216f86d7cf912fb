import ModelGraph
import Multimodal

/// A run under way.
struct TrainingRun {
    let trainer: Trainer
    let model: DualEncoder
    let graph: Graph
    let executable: any Executable
    let directory: RunDirectory
    let origin: RunOrigin
    let order: PairOrder
    let metrics: Metrics
    let steps: Int
    /// Steps done.
    var done: Int
    /// Bad lines and images that were passed over.
    var failures: Int

    private var secondsPerStep: Double?
    private var savedSteps: Int?
    private let firstStep: Int

    init(
        trainer: Trainer, model: DualEncoder, graph: Graph, executable: any Executable, directory: RunDirectory,
        origin: RunOrigin, order: PairOrder, metrics: Metrics, steps: Int, done: Int, failures: Int
    ) {
        self.trainer = trainer
        self.model = model
        self.graph = graph
        self.executable = executable
        self.directory = directory
        self.origin = origin
        self.order = order
        self.metrics = metrics
        self.steps = steps
        self.done = done
        self.failures = failures
        firstStep = done
    }

    /// Every way out saves what was done.
    mutating func loop(
        _ loader: BatchLoader, _ validation: Validation?, report: (TrainingEvent) throws -> Void,
        shouldStop: () -> Bool
    ) throws -> TrainingSummary {
        var loss: Double?
        var wasStopped = false
        do {
            while done < steps {
                if shouldStop() {
                    wasStopped = true
                    break
                }
                loss = try advance(loader, validation, report)
            }
        } catch {
            throw saving(after: error, report)
        }
        if try save() { try report(.saved(steps: done, folder: trainer.output)) }
        return TrainingSummary(
            steps: done, loss: loss, wasStopped: wasStopped, failures: failures, folder: trainer.output)
    }

    /// One step with what is due after it; gives its loss.
    private mutating func advance(
        _ loader: BatchLoader, _ validation: Validation?, _ report: (TrainingEvent) throws -> Void
    ) throws -> Double {
        let config = trainer.config
        let batch = try loader.next()
        try note(batch.failures, report)
        let step = try step(batch)
        try metrics.add(step)
        try report(.step(step))
        if done % config.checkpoint.every == 0, try save() {
            try report(.saved(steps: done, folder: trainer.output))
        }
        if let validation, let settings = config.validation, done % settings.every == 0 || done == steps {
            let (result, failures) = try validation.run(step: done, state: state())
            try note(failures, report)
            try metrics.add(result)
            try report(.validated(result))
        }
        return step.loss
    }

    private mutating func note(_ failed: [DataFailure], _ report: (TrainingEvent) throws -> Void) throws {
        guard !failed.isEmpty else { return }
        failures += failed.count
        try report(.failed(failed))
        for failure in failed { try metrics.add(failure, step: done) }
    }

    private mutating func step(_ batch: Batch) throws -> TrainingEvent.StepReport {
        let config = trainer.config
        let clock = ContinuousClock()
        let start = clock.now
        let rate = config.schedule.learningRate(step: done, of: steps, base: config.optimizer.learningRate)
        var inputs = config.optimizer.inputs(step: done, learningRate: rate)
        inputs["images"] = batch.images
        inputs["tokens"] = batch.tokens
        let outputs = try executable.run(inputs)
        guard let loss = outputs["loss"]?.floats.first, let norm = outputs["gradientNorm"]?.floats.first,
            let scale = outputs["logitScale"]?.floats.first
        else { throw TrainingError("the backend gave no loss") }
        guard loss.isFinite, norm.isFinite else {
            // The step has changed nothing: see `TrainingStep`.
            throw TrainingError(
                "step \(done + 1): the loss is \(loss) and the gradient's norm \(norm); lower the learning rate, "
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

    // MARK: - Saving

    /// Saves the steps before `error`, if there are any that are not saved yet; gives the error to throw.
    private mutating func saving(
        after error: any Error, _ report: (TrainingEvent) throws -> Void
    ) -> any Error {
        guard done > (savedSteps ?? firstStep) else { return error }
        do {
            // Who reports may be the one that failed.
            if try save() { try? report(.saved(steps: done, folder: trainer.output)) }
            return error
        } catch let second {
            let good = savedSteps ?? firstStep
            let kept = good > 0 ? "the checkpoint after step \(good) is as it was" : "no step is saved"
            if let error = error as? TrainingError, error == second as? TrainingError {
                return TrainingError("\(error); \(kept)")
            }
            return TrainingError("\(error); saving the steps before it failed, too (\(second)): \(kept)")
        }
    }

    /// Writes a checkpoint and the model; whether there was anything new.
    /// - Throws: also where the weights are no numbers any more: what is on disk stays as it was.
    private mutating func save() throws -> Bool {
        guard savedSteps != done else { return false }
        let state = try state()
        if let name = state.keys.sorted().first(where: { state[$0]?.isFinite == false }) {
            throw TrainingError(
                "step \(done): the parameter '\(name)' is not finite any more; lower the learning rate, warm up longer, or "
                    + "set clipGradientNorm")
        }
        try directory.save(
            state, steps: done, order: order, origin: origin, dtype: trainer.config.checkpoint.dtype)
        try trainer.writeModel(model, state: state, origin: origin)
        savedSteps = done
        return true
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

extension TensorData {
    /// Whether no float is NaN or infinite.
    fileprivate var isFinite: Bool {
        guard dtype == .float32 else { return true }
        return withUnsafeBytes { bytes in
            // What is not finite times 0 is NaN, and stays so in the sum.
            bytes.bindMemory(to: Float.self).reduce(Float(0)) { $0 + $1 * 0 } == 0
        }
    }
}
