import ReferenceBackend
import Synchronization
import Testing

@testable import Multimodal

/// What a backend was asked for, and what of it is still there.
private final class Log: Sendable {
    let compiled = Mutex<[(rows: Int, threads: Int?)]>([])
    let alive = Mutex<[Int: Int]>([:])
}

/// The reference, which keeps a log, has room for parts of some sizes only and refuses some values.
private struct LoggingBackend: Backend {
    var log = Log()
    var smallest = 1
    var capabilities: BackendCapabilities { BackendCapabilities(threads: 2) }

    func supports(_ node: Node) -> Bool { true }

    func compile(
        _ graph: Graph, parameters: [String: TensorData], options: CompileOptions
    ) throws -> any Executable {
        let rows = graph.inputSignature.first?.type.shape[0] ?? 0
        if rows < smallest { throw BackendError("no room for \(rows) rows", isOutOfMemory: true) }
        log.compiled.withLock { $0.append((rows, options.threads)) }
        let inner = try ReferenceBackend().compile(graph, parameters: parameters, options: options)
        return LoggingExecutable(inner, rows, log)
    }
}

private final class LoggingExecutable: Executable {
    private let inner: any Executable
    private let rows: Int
    private let log: Log

    init(_ inner: any Executable, _ rows: Int, _ log: Log) {
        (self.inner, self.rows, self.log) = (inner, rows, log)
        log.alive.withLock { $0[rows, default: 0] += 1 }
    }

    deinit { log.alive.withLock { $0[rows, default: 0] -= 1 } }

    func run(_ inputs: [String: TensorData]) throws -> [String: TensorData] {
        let values = inputs["x"]?.floats ?? []
        if values.contains(-1) { throw BackendError("a value of -1") }
        if values.contains(-2) { throw BackendError("no room for a value of -2", isOutOfMemory: true) }
        return try inner.run(inputs)
    }

    func parameter(_ name: String) throws -> TensorData? { try inner.parameter(name) }

    func takeProfile() -> ExecutionProfile? {
        let step = ExecutionProfile.Step(
            kind: "exp", detail: "\(rows)", location: ModelGraph.SourceLocation(fileID: "a", line: 1), calls: 1,
            seconds: 2, flops: 3
        )
        return ExecutionProfile(steps: [step, step], peak: 10)
    }
}

@Suite struct BatchRunnerTests {
    @Sendable private static func graph(_ rows: Int) throws -> Graph {
        try Graph.build { builder in
            let x = builder.input("x", TensorType(.float32, [rows, 2]))
            return [("sum", x.sum(axes: [1])), ("half", x * 0.5)]
        }
    }

    private func runner(_ backend: LoggingBackend, batch: Int, threads: Int? = nil) -> BatchRunner {
        let options = CompileOptions(threads: threads)
        let source = GraphSource(
            backend: backend, options: options, graph: Self.graph, parameters: { _ in [:] })
        return BatchRunner(batch: batch, source: source, workers: Workers(), worth: 0)
    }

    private func input(_ batch: Int, first: Float = 0) throws -> [String: TensorData] {
        let values = [first] + (1..<batch * 2).map { Float($0) }
        return ["x": try #require(TensorData(values, shape: [batch, 2]))]
    }

    /// Runs until it is found out how.
    private func settle(_ runner: BatchRunner, _ batch: Int) throws {
        for _ in 0..<30 where runner.split == nil { _ = try runner.run(input(batch)) }
        #expect(runner.split != nil)
    }

    @Test("every way gives the same rows in the same order", arguments: [1, 2, 7, 8, 33], [nil, 1, 3, 40])
    func results(batch: Int, threads: Int?) throws {
        let runner = runner(LoggingBackend(), batch: batch, threads: threads)
        for _ in 0..<12 {
            let outputs = try runner.run(input(batch))
            #expect(outputs["sum"]?.floats == (0..<batch).map { Float(4 * $0 + 1) })
            #expect(outputs["half"]?.shape == [batch, 2])
            #expect(outputs["half"]?.floats == (0..<batch * 2).map { Float($0) / 2 })
        }
        #expect(runner.split != nil)
    }

    @Test("parts differ by one row at most, the larger first")
    func parts() {
        #expect(SplitExecutable.parts(of: 7, rows: 4) == [0..<4, 4..<7])
        #expect(SplitExecutable.parts(of: 33, rows: 16) == [0..<11, 11..<22, 22..<33])
        #expect(SplitExecutable.parts(of: 5, rows: 5) == [0..<5])
    }

    @Test("a way is compiled when it is tried, one executable for every thread that needs one")
    func compiling() throws {
        let backend = LoggingBackend()
        let runner = runner(backend, batch: 7)
        for _ in 0..<3 { _ = try runner.run(input(7)) }
        #expect(backend.log.compiled.withLock { $0.map(\.rows) } == [7])
        #expect(backend.log.compiled.withLock { $0.map(\.threads) } == [nil])
        _ = try runner.run(input(7))
        #expect(backend.log.compiled.withLock { $0.map(\.rows).sorted() } == [3, 4, 7])
        #expect(backend.log.compiled.withLock { $0.compactMap(\.threads) } == [1, 1])
    }

    @Test("fewer rows than threads share the threads")
    func fewRows() throws {
        let backend = LoggingBackend()
        let runner = runner(backend, batch: 2, threads: 9)
        for _ in 0..<4 { _ = try runner.run(input(2)) }
        #expect(backend.log.compiled.withLock { $0.map(\.threads) } == [9, 4, 4])
    }

    @Test("one way at a time is in memory, and nothing once the runner is gone")
    func memory() throws {
        let backend = LoggingBackend()
        do {
            let runner = runner(backend, batch: 8)
            for _ in 0..<9 {
                _ = try runner.run(input(8))
                #expect(backend.log.alive.withLock { $0.values.count { $0 > 0 } } == 1)
            }
        }
        #expect(backend.log.alive.withLock { $0.values.allSatisfy { $0 == 0 } })
    }

    @Test("where a trial finds no memory, the batch is run as before, and no more is tried")
    func noRoom() throws {
        let runner = runner(LoggingBackend(smallest: 8), batch: 8)
        for _ in 0..<4 { #expect(try runner.run(input(8))["sum"]?.floats.count == 8) }
        #expect(runner.split == "whole")
    }

    @Test("errors are passed on, and the next run is a good one", arguments: [1, 4, 5])
    func errors(run: Int) throws {
        let runner = runner(LoggingBackend(), batch: 8)
        for _ in 1..<run { _ = try runner.run(input(8)) }
        let error = #expect(throws: BackendError.self) { try runner.run(input(8, first: -1)) }
        #expect(error?.message == "a value of -1" && error?.isOutOfMemory == false)
        #expect(try runner.run(input(8))["sum"]?.floats.first == 1)
        try settle(runner, 8)
        let memory = #expect(throws: BackendError.self) { try runner.run(input(8, first: -2)) }
        #expect(memory?.isOutOfMemory == true)
        #expect(throws: BackendError.self) { try runner.run(input(7)) }
    }

    @Test("steps of executables beside each other are added up; the peak is one worker's")
    func profile() throws {
        let source = GraphSource(
            backend: LoggingBackend(), options: CompileOptions(), graph: Self.graph, parameters: { _ in [:] })
        let split = try SplitExecutable(batch: 7, rows: 2, threads: 2, source: source, workers: Workers())
        let profile = try #require(split.takeProfile())
        #expect(profile.steps.map(\.detail) == ["2", "2", "1", "1"])
        #expect(profile.steps.map(\.seconds) == [4, 4, 2, 2])
        #expect(profile.steps.map(\.flops) == [6, 6, 3, 3])
        #expect(profile.peak == 10)
    }

    @Test("batches from several threads each get their own rows")
    func concurrent() async throws {
        let runner = runner(LoggingBackend(), batch: 6)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for first in 0..<8 {
                group.addTask {
                    let outputs = try runner.run(input(6, first: Float(first)))
                    #expect(outputs["sum"]?.floats.first == Float(first + 1))
                }
            }
            try await group.waitForAll()
        }
    }
}
