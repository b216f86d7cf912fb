import Multimodal
import Synchronization

extension ExecutableContract {
    /// Results depend on an executable's inputs and parameters alone.
    func independence(_ report: inout ConformanceReport) throws {
        let parameters = try Self.network(rows: 1).initialParameters(seed: 5)
        let rows = (0..<5).map { Self.row(UInt64($0)) }
        let whole = try run(Self.network(rows: 5), parameters, rows)
        try threads(parameters, rows, whole, &report)
        for (index, row) in rows.enumerated() {
            let alone = try run(Self.network(rows: 1), parameters, [row])
            same(
                alone, whole, row: index, "contract.batch", "row \(index) alone is not what it is in a batch", &report)
        }
        let pair = try run(Self.network(rows: 2), parameters, Array(rows[3...]))
        same(pair, whole, row: 3, "contract.batch", "row 3 in a batch of two is not what it is in one of five", &report)
        try specials(parameters, rows, whole, &report)
        try company(parameters, rows, &report)
    }

    private static let width = 33

    /// What embeds: products, a norm, an activation, a softmax, nothing that joins rows.
    private static func network(rows: Int) throws -> Graph {
        try Graph.build { b in
            let x = b.input("x", TensorType(.float32, [rows, width]))
            let weight = b.parameter("w", [width, 65], .normal(standardDeviation: 0.3))
            let projection = b.parameter("p", [65, 17], .normal(standardDeviation: 0.3))
            let normed = x.layerNorm(
                scale: b.parameter("scale", [width], .ones), bias: b.parameter("bias", [width], .zeros))
            let hidden = normed.matmul(weight).gelu(.erf)
            let y = hidden.matmul(projection)
            return [("y", y), ("softmax", y.softmax()), ("sum", x.sum(axes: [1]))]
        }
    }

    private static func row(_ seed: UInt64) -> [Double] {
        Initializer.normal(standardDeviation: 1).draw(TensorType(.float32, [width]), name: "row", seed: seed).doubles
    }

    private static func batch(_ rows: [[Double]]) -> TensorData {
        TensorData(TensorType(.float32, [rows.count, width]), doubles: rows.flatMap { $0 })
    }

    private func run(
        _ graph: Graph, _ parameters: [String: TensorData], _ rows: [[Double]], threads: Int? = nil
    ) throws -> [String: TensorData] {
        var options = options
        if let threads { options.threads = threads }
        return try backend.compile(graph, parameters: parameters, options: options).run(["x": Self.batch(rows)])
    }

    private var tolerance: Tolerance { Tolerance.op(.float32).widened(by: 10 * toleranceFactor) }

    /// The first row of `found` is row `row` of `whole`.
    private func same(
        _ found: [String: TensorData], _ whole: [String: TensorData], row: Int, _ subject: String, _ message: String,
        _ report: inout ConformanceReport
    ) {
        for (name, expected) in whole.sorted(by: { $0.key < $1.key }) {
            let size = expected.shape.count / expected.shape[0]
            let type = TensorType(.float32, [size])
            let values = found[name]?.doubles ?? []
            guard values.count >= size else {
                report.expect(false, subject, "\(message): '\(name)' is missing")
                continue
            }
            let gap = difference(
                TensorData(type, doubles: Array(values.prefix(size))),
                TensorData(type, doubles: Array(expected.doubles[row * size..<(row + 1) * size])), tolerance)
            report.expect(gap == nil, subject, "\(message): '\(name)', \(gap?.description ?? "")")
        }
    }

    private func threads(
        _ parameters: [String: TensorData], _ rows: [[Double]], _ whole: [String: TensorData],
        _ report: inout ConformanceReport
    ) throws {
        for count in 1...3 {
            let found = try run(Self.network(rows: rows.count), parameters, rows, threads: count)
            for (name, expected) in whole.sorted(by: { $0.key < $1.key }) {
                let gap = found[name].map { difference($0, expected, tolerance) } ?? nil
                report.expect(
                    found[name] != nil && gap == nil, "contract.threads",
                    "on \(count) threads '\(name)' is another: \(gap?.description ?? "missing")")
            }
        }
    }

    /// What is not a number, or infinite, stays so and stays in its row.
    private func specials(
        _ parameters: [String: TensorData], _ rows: [[Double]], _ whole: [String: TensorData],
        _ report: inout ConformanceReport
    ) throws {
        for (name, value) in [("NaN", Double.nan), ("infinity", .infinity)] {
            var spoilt = rows
            spoilt[1][7] = value
            let found = try run(Self.network(rows: rows.count), parameters, spoilt)
            for (output, data) in whole.sorted(by: { $0.key < $1.key }) {
                let size = data.shape.count / data.shape[0]
                guard let values = found[output]?.doubles, values.count == data.shape.count else { continue }
                report.expect(
                    values[size..<2 * size].allSatisfy { !$0.isFinite }, "contract.specials",
                    "\(name) in a row gives finite numbers in '\(output)'")
                let others = values[..<size] + values[(2 * size)...]
                report.expect(
                    others.allSatisfy(\.isFinite), "contract.specials",
                    "\(name) in one row reaches other rows of '\(output)'")
            }
        }
        let graph = try Graph.build { b in
            let x = b.input("x", TensorType(.float32, [4]))
            return [
                ("relu", x.relu()), ("product", x * 0), ("maximum", x.maximum(axes: [0])), ("exp", x.exp()),
                ("larger", x.maximum(b.constant(0))),
            ]
        }
        let values: [Double] = [.nan, .infinity, -.infinity, 1]
        let x = TensorData(TensorType(.float32, [4]), doubles: values)
        let found = try backend.compile(graph, parameters: [:], options: options).run(["x": x])
        let expected: [String: [Double]] = [
            "relu": [.nan, .infinity, 0, 1], "product": [.nan, .nan, .nan, 0], "maximum": [.nan],
            "exp": [.nan, .infinity, 0, 2.718281828], "larger": [.nan, .infinity, 0, 1],
        ]
        for (name, values) in expected.sorted(by: { $0.key < $1.key }) {
            let type = found[name]?.type ?? TensorType(.float32, [values.count])
            let right = values.count == type.shape.count ? TensorData(type, doubles: values) : nil
            let gap = right.flatMap { right in found[name].map { difference($0, right, tolerance) } } ?? nil
            report.expect(
                found[name] != nil && right != nil && gap == nil, "contract.specials",
                "'\(name)' of NaN, infinity, -infinity and 1 is wrong: \(gap?.description ?? "missing")")
        }
    }

    /// Two executables at once, and each from two threads.
    private func company(
        _ parameters: [String: TensorData], _ rows: [[Double]], _ report: inout ConformanceReport
    ) throws {
        let graph = try Self.network(rows: rows.count)
        let seeds: [UInt64] = [5, 6]
        let executables = try seeds.map {
            try backend.compile(graph, parameters: graph.initialParameters(seed: $0), options: options)
        }
        let inputs = [Self.batch(rows), Self.batch(rows.reversed())]
        let expected = try executables.map { executable in try inputs.map { try executable.run(["x": $0]) } }
        let problems = Mutex<[String]>([])
        Threads.run(
            4,
            { thread in
                let (executable, input) = (thread % 2, thread / 2)
                for _ in 0..<8 {
                    do {
                        let found = try executables[executable].run(["x": inputs[input]])
                        if found != expected[executable][input] {
                            problems.withLock { $0.append("results are other than alone") }
                        }
                    } catch {
                        problems.withLock { $0.append("\(error)") }
                    }
                }
            }, meanwhile: {})
        let found = problems.withLock { $0 }
        report.expect(
            found.isEmpty, "contract.company", "two executables at once, from two threads each: \(found.first ?? "")")
    }
}
