import Multimodal

extension ConformanceCase {
    /// Not ops but graphs: who reads what, what comes out, what lives on.
    static let structure: [ConformanceCase] = [
        ConformanceCase("graph.outputs-are-sources") { c in
            let x = c.input(c.shape())
            c.output(x)
            c.output(x, "again")
            c.output(c.parameter("p", [3]))
            c.output(c.graph.constant(TensorData(TensorType(c.float, [2, 2]), doubles: [1, 2, 3, 4])))
            c.output(c.constant(0.1).broadcast(to: [3]))
        },
        ConformanceCase("graph.outputs-are-views") { c in
            // What a backend may leave in place must come out in order all the same.
            let x = c.input(c.shape(rank: 2))
            c.output(x.transposed())
            c.output(x.sliced(axis: 0, 0..<1))
            c.output(x.reshaped(to: [x.shape.count]))
            c.output(x.exp().transposed())
            c.output(x.exp().transposed().reshaped(to: [x.shape.count]))
        },
        ConformanceCase("graph.fan-out") { c in
            let x = c.input(c.shape(), in: 0.5...2)
            let y = x.exp()
            c.output(y)
            c.output(y * x + y / x - y * y)
            c.output(((y + 1).log() + y.tanh()) * y.sigmoid())
        },
        ConformanceCase("graph.output-and-operand") { c in
            // An output must not be the place where a later node writes.
            let x = c.input([33])
            let y = x + 1
            let z = y * 2
            c.output(y)
            c.output(z)
            c.output((z - y).tanh())
            c.output(z.relu() + y)
        },
        ConformanceCase("graph.chain") { c in
            var x = c.input([5, 17], in: -1...1)
            for step in 0..<40 { x = step % 2 == 0 ? (x * 1.1 + 0.01).tanh() : x - x * x * 0.1 }
            c.toleranceFactor = 10
            c.output(x)
        },
        ConformanceCase("graph.diamonds") { c in
            let x = c.input([c.extent(), 3])
            var (left, right) = (x * 0.5, x + 0.1)
            for _ in 0..<6 { (left, right) = (left + right * 0.3, (left - right).tanh()) }
            c.output(left)
            c.output(right)
        },
        ConformanceCase("graph.scalars") { c in
            let x = c.input([])
            c.output((x * 3 + 1).tanh())
            c.output(x.broadcast(to: [2, 3]))
            c.output(x.reshaped(to: [1, 1]).matmul(x.reshaped(to: [1, 1])))
        },
        ConformanceCase("graph.updates", .none) { c in
            // Every update reads what was there before the run; so do outputs.
            let (a, b) = (c.parameter("a", [3]), c.parameter("b", [3]))
            let (count, kept) = (c.parameter("count", []), c.parameter("kept", [2]))
            let x = c.input([3])
            c.graph.update(a, to: b)
            c.graph.update(b, to: a)
            c.graph.update(count, to: count + 1)
            c.graph.update(c.parameter("mean", [3]), to: c.parameter("mean", [3]) * 0.9 + x * 0.1)
            c.graph.update(c.parameter("copy", [3]), to: x)
            c.output(a)
            c.output(a + b * x)
            c.output(count + kept)
        },
        ConformanceCase("graph.update-in-place", .none) { c in
            // The new value is finished before everybody has read the old one.
            let w = c.parameter("w", [17, 5])
            let new = w * 0.5 + 1
            c.graph.update(w, to: new)
            c.output(new.matmul(w.transposed()))
            c.output(w.sum(axes: [0]) - new.sum(axes: [0]))
        },
        ConformanceCase("graph.update-to-view", .none) { c in
            let w = c.parameter("w", [4, 4])
            c.graph.update(w, to: w.transposed())
            c.output(w * 2)
        },
        ConformanceCase("custom") { c in
            c.output(c.input(c.shape()).apply(.custom(CustomOp(Softplus()))))
        },
        ConformanceCase("custom.inside") { c in
            let (inner, outer) = (c.extent(), c.extent())
            let y = c.input([3, inner]).matmul(c.input([inner, outer]), result: nil)
            c.output(y.apply(.custom(CustomOp(Softplus()))).softmax())
        },
    ]
}

/// `log(1 + exp(x))`, as a plugin would bring it: no backend knows it, so it runs decomposed.
struct Softplus: OpDefinition {
    var name: String { "softplus" }

    func resultType(of inputs: [TensorType]) throws(OpFault) -> TensorType {
        guard inputs.count == 1 else { throw OpFault("takes 1 input, got \(inputs.count)") }
        return inputs[0]
    }

    /// By other ops' evaluations: the standard library has no logarithm.
    func evaluate(_ inputs: [ReferenceTensor], result: TensorType) throws(OpFault) -> [Double] {
        try inputs[0].values.map { x throws(OpFault) in
            let one = TensorType(.float64, .scalar)
            let exponential = try Unary.exp.evaluate([ReferenceTensor(type: one, values: [x])], result: one)
            return try Unary.log.evaluate(
                [ReferenceTensor(type: one, values: [exponential[0] + 1])], result: one)[0]
        }
    }

    func gradient(_ context: GradientContext) -> [Tensor?] { [context.upstream * context.inputs[0].sigmoid()] }

    func decompose(_ inputs: [Tensor]) -> Tensor? { (inputs[0].exp() + 1).log() }
}
