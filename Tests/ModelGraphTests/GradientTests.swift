import ModelGraph
import Multimodal
import ReferenceBackend
import Testing

@Suite struct GradientTests {
    private let scalar = TensorType(.float64, [])

    private func run(_ inputs: [String: Double], _ build: (GraphBuilder) -> [(name: String, tensor: Tensor)]) throws
        -> [String: Double]
    {
        let graph = try Graph.build(build)
        // A gradient that is zero by its form needs no input.
        let given = inputs.filter { name, _ in graph.inputSignature.contains { $0.name == name } }
            .mapValues { TensorData(scalar: $0, dtype: .float64) }
        return try ReferenceBackend().compile(graph, parameters: [:], options: CompileOptions()).run(given)
            .mapValues { $0.doubles[0] }
    }

    @Test("a shared subexpression's gradient is the sum over its uses")
    func shared() throws {
        let found = try run(["x": 3]) { b in
            let x = b.input("x", scalar)
            let square = x * x
            return [("g", (square * square + square * 5 + x).gradients(withRespectTo: [x])[0])]
        }
        #expect(found["g"] == 139)  // 4x³ + 10x + 1
    }

    @Test("a tensor that is several operands of one op gets the gradient of each, once")
    func operands() throws {
        let type = TensorType(.float64, [1, 1])
        let b = GraphBuilder()
        let x = b.input("x", type)
        // With one key the weights are 1, so this is x itself; three times over it would be 3.
        let attended = x.attention(keys: x, values: x, isCausal: false).sum()
        let graph = try b.finish([("g", attended.gradients(withRespectTo: [x])[0])])
        let found = try ReferenceBackend().compile(graph, parameters: [:], options: CompileOptions())
            .run(["x": TensorData(type, doubles: [0.7])])
        #expect(found["g"]?.doubles == [1])
    }

    @Test("the gradient with respect to what does not matter is zero, of its shape and type")
    func independent() throws {
        let b = GraphBuilder()
        let (x, y) = (b.input("x", TensorType(.float32, [2])), b.input("y", TensorType(.bfloat16, [3, 1])))
        let gradient = x.sum().gradients(withRespectTo: [y])[0]
        #expect(gradient.type == TensorType(.bfloat16, [3, 1]))
        let graph = try b.finish([("g", gradient)])
        #expect(graph.inputs.isEmpty)
        let found = try ReferenceBackend().compile(graph, parameters: [:], options: CompileOptions()).run([:])
        #expect(found["g"]?.doubles == [0, 0, 0])
    }

    @Test("what comes through integers and comparisons has gradient zero")
    func integers() throws {
        let found = try run(["x": 2.5]) { b in
            let x = b.input("x", scalar)
            let through = x.cast(to: .int32).cast(to: .float64) + x.greater(than: 0) + x.equal(to: x)
            return [("g", through.gradients(withRespectTo: [x])[0])]
        }
        #expect(found["g"] == 0)
    }

    @Test("targets may depend on each other: each gradient takes the others as they are along the way")
    func chains() throws {
        let found = try run(["x": 2]) { b in
            let x = b.input("x", scalar)
            let y = x * 3
            let gradients = (y * y * x).gradients(withRespectTo: [x, y, x])
            return [("x", gradients[0]), ("y", gradients[1]), ("again", gradients[2])]
        }
        #expect(found == ["x": 108, "y": 24, "again": 108])  // y² + 2yx·3, 2yx
    }

    @Test("the gradient of the scalar itself is one")
    func itself() throws {
        let found = try run(["x": 2]) { b in
            let x = b.input("x", scalar)
            return [("g", x.gradients(withRespectTo: [x])[0])]
        }
        #expect(found["g"] == 1)
    }

    @Test("gradients of gradients of gradients go on")
    func higher() throws {
        let found = try run(["x": 2]) { b in
            let x = b.input("x", scalar)
            var y = x * x * x * x
            for _ in 0..<3 { y = y.gradients(withRespectTo: [x])[0] }
            return [("g", y)]
        }
        #expect(found["g"] == 48)
    }

    @Test("ties: a maximum of two goes to the first, of a row it is shared, and relu at zero has none")
    func ties() throws {
        let found = try run(["x": 1]) { b in
            let x = b.input("x", scalar)
            let gradients = x.maximum(x * 1).gradients(withRespectTo: [x])
            let pair = x.broadcast(to: [2]).maximum(axes: [0])
            return [
                ("both", gradients[0]), ("row", pair.gradients(withRespectTo: [x])[0]),
                ("relu", (x - 1).relu().gradients(withRespectTo: [x])[0]),
            ]
        }
        #expect(found == ["both": 1, "row": 1, "relu": 0])
    }

    @Test("only one floating-point number has a gradient, and only with respect to floating-point tensors")
    func refusals() throws {
        let b = GraphBuilder()
        let x = b.input("x", TensorType(.float32, [2]))
        _ = x.gradients(withRespectTo: [x])
        let line = #line - 1
        let first = #expect(throws: GraphError.self) { try b.finish([("x", x)]) }
        #expect(first?.location.line == line)
        #expect(first?.message.contains("single") == true)
        let other = GraphBuilder()
        let ids = other.input("ids", TensorType(.int32, [2]))
        _ = other.constant(1).gradients(withRespectTo: [ids])
        #expect(throws: GraphError.self) { try other.finish([("ids", ids)]) }
    }

    @Test("a plugin's rule that gives the wrong number or type of gradients is named with its line")
    func rules() throws {
        struct Odd: OpDefinition {
            var count: Int
            var name: String { "odd" }
            func resultType(of inputs: [TensorType]) throws(OpFault) -> TensorType { inputs[0] }
            func evaluate(_ inputs: [ReferenceTensor], result: TensorType) throws(OpFault) -> [Double] {
                inputs[0].values
            }
            func gradient(_ context: GradientContext) -> [Tensor?] {
                [Tensor?](repeating: context.upstream.sum(), count: count)
            }
        }
        for count in [0, 1, 2] {
            let b = GraphBuilder()
            let x = b.input("x", TensorType(.float32, [2]))
            let (y, line) = (x.apply(.custom(CustomOp(Odd(count: count)))), #line)
            _ = y.sum().gradients(withRespectTo: [x])
            let error = #expect(throws: GraphError.self) { try b.finish([("y", y)]) }
            #expect(error?.op == "gradient of odd")
            #expect(error?.location.line == line)
        }
    }
}
