import Synchronization

/// Runs batches of one shape in the way that is fastest here: every step over all threads, or parts of the batch beside
/// each other. It finds out on the batches that come; results do not depend on it. See `SplitChoice`.
///
/// Inputs and outputs of the graph have the batch as their first axis. Safe to share between threads; runs follow one
/// another.
package final class BatchRunner: Sendable {
    private let batch: Int
    private let threads: Int
    private let source: GraphSource
    private let workers: Workers
    private let state: Mutex<State>

    private struct State {
        var choice: SplitChoice
        /// What ran last. Only one way is kept, so that a trial needs no more memory than the batch itself.
        var compiled: (rows: Int, executable: SplitExecutable)?
    }

    /// - Parameter worth: seconds of whole batches before anything else is tried.
    init(batch: Int, source: GraphSource, workers: Workers, worth: Double = 1) {
        self.batch = batch
        self.source = source
        self.workers = workers
        threads = source.options.threads ?? source.backend.capabilities.threads
        state = Mutex(State(choice: SplitChoice(batch: batch, threads: threads, worth: worth)))
    }

    /// - Parameter graph: the graph for so many rows.
    package convenience init(
        batch: Int, backend: any Backend, options: CompileOptions, graph: @escaping @Sendable (Int) throws -> Graph,
        parameters: @escaping @Sendable (Graph) throws -> [String: TensorData]
    ) {
        var options = options
        if options.sharedWeights == nil { options.sharedWeights = SharedWeights() }
        let source = GraphSource(backend: backend, options: options, graph: graph, parameters: parameters)
        self.init(batch: batch, source: source, workers: Workers())
    }

    /// Computes the outputs by name.
    package func run(_ inputs: [String: TensorData]) throws -> [String: TensorData] {
        try state.withLock { state in
            do {
                return try run(inputs, &state)
            } catch {
                // The fastest so far did not fail; there was memory for it, say.
                guard state.choice.current != state.choice.best else { throw error }
                state.choice.stop()
                return try run(inputs, &state)
            }
        }
    }

    private func run(_ inputs: [String: TensorData], _ state: inout State) throws -> [String: TensorData] {
        let rows = state.choice.current
        if state.compiled?.rows != rows { state.compiled = nil }
        let executable =
            try state.compiled?.executable
            ?? SplitExecutable(batch: batch, rows: rows, threads: threads, source: source, workers: workers)
        state.compiled = (rows, executable)
        let (outputs, seconds) = try executable.run(inputs)
        state.choice.record(seconds: seconds)
        return outputs
    }

    /// How batches are run: `whole`, or `parts of 4` at most; nil before it is found out.
    package var split: String? {
        state.withLock { state in
            guard state.choice.isFound else { return nil }
            return state.choice.best == batch ? "whole" : "parts of \(state.choice.best)"
        }
    }

    /// Where the time went since the last call, in the way that batches were run in last.
    package func takeProfile() -> ExecutionProfile? {
        state.withLock { $0.compiled?.executable.takeProfile() }
    }
}
