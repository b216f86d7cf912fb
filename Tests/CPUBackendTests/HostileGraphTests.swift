import CPUBackend
import Multimodal
import ReferenceBackend
import Testing

/// Graphs that a plugin may bring: what the backend cannot run is refused, and nothing traps.
@Suite("cpu refuses by an error what it cannot run")
struct HostileGraphTests {
    /// What compiling and running gives: an error's text, or nil.
    private func refusal(
        _ graph: Graph, inputs: [String: TensorData] = [:], options: CompileOptions = CompileOptions()
    ) -> String? {
        do {
            let executable = try CPUBackend().compile(graph, parameters: [:], options: options)
            _ = try executable.run(inputs)
            return nil
        } catch {
            return "\(error)"
        }
    }

    private func scalar() -> TensorData { TensorData(scalar: 1) }

    @Test("tensors that no memory holds", arguments: [1 << 48, 1 << 55, 1 << 58, 1 << 59])
    func memory(count: Int) throws {
        let graph = try Graph.build { b in
            let x = b.input("x", TensorType(.float32, [])).broadcast(to: [count])
            let y = x.exp().reshaped(to: [2, count / 2]).transposed()
            let z = (y.softmax() * 2).matmul(b.constant(1).broadcast(to: [2, 2]))
            return [("z", z.sum() + x.tanh().sum() + y.exp().sum() + x.sigmoid().sum())]
        }
        let text = try #require(refusal(graph, inputs: ["x": scalar()]))
        #expect(text.contains("memory"), "\(text)")
    }

    @Test("padding wider than any picture", arguments: [1 << 20, 1 << 31, 1 << 40, 1 << 59])
    func padding(padding: Int) throws {
        for isConstant in [false, true] {
            let graph = try Graph.build { b in
                let x = b.input("x", TensorType(.float32, [1, 1, 2, 2]))
                let w =
                    isConstant
                    ? b.constant(TensorData(TensorType(.float32, [1, 1, 2, 2]), doubles: [1, 2, 3, 4]))
                    : b.input("w", TensorType(.float32, [1, 1, 2, 2]))
                return [("y", x.convolution(w, stride: padding, padding: padding))]
            }
            let ones = TensorData(TensorType(.float32, [1, 1, 2, 2]), doubles: [1, 1, 1, 1])
            let inputs = isConstant ? ["x": ones] : ["x": ones, "w": ones]
            let text = try #require(refusal(graph, inputs: inputs))
            #expect(text.contains("convolution") && text.contains("padding"), "\(text)")
        }
    }

    @Test("threads that nobody has", arguments: [0, -1, 1 << 20, 1 << 40, Int.max])
    func threads(count: Int) throws {
        let graph = try Graph.build { b in [("y", b.input("x", TensorType(.float32, [])).exp())] }
        let text = try #require(
            refusal(graph, inputs: ["x": scalar()], options: CompileOptions(threads: count)))
        #expect(text.contains("threads") && text.contains("\(count)"), "\(text)")
    }

    @Test("indices that 32 bits do not hold", arguments: [1 << 32, (1 << 32) + 1, -(1 << 33), 1 << 53])
    func wideIndices(index: Int) throws {
        let graph = try Graph.build { b in
            let table = b.constant(TensorData(TensorType(.float32, [3, 1]), doubles: [1, 2, 3]))
            return [("y", table.gather(b.input("i", TensorType(.int64, [1]))))]
        }
        let indices = TensorData(TensorType(.int64, [1]), doubles: [Double(index)])
        let text = try #require(refusal(graph, inputs: ["i": indices]))
        #expect(text.contains("outside of 0..<3"), "\(text)")
    }

    @Test("float64, int64 and ranks that a decomposition brings")
    func decompositions() throws {
        for (form, name) in [(Bringing.Form.double, "float64"), (.rank, "rank"), (.long, "int64")] {
            let graph = try Graph.build { b in
                [("y", b.input("x", TensorType(.float32, [])).apply(.custom(CustomOp(Bringing(form: form)))))]
            }
            let text = try #require(refusal(graph, inputs: ["x": scalar()]))
            #expect(text.contains(name), "\(text)")
        }
    }

    @Test("an op without decomposition, by name and with the remedy, when compiling")
    func noDecomposition() throws {
        let graph = try Graph.build { b in
            [("y", b.input("x", TensorType(.float32, [])).apply(.custom(CustomOp(Bringing(form: .nothing)))))]
        }
        let error = #expect(throws: BackendError.self) {
            try CPUBackend().compile(graph, parameters: [:], options: CompileOptions())
        }
        let text = error?.message ?? ""
        for word in ["cpu", "'bringing'", "HostileGraphTests.swift", "decomposition", "decompose"] {
            #expect(text.contains(word), "\(text)")
        }
    }

    @Test("what is only unusual runs as in the reference")
    func unusual() throws {
        let graphs = [
            try Graph.build { _ in [] },
            try Graph.build { b in
                // Thousands of views of views.
                var x = b.input("x", TensorType(.float32, [])).broadcast(to: [2, 3])
                for _ in 0..<20_000 { x = x.transposed() }
                return [("y", x.exp())]
            },
            try Graph.build { b in
                // A weight that is written as a tree of as many leaves as there are numbers.
                var w = b.constant(0.5).broadcast(to: [32, 4])
                for _ in 0..<60 { w = (w + w) * 0.5 }
                return [("y", b.input("x", TensorType(.float32, [])).broadcast(to: [2, 32]).exp().matmul(w))]
            },
            try Graph.build { b in
                var x = b.input("x", TensorType(.float32, [])).broadcast(to: [2, 3]) * 0.5
                var y = x.tanh()
                for step in 0..<20_000 {
                    x = x.transposed()
                    y = y.reshaped(to: step.isMultiple(of: 2) ? [3, 2] : [2, 3])
                }
                return [("x", x.matmul(x.transposed())), ("y", y.exp() * y)]
            },
            try Graph.build { b in
                let x = b.input("x", TensorType(.float32, []))
                let parts = (0..<500).map { x * Double($0) }
                return [
                    ("sum", parts.reduce(x) { $0 + $1 }),
                    ("product", parts.suffix(60).reduce(x) { ($0 + $1).tanh() * ($0 - $1) }),
                ]
            },
            try Graph.build { b in
                let x = b.input("x", TensorType(.float32, [])).broadcast(to: [1, 2, 100, 3])
                let w = b.constant(0.5).broadcast(to: [2, 2, 80, 2])
                return [
                    ("tall", x.convolution(w, padding: 1)), ("pool", x.averagePool(kernel: 3, stride: 90)),
                    ("wide", x.transposed([0, 1, 3, 2]).convolution(w.transposed([0, 1, 3, 2]), stride: 7)),
                ]
            },
            try Graph.build { b in
                let x = b.input("x", TensorType(.float32, []))
                let a = x.broadcast(to: [2, 1, 3, 1, 2, 1, 4, 3])
                return [("y", a.matmul(x.broadcast(to: [1, 2, 1, 2, 1, 2, 3, 5])).sum())]
            },
        ]
        for (number, graph) in graphs.enumerated() {
            let inputs = graph.inputs.isEmpty ? [:] : ["x": scalar()]
            let expected = try ReferenceBackend().compile(graph, parameters: [:], options: CompileOptions()).run(inputs)
            let options = CompileOptions(sharedWeights: SharedWeights())
            let found = try CPUBackend().compile(graph, parameters: [:], options: options).run(inputs)
            #expect(found.keys.sorted() == expected.keys.sorted())
            for (name, values) in expected {
                let gap = zip(found[name]?.doubles ?? [], values.doubles).map { ($0 - $1).magnitude }.max() ?? .infinity
                #expect(gap <= 1e-4 * (values.doubles.map(\.magnitude).max() ?? 0), "graph \(number), \(name)")
            }
        }
    }
}

/// An op whose decomposition brings what the backend does not know.
private struct Bringing: OpDefinition {
    enum Form: Hashable { case double, rank, long, nothing }
    var form: Form

    var name: String { "bringing" }
    func resultType(of inputs: [TensorType]) throws(OpFault) -> TensorType { inputs[0] }
    func evaluate(_ inputs: [ReferenceTensor], result: TensorType) throws(OpFault) -> [Double] { inputs[0].values }
    func gradient(_ context: GradientContext) -> [Tensor?] { [context.upstream] }

    func decompose(_ inputs: [Tensor]) -> Tensor? {
        let x = inputs[0]
        return switch form {
        case .double: x.cast(to: .float64).exp().cast(to: .float32)
        case .rank: x.broadcast(to: [1, 1, 1, 1, 1, 1, 1, 1, 1]).exp().reshaped(to: [])
        case .long: (x.cast(to: .int64) + x.cast(to: .int64)).cast(to: .float32)
        case .nothing: nil
        }
    }
}
