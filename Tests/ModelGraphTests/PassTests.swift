import FoundationEssentials
import Multimodal
import ReferenceBackend
import TestSupport
import Testing

@testable import ModelGraph

@Suite struct PassTests {
    private let vector = TensorType(.float32, [4])

    private func names(_ graph: Graph) -> [String] { graph.nodes.map(\.op.name) }

    @Test("what no output and no update needs is left out, inputs and parameters too")
    func deadCode() throws {
        let graph = try Graph.build { b in
            let x = b.input("x", vector)
            _ = b.input("unused", vector).exp()
            _ = b.parameter("lost", [4], .zeros) * x
            let kept = b.parameter("kept", [4], .zeros)
            b.update(kept, to: x.exp())
            return [("y", x + 1)]
        }
        #expect(graph.inputSignature.map(\.name) == ["x"])
        #expect(graph.parameterSignature.map(\.parameter.name) == ["kept"])
        #expect(names(graph).sorted() == ["add", "constant", "exp", "input", "parameter"])
    }

    @Test("what is written twice is computed once, through any depth")
    func commonSubexpressions() throws {
        let graph = try Graph.build { b in
            let x = b.input("x", vector)
            return [("a", (x.exp() * 2).tanh()), ("b", (x.exp() * 2).tanh()), ("c", (2 * x.exp()).tanh())]
        }
        #expect(graph.outputs[0].id == graph.outputs[1].id)
        #expect(graph.outputs[0].id != graph.outputs[2].id)  // operands in another order are another node
        #expect(names(graph).filter { $0 == "exp" }.count == 1)
        #expect(names(graph).filter { $0 == "constant" }.count == 1)
    }

    @Test("nodes that differ in attribute, type or value stay apart")
    func apart() throws {
        let graph = try Graph.build { b in
            let x = b.input("x", TensorType(.float32, [2, 2]))
            return [
                ("a", x.sum(axes: [0])), ("b", x.sum(axes: [1])), ("c", x.maximum(axes: [0])), ("d", x.gelu(.erf)),
                ("e", x.gelu(.tanh)), ("f", x * 0.0), ("g", x * -0.0), ("h", x.cast(to: .bfloat16)),
                ("i", x.cast(to: .float16)),
            ]
        }
        #expect(Set(graph.outputs.map(\.id)).count == 9)
    }

    @Test("two inputs stay two, and nodes are numbered in topological order")
    func numbering() throws {
        let graph = try Graph.build { b in
            [("y", b.input("x", vector) - b.input("z", vector)), ("p", b.parameter("p", [2], .zeros))]
        }
        #expect(graph.inputSignature.map(\.name) == ["x", "z"])
        for (index, node) in graph.nodes.enumerated() {
            #expect(node.id == index)
            #expect(node.inputs.allSatisfy { $0 < index })
        }
    }

    @Test("decomposition leaves primitives alone, keeps types, names, updates and source lines")
    func decomposition() throws {
        var line = 0
        let graph = try Graph.build { b in
            let x = b.input("x", TensorType(.float32, [2, 4]))
            let p = b.parameter("p", [4], .ones)
            b.update(p, to: p + 1)
            line = #line + 1
            let y = x.layerNorm(scale: p, bias: p)
            return [("y", y.attention(keys: y, values: y, isCausal: true)), ("x", x)]
        }
        let primitive = try graph.decomposing { _ in false }
        #expect(Set(names(primitive)).isDisjoint(with: ["layerNorm", "attention", "softmax"]))
        #expect(primitive.outputs.map(\.name) == ["y", "x"])
        #expect(primitive.outputs.map { primitive[$0.id].type } == graph.outputs.map { graph[$0.id].type })
        #expect(primitive.updates.count == 1)
        #expect(primitive.nodes.contains { $0.op.name == "squareRoot" && $0.location.line == line })
        #expect(try graph.decomposing { _ in true } == graph)
        let partly = try graph.decomposing { $0.op.name == "softmax" }
        #expect(names(partly).contains("softmax"))
        #expect(!names(partly).contains("attention"))
    }

    @Test("a plugin's op that decomposes to itself, or to another type, is an error and not a hang")
    func endless() throws {
        struct Loop: OpDefinition {
            var grows: Bool
            var name: String { "loop" }
            func resultType(of inputs: [TensorType]) throws(OpFault) -> TensorType { inputs[0] }
            func evaluate(_ inputs: [ReferenceTensor], result: TensorType) throws(OpFault) -> [Double] {
                inputs[0].values
            }
            func gradient(_ context: GradientContext) -> [Tensor?] { [nil] }
            func decompose(_ inputs: [Tensor]) -> Tensor? {
                grows ? inputs[0].sum() : inputs[0].apply(.custom(CustomOp(self)))
            }
        }
        for grows in [false, true] {
            let graph = try Graph.build { b in
                [("y", b.input("x", vector).apply(.custom(CustomOp(Loop(grows: grows)))))]
            }
            let error = #expect(throws: GraphError.self) { try graph.decomposing { _ in false } }
            #expect(error?.op == "loop")
        }
    }

    @Test("inner products are those with weights between the first, on an input, and the last")
    func innerProducts() throws {
        let graph = try Graph.build { builder in
            let x = builder.input("x", TensorType(.float32, [2, 3, 4, 4]))
            func weight(_ name: String, _ shape: Shape) -> Tensor { builder.parameter(name, shape, .ones) }
            let first = x.convolution(weight("first", [8, 3, 1, 1]))
            let second = first.relu().convolution(weight("second", [8, 8, 1, 1]))
            let rows = second.reshaped(to: [2, 8, 16])
            let third = rows.matmul(weight("third", [16, 6]))
            let mixed = third.matmul(third.transposed())  // of activations alone
            return [("y", mixed.matmul(weight("last", [8, 5])))]
        }
        let names = graph.innerProducts().map { id -> String in
            if case .parameter(let parameter) = graph[graph[id].inputs[1]].op { parameter.name } else { "?" }
        }
        #expect(Set(names) == ["second", "third"])
    }

    @Test("lowering rounds the operands of products, shares a weight's cast, and leaves the rest float32")
    func lowering() throws {
        let graph = try Graph.build { b in
            let (x, z) = (b.input("x", TensorType(.float32, [2, 3])), b.input("z", TensorType(.float32, [2, 3])))
            let w = b.parameter("w", [3, 4], .normal(standardDeviation: 1))
            return [("y", x.matmul(w).tanh() + z.matmul(w))]
        }
        let lowered = try graph.loweringProducts(to: .bfloat16)
        #expect(names(lowered).filter { $0 == "cast" }.count == 3)
        #expect(lowered.nodes.filter { $0.op.name == "matmul" }.allSatisfy { $0.dtype == .float32 })
        #expect(lowered.nodes.filter { $0.dtype == .bfloat16 }.allSatisfy { $0.op.name == "cast" })
        #expect(try lowered.loweringProducts(to: .bfloat16) == lowered)
        let parameters = graph.initialParameters(seed: 1)
        let x = TensorData(TensorType(.float32, [2, 3]), doubles: [0.1, 0.2, 0.3, -0.4, 0.5, 1])
        let backend = ReferenceBackend()
        let exact = try backend.compile(graph, parameters: parameters, options: .init()).run(["x": x, "z": x])
        let rounded = try backend.compile(graph, parameters: parameters, options: .init(precision: .bfloat16))
            .run(["x": x, "z": x])
        let byHand = try backend.compile(lowered, parameters: parameters, options: .init()).run(["x": x, "z": x])
        #expect(rounded == byHand)
        #expect(rounded != exact)
        for (a, b) in zip(rounded["y"]?.doubles ?? [], exact["y"]?.doubles ?? []) { #expect(abs(a - b) < 0.03) }
    }

    @Test("padded pieces that tile an axis become one concatenation, with the same values; others stay")
    func joiningPads() throws {
        let type = TensorType(.float32, [2, 6])
        for ranges in [[0..<2, 2..<4, 4..<6], [4..<6, 0..<2, 2..<4], [0..<3, 2..<6], [0..<2, 4..<6]] {
            let graph = try Graph.build { b in
                let x = b.input("x", type)
                let pieces = ranges.enumerated().map { index, range in
                    x.sliced(axis: 1, range).exp().padded(
                        axis: 1, before: range.lowerBound, after: 6 - range.upperBound)
                }
                return [("y", pieces.dropFirst().reduce(pieces[0]) { $0 + $1 }), ("first", pieces[0] * 2)]
            }
            let joined = try graph.joiningPads()
            let x = TensorData(type, doubles: (0..<12).map { Double($0) / 8 })
            let backend = ReferenceBackend()
            #expect(
                try backend.compile(joined, parameters: [:], options: .init()).run(["x": x])
                    == backend.compile(graph, parameters: [:], options: .init()).run(["x": x]), "\(ranges)")
        }
        let gradient = try Graph.build { b in
            let x = b.input("x", type)
            let parts = (0..<3).map { x.sliced(axis: 1, 2 * $0..<2 * $0 + 2) }
            return [("g", (parts[0] * parts[1] * parts[2]).sum().gradients(withRespectTo: [x])[0])]
        }
        #expect(names(gradient).filter { $0 == "pad" }.count == 3)
        #expect(Set(names(try gradient.joiningPads())).isDisjoint(with: ["pad"]))
        #expect(names(try gradient.joiningPads()).contains("concatenate"))
    }

    @Test("graphs that compute the same are equal, wherever they were written")
    func equality() throws {
        func graph(_ factor: Double) throws -> Graph {
            try Graph.build { b in [("y", b.input("x", vector) * factor)] }
        }
        let (one, other) = (try graph(2), try Graph.build { b in [("y", b.input("x", vector) * 2)] })
        #expect(one == other)
        #expect(one.hashValue == other.hashValue)
        #expect(try one != graph(3))
    }

    @Test("a graph that is extended goes on from its nodes, names and updates")
    func extending() throws {
        let graph = try Graph.build { b in
            let p = b.parameter("p", [4], .ones)
            b.update(p, to: p + 1)
            return [("y", b.input("x", vector) * p)]
        }
        let b = GraphBuilder(extending: graph)
        let y = b.tensor(graph.outputs[0].id)
        let extended = try b.finish([("loss", (y * b.parameter("p", [4], .ones)).sum())])
        #expect(extended.parameters.count == 1)
        #expect(extended.updates.count == 1)
        let again = GraphBuilder(extending: graph)
        _ = again.input("x", vector)
        #expect(throws: GraphError.self) { try again.finish([]) }
    }
}

@Suite struct TextTests {
    /// Regenerate with `UPDATE_GOLDEN=1 swift test --filter TextTests` and read the difference.
    private func golden(_ name: String, _ text: String) throws {
        let file = URL(filePath: fixture("Graphs/\(name)"))
        if ProcessInfo.processInfo.environment["UPDATE_GOLDEN"] == "1" { try Data(text.utf8).write(to: file) }
        #expect(try String(decoding: Data(contentsOf: file), as: UTF8.self) == text)
    }

    private func example() throws -> Graph {
        let b = GraphBuilder()
        let place = "Example/Tower.swift"
        let x = b.input("images", TensorType(.float32, [2, 3]), file: place, line: 1)
        let w = b.parameter("visual.proj", [3, 4], .normal(standardDeviation: 0.5), file: place, line: 2)
        let y = x.matmul(w, file: place, line: 3).gelu(.quick, file: place, line: 4)
        let loss = y.sum(axes: [-1], file: place, line: 5).mean(file: place, line: 6)
        b.update(w, to: w - loss.gradients(withRespectTo: [w], file: place, line: 7)[0] * 0.1)
        return try b.finish([("features \"unit\"", y.l2Normalized(file: place, line: 8)), ("loss", loss)])
    }

    @Test("a graph prints a node a line, with attributes, type and the source line")
    func text() throws { try golden("tower.txt", example().description) }

    @Test("a graph prints as DOT")
    func dot() throws { try golden("tower.dot", example().dot) }

    @Test("no name breaks out of its quotes in DOT")
    func quoting() throws {
        for name in ["\"", "\"\u{301}", "\\", "a\nb", "\\\"];x["] {
            let dot = try Graph.build { b in [(name, b.input(name, TensorType(.float32, [1])))] }.dot
            var (isInside, isEscaped) = (false, false)
            for scalar in dot.unicodeScalars {
                if isEscaped {
                    isEscaped = false
                } else if scalar == "\\" {
                    isEscaped = true
                } else if scalar == "\"" {
                    isInside.toggle()
                }
                #expect(!(isInside && scalar == "\n"))
            }
            #expect(!isInside)
            #expect(dot.filter { $0 == ";" }.count >= 5)
        }
    }

    @Test("a slice moves up to where more is read, and nothing changes in value")
    func narrowing() throws {
        let graph = try Graph.build { b in
            let x = b.input("x", TensorType(.float32, [2, 5, 6]))
            let scale = b.parameter("scale", [6], .ones)
            let weight = b.parameter("weight", [6, 6], .normal(standardDeviation: 1))
            func heads(_ x: Tensor) -> Tensor { x.reshaped(to: [2, 5, 2, 3]).transposed([0, 2, 1, 3]) }
            let joined = x.matmul(weight)
            let attended = heads(joined).attention(keys: heads(joined), values: heads(joined), isCausal: false)
                .transposed([0, 2, 1, 3]).reshaped(to: [2, 5, 6])
            let sum = x + attended.matmul(weight) + scale
            let block = sum + sum.layerNorm(scale: scale, bias: scale, epsilon: 1e-5).matmul(weight).gelu(.erf)
            return [("y", block.sliced(axis: 1, 1..<2).reshaped(to: [2, 6]))]
        }
        let narrow = try graph.narrowingSlices()
        func extents(_ graph: Graph, _ name: String) -> [Int] {
            graph.nodes.filter { $0.op.name == name }.map { $0.shape[$0.shape.rank - 2] }
        }
        #expect(extents(graph, "matmul") == [5, 5, 5] && extents(graph, "layerNorm") == [5])
        #expect(extents(narrow, "matmul") == [5, 1, 1] && extents(narrow, "layerNorm") == [1])
        #expect(extents(narrow, "attention") == [1] && extents(narrow, "gelu") == [1])

        let parameters = graph.initialParameters(seed: 3)
        let x = try #require(TensorData((0..<60).map { Float($0 * 37 % 23) / 11 - 1 }, shape: [2, 5, 6]))
        let before = try ReferenceBackend().compile(graph, parameters: parameters, options: CompileOptions())
        let after = try ReferenceBackend().compile(narrow, parameters: parameters, options: CompileOptions())
        #expect(try before.run(["x": x]) == after.run(["x": x]))
    }

    @Test("what is read whole stays whole: by an output, by another slice, by a causal mask")
    func notNarrowing() throws {
        let graph = try Graph.build { b in
            let x = b.input("x", TensorType(.float32, [1, 4, 2]))
            let causal = x.attention(keys: x, values: x, isCausal: true)
            return [
                ("a", x.exp().sliced(axis: 1, 0..<1)), ("b", x.exp().sliced(axis: 1, 1..<2)), ("c", x.tanh()),
                ("d", x.tanh().sliced(axis: 1, 0..<1)), ("e", causal.sliced(axis: 1, 0..<1)),
                ("f", x.softmax().sliced(axis: 2, 0..<1)),
            ]
        }
        let narrow = try graph.narrowingSlices()
        for node in narrow.nodes where !["slice", "constant"].contains(node.op.name) {
            #expect(node.shape == [1, 4, 2], "\(node.op.name)")
        }
    }
}
