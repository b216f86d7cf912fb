import Synchronization

/// A graph of towers compiled for parts of a batch, which workers take one after the other; or for the whole of it.
///
/// One run at a time.
final class SplitExecutable: Sendable {
    private let batch: Int
    private let parts: [Range<Int>]
    private let workers: Workers
    private let threads: Int
    private let executables: [any Executable]
    /// Those that no worker runs now, by their number of rows.
    private let idle: Mutex<[Int: [any Executable]]>

    /// - Parameters:
    ///   - rows: the most in a part.
    ///   - threads: workers, if there are as many parts; where there are fewer, each has several threads.
    init(batch: Int, rows: Int, threads: Int, source: GraphSource, workers: Workers) throws {
        self.batch = batch
        self.workers = workers
        let parts = Self.parts(of: batch, rows: rows)
        self.parts = parts
        let count = min(max(threads, 1), parts.count)
        self.threads = count
        // As many executables of a size as can be running at once.
        var toCompile: [(rows: Int, graph: Graph, parameters: [String: TensorData])] = []
        for rows in Set(parts.map(\.count)) {
            let graph = try source.graph(rows)
            let copies = min(count, parts.count { $0.count == rows })
            toCompile += Array(repeating: (rows, graph, try source.parameters(graph)), count: copies)
        }
        var options = source.options
        if parts.count > 1 { options.threads = max(1, threads / count) }
        let made = Mutex<[Int: [any Executable]]>([:])
        try workers.forEach(toCompile.count, threads: count) { [toCompile, options] number in
            let (rows, graph, parameters) = toCompile[number]
            let executable = try source.backend.compile(graph, parameters: parameters, options: options)
            made.withLock { $0[rows, default: []].append(executable) }
        }
        let compiled = made.withLock { $0 }
        executables = compiled.sorted { $0.key > $1.key }.flatMap(\.value)
        idle = Mutex(compiled)
    }

    /// As few parts as `rows` allows, whose sizes differ by one at most, the larger first.
    static func parts(of batch: Int, rows: Int) -> [Range<Int>] {
        let count = (batch + rows - 1) / rows
        let (size, larger) = batch.quotientAndRemainder(dividingBy: count)
        var start = 0
        return (0..<count).map { number in
            defer { start += size + (number < larger ? 1 : 0) }
            return start..<start + size + (number < larger ? 1 : 0)
        }
    }

    /// The outputs, and the seconds that they took.
    func run(_ inputs: [String: TensorData]) throws -> (outputs: [String: TensorData], seconds: Double) {
        if parts.count == 1, let executable = executables.first {
            let start = ContinuousClock.now
            let outputs = try executable.run(inputs)
            return (outputs, (ContinuousClock.now - start) / .seconds(1))
        }
        for (name, data) in inputs where data.shape.dimensions.first != batch {
            throw BackendError("input '\(name)' is \(data.type), which is no batch of \(batch)")
        }
        let results = Mutex<[Int: [String: TensorData]]>([:])
        let seconds = try workers.forEach(parts.count, threads: threads) { [self] number in
            let part = parts[number]
            guard let executable = idle.withLock({ $0[part.count]?.popLast() }) else {
                throw BackendError("two runs of one executable at once")
            }
            defer { idle.withLock { $0[part.count]?.append(executable) } }
            let outputs = try executable.run(inputs.mapValues { $0.rows(part) })
            results.withLock { $0[number] = outputs }
        }
        let found = results.withLock { $0 }
        return (try joined(parts.indices.compactMap { found[$0] }), seconds)
    }

    private func joined(_ outputs: [[String: TensorData]]) throws -> [String: TensorData] {
        var result: [String: TensorData] = [:]
        for name in outputs.first?.keys ?? [:].keys {
            let values = outputs.compactMap { $0[name] }
            guard let first = values.first, values.map({ $0.shape.dimensions.first }) == parts.map(\.count) else {
                throw BackendError("the backend gave '\(name)' for some rows only")
            }
            let shape = Shape([batch] + first.shape.dimensions.dropFirst())
            result[name] = TensorData(TensorType(first.dtype, shape)) { bytes in
                var rest = bytes[...]
                for value in values {
                    value.withUnsafeBytes { UnsafeMutableRawBufferPointer(rebasing: rest).copyMemory(from: $0) }
                    rest = rest.dropFirst(value.byteCount)
                }
            }
        }
        return result
    }

    /// Where the time went. The seconds of several workers are added up, so rates are those of one worker, and so is the
    /// peak: measured while all of them compute, in the mean.
    func takeProfile() -> ExecutionProfile? {
        let profiles = Mutex<[Int: ExecutionProfile]>([:])
        workers.forEach(executables.count, threads: threads) { [self] number in
            guard let profile = executables[number].takeProfile() else { return }
            profiles.withLock { $0[number] = profile }
        }
        return ExecutionProfile(joining: profiles.withLock { $0.sorted { $0.key < $1.key }.map(\.value) })
    }
}

/// What graphs for any number of rows are made from.
struct GraphSource: Sendable {
    let backend: any Backend
    var options: CompileOptions
    let graph: @Sendable (_ rows: Int) throws -> Graph
    let parameters: @Sendable (Graph) throws -> [String: TensorData]
}

extension TensorData {
    /// A copy of rows of the first axis.
    fileprivate func rows(_ range: Range<Int>) -> TensorData {
        let size = byteCount / shape[0]
        return TensorData(TensorType(dtype, Shape([range.count] + shape.dimensions.dropFirst()))) { target in
            withUnsafeBytes { source in
                target.copyMemory(
                    from: UnsafeRawBufferPointer(rebasing: source[range.lowerBound * size..<range.upperBound * size]))
            }
        }
    }
}

extension ExecutionProfile {
    /// Of executables that ran beside each other: equal steps together, in the order in which they run. nil of none.
    init?(joining profiles: [ExecutionProfile]) {
        guard !profiles.isEmpty else { return nil }
        struct Key: Hashable {
            var step: [String]
            /// Layers are alike.
            var occurrence: Int
        }
        var places: [Key: Int] = [:]
        var steps: [Step] = []
        for profile in profiles {
            var seen: [[String]: Int] = [:]
            for step in profile.steps {
                let name = [step.kind, step.detail, "\(step.location)"]
                let key = Key(step: name, occurrence: seen[name, default: 0])
                seen[name, default: 0] += 1
                if let place = places[key] {
                    steps[place].calls += step.calls
                    steps[place].seconds += step.seconds
                    steps[place].flops += step.flops
                } else {
                    places[key] = steps.count
                    steps.append(step)
                }
            }
        }
        self.init(steps: steps, peak: profiles.reduce(0) { $0 + $1.peak } / Double(profiles.count))
    }
}
