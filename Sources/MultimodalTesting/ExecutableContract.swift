public import Multimodal

/// What a backend promises besides numbers: refusals, repeatability, results that stay what they are, and that depend on
/// nothing but the inputs: not on threads, on other rows of the batch, or on what else runs.
public struct ExecutableContract: Sendable {
    public var backend: any Backend
    public var options: CompileOptions
    /// Factor on tolerances, where results may differ by rounding: 1 for float32.
    public var toleranceFactor: Double

    public init(backend: any Backend, options: CompileOptions = CompileOptions(), toleranceFactor: Double? = nil) {
        self.backend = backend
        self.options = options
        self.toleranceFactor = toleranceFactor ?? (options.precision == .float32 ? 1 : 4000)
    }

    public func run() -> ConformanceReport {
        var report = ConformanceReport()
        do {
            try refusals(&report)
            try repetition(&report)
            try independence(&report)
        } catch {
            report.record("contract", ConformanceFailure(subject: "contract", message: "\(error)"))
        }
        return report
    }

    private func refusals(_ report: inout ConformanceReport) throws {
        let graph = try Graph.build { b in
            let x = b.input("x", TensorType(.float32, [2, 3]))
            let table = b.parameter("table", [3, 4], .zeros)
            let ids = b.input("ids", TensorType(.int32, [2]))
            return [("y", x.matmul(table)), ("rows", table.gather(ids))]
        }
        let table = TensorData(TensorType(.float32, [3, 4]), doubles: (0..<12).map(Double.init))
        let x = TensorData(TensorType(.float32, [2, 3]), doubles: [1, 0, 0, 0, 1, 0])
        let turned = TensorData(TensorType(.float32, [3, 2]), doubles: x.doubles)
        func ids(_ values: [Double]) -> TensorData { TensorData(TensorType(.int32, [2]), doubles: values) }
        let options = options
        let backend = backend
        func refused(_ message: String, naming name: String, _ body: () throws -> Void) {
            do {
                try body()
                report.expect(false, "contract.refusals", "\(message) is accepted")
            } catch {
                report.expect(
                    "\(error)".contains(name), "contract.refusals",
                    "\(message) gives an error without '\(name)': \(error)")
            }
        }
        refused("a missing parameter", naming: "table") {
            _ = try backend.compile(graph, parameters: [:], options: options)
        }
        refused("a parameter of another shape", naming: "table") {
            _ = try backend.compile(graph, parameters: ["table": x], options: options)
        }
        let executable = try backend.compile(graph, parameters: ["table": table], options: options)
        refused("a missing input", naming: "ids") { _ = try executable.run(["x": x]) }
        refused("an input of another shape", naming: "x") {
            _ = try executable.run(["x": turned, "ids": ids([0, 1])])
        }
        refused("an input of another element type", naming: "x") {
            _ = try executable.run(["x": x.converted(to: .bfloat16), "ids": ids([0, 1])])
        }
        refused("no input at all", naming: "missing") { _ = try executable.run([:]) }
        refused("indices of another integer type", naming: "ids") {
            _ = try executable.run(["x": x, "ids": ids([0, 1]).converted(to: .int64)])
        }
        refused("an input with one axis more", naming: "x") {
            let deeper = TensorData(TensorType(.float32, [1, 2, 3]), doubles: x.doubles)
            _ = try executable.run(["x": deeper, "ids": ids([0, 1])])
        }
        refused("an unknown input", naming: "z") {
            _ = try executable.run(["x": x, "ids": ids([0, 1]), "z": x])
        }
        refused("an index beyond the table", naming: "3") { _ = try executable.run(["x": x, "ids": ids([0, 3])]) }
        refused("a negative index", naming: "-1") { _ = try executable.run(["x": x, "ids": ids([-1, 0])]) }
        let after = try executable.run(["x": x, "ids": ids([2, 0])])
        report.expect(
            after["rows"]?.doubles == [8, 9, 10, 11, 0, 1, 2, 3], "contract.refusals",
            "after refusals, a run goes wrong")
        report.expect(
            try executable.parameter("nobody") == nil, "contract.parameters",
            "a parameter that is not there has a value")
        report.expect(
            try executable.parameter("table") == table, "contract.parameters", "a parameter lost its first value")
        try labelRefusal(&report)
    }

    /// Asked only of backends that do the op themselves: its decomposition has no label to refuse.
    private func labelRefusal(_ report: inout ConformanceReport) throws {
        let graph = try Graph.build { b in
            let logits = b.input("logits", TensorType(.float32, [1, 3]))
            return [("y", logits.softmaxCrossEntropy(labels: b.input("labels", TensorType(.int32, [1]))))]
        }
        guard graph.nodes.allSatisfy({ $0.op.definition == nil || backend.supports($0) }) else { return }
        let executable = try backend.compile(graph, parameters: [:], options: options)
        let logits = TensorData(TensorType(.float32, [1, 3]), doubles: [0, 1, 2])
        for label in [-1.0, 3, 2_000_000_000] {
            let labels = TensorData(TensorType(.int32, [1]), doubles: [label])
            let result = Result { try executable.run(["logits": logits, "labels": labels]) }
            let isRefused = if case .failure = result { true } else { false }
            report.expect(isRefused, "contract.refusals", "label \(Int(label)) of 3 classes is accepted")
        }
    }

    private func repetition(_ report: inout ConformanceReport) throws {
        let graph = try Graph.build { b in
            let x = b.input("x", TensorType(.float32, [17, 33]))
            let w = b.parameter("w", [33, 65], .normal(standardDeviation: 1))
            let y = x.matmul(w)
            return [("y", y), ("z", y.softmax()), ("x", x)]
        }
        let parameters = graph.initialParameters(seed: 7)
        func input(_ seed: UInt64) -> TensorData {
            Initializer.normal(standardDeviation: 1).draw(TensorType(.float32, [17, 33]), name: "x", seed: seed)
        }
        let executable = try backend.compile(graph, parameters: parameters, options: options)
        let (first, copy) = (input(1), input(1))
        let one = try executable.run(["x": first])
        let kept = one.mapValues(\.doubles)
        let other = try executable.run(["x": input(2)])
        report.expect(
            one.mapValues(\.doubles) == kept, "contract.repetition", "results of a run change when the next one runs")
        report.expect(first == copy, "contract.repetition", "a run writes to its input")
        report.expect(other["y"] != one["y"], "contract.repetition", "another input gives the same result")
        report.expect(
            try executable.run(["x": input(1)]) == one, "contract.repetition", "the same input, another result")
        let again = try backend.compile(graph, parameters: parameters, options: options)
        report.expect(try again.run(["x": input(1)]) == one, "contract.repetition", "compiled again, another result")
        let changed = try backend.compile(graph, parameters: graph.initialParameters(seed: 8), options: options)
        report.expect(
            try changed.run(["x": input(1)])["y"] != one["y"], "contract.repetition",
            "other parameters, the same result")
    }
}
