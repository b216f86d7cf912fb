import Testing

@testable import ModelGraph

/// The error that building gives.
private func error(_ body: (GraphBuilder) -> Tensor) -> GraphError? {
    let builder = GraphBuilder()
    let output = body(builder)
    do {
        _ = try builder.finish([("y", output)])
        return nil
    } catch { return error as? GraphError }
}

private func float(_ dimensions: Int...) -> TensorType { TensorType(.float32, Shape(dimensions)) }

@Suite struct ShapeErrorTests {
    @Test("a shape error names the op, both shapes and the line that asked for it")
    func methods() throws {
        var line = 0
        // Outside of #require: within a macro's argument, #line is not where it stands.
        let told = error { b in
            let (x, w) = (b.input("x", float(2, 3)), b.input("w", float(4, 5)))
            line = #line + 1
            return x.matmul(w)
        }
        let found = try #require(told)
        #expect(found.op == "matmul")
        #expect(found.inputs == [float(2, 3), float(4, 5)])
        #expect(found.location == SourceLocation(fileID: #fileID, line: line))
        #expect(
            found.description
                == "ModelGraphTests/BuilderTests.swift:\(line): matmul of float32[2, 3] and float32[4, 5]: "
                + "inner dimensions differ: 3 and 4")
    }

    @Test("an operator's error stands on the line of its newest operand")
    func operators() throws {
        var line = 0
        let told = error { b in
            let x = b.input("x", float(2, 3))
            line = #line + 1
            let y = b.input("y", float(4))
            return x + y
        }
        let found = try #require(told)
        #expect(found.op == "add")
        #expect(found.location.line == line)
        #expect(found.description.contains("float32[2, 3] and float32[4]"))
    }

    @Test("an error inside a method of many ops stands on the caller's line")
    func composites() throws {
        typealias Body = (Tensor, Tensor) -> Tensor
        let bodies: [(Int, Body)] = [
            (#line, { x, _ in x.sum(axes: [3]) }), (#line, { x, _ in x.mean(axes: [-3]) }),
            (#line, { x, y in x.linear(weight: y) }), (#line, { x, _ in x.batchMoments().mean }),
            (#line, { x, y in x.tokens(at: y) }), (#line, { x, y in x.attention(keys: y, values: y, isCausal: false) }),
            (#line, { x, y in x.layerNorm(scale: y, bias: y) }), (#line, { x, _ in x.sliced(axis: 1, 2..<9) }),
            (#line, { x, _ in x.reshaped(to: [7]) }), (#line, { x, y in x.concatenated(with: y, axis: 0) }),
            (#line, { x, _ in x.transposed([0, 0]) }), (#line, { x, _ in x.broadcast(to: [3, 3]) }),
            (#line, { x, _ in x.argMax(axis: -5) }), (#line, { x, _ in x.padded(axis: 0, before: -1, after: 0) }),
            (#line, { x, y in x.gather(y) }), (#line, { x, y in x.softmaxCrossEntropy(labels: y) }),
            (#line, { x, _ in x.averagePool(kernel: 2) }), (#line, { x, y in x.convolution(y) }),
            (#line, { x, y in x.gradients(withRespectTo: [y])[0] }),
            (#line, { x, _ in x.reshaped(to: [x.dimension(2)]) }),
        ]
        for (line, body) in bodies {
            let found = error { b in body(b.input("x", float(2, 3)), b.input("y", float(4, 5))) }
            #expect(
                found?.location == SourceLocation(fileID: #fileID, line: line), "\(line): \(String(describing: found))")
        }
    }

    @Test("the first error is the one told, whatever is done with what follows it")
    func first() throws {
        let found = try #require(
            error { b in
                let broken = b.input("x", float(2, 3)).matmul(b.input("y", float(2, 3)))
                let more = broken.sum(axes: [-1]).transposed([1, 0]).softmax().sliced(axis: 4, 0..<1)
                _ = (broken.dimension(-1), broken.dimension(7))
                return more.concatenated(with: broken, axis: -2).tokens(at: more).gradients(withRespectTo: [broken])[0]
            })
        #expect(found.op == "matmul")
    }

    @Test("mixed element types and numbers that a type has not are refused")
    func types() {
        let int = TensorType(.int32, [2])
        #expect(error { $0.input("x", float(2)) + $0.input("i", int) }?.message.contains("float32 and int32") == true)
        #expect(error { $0.input("i", int).exp() }?.message.contains("int32") == true)
        #expect(error { $0.input("i", int) * 0.5 }?.message.contains("0.5") == true)
        #expect(error { $0.input("i", int).mean() }?.op == "mean")
        #expect(error { $0.input("i", int) * 2 + 1 } == nil)
        #expect(
            error { $0.input("x", float(2, 2)).gather($0.input("y", float(2))) }?.message.contains("integers") == true)
    }
}

@Suite struct BuilderErrorTests {
    @Test("what belongs to another graph is refused, not mixed in")
    func foreign() {
        let other = GraphBuilder()
        let stranger = other.input("x", float(2))
        #expect(error { $0.input("y", float(2)).maximum(stranger) }?.message.contains("another graph") == true)
        #expect(error { _ in stranger }?.message.contains("another graph") == true)
        #expect(
            error { b in
                let p = b.parameter("p", [2], .zeros)
                b.update(p, to: stranger)
                return p
            }?.message.contains("another graph") == true)
        #expect(error { $0.input("y", float()).gradients(withRespectTo: [stranger])[0] }?.op == "gradient")
        #expect(error { $0.tensor(12) }?.message.contains("12") == true)
    }

    @Test("a name given twice is refused: input, output, update, parameter of another type")
    func names() throws {
        #expect(error { $0.input("x", float(2)) + $0.input("x", float(2)) }?.message == "declared twice")
        #expect(error { $0.parameter("p", [2], .zeros) + $0.parameter("p", [1], .zeros) }?.op == "parameter 'p'")
        #expect(
            error { b in
                let p = b.parameter("p", [2], .zeros)
                b.update(p, to: p + 1)
                b.update(p, to: p + 2)
                return p
            }?.op == "update")
        let b = GraphBuilder()
        let x = b.input("x", float(2))
        #expect(throws: GraphError.self) { try b.finish([("y", x), ("y", x + 1)]) }
    }

    @Test("a parameter asked for again is the same tensor")
    func parameters() {
        let b = GraphBuilder()
        #expect(b.parameter("p", [2], .zeros).id == b.parameter("p", [2], .zeros).id)
    }

    @Test("sources without elements, or with more than memory could hold, are refused")
    func extents() {
        for shape: Shape in [[0], [2, -1], [1 << 40, 1 << 40]] {
            #expect(error { $0.input("x", TensorType(.float32, shape)) }?.op == "input")
            #expect(error { $0.parameter("p", shape, .zeros) }?.op == "parameter")
        }
    }
}

@Suite struct ArgumentTests {
    /// Shapes and numbers of all kinds, against every op that takes some: each is accepted or refused, and none traps.
    @Test("no argument of an op traps, however far off")
    func arguments() {
        let numbers = [Int.min, -7, -1, 0, 1, 2, 3, 1 << 40, Int.max - 1, Int.max]
        let shapes: [Shape] = [[], [1], [3], [2, 3], [2, 3, 5], [1, 2, 4, 4], [1 << 30, 1 << 29], [2, 2, 1 << 57]]
        var (accepted, refused) = (0, 0)
        for shape in shapes {
            let type = TensorType(.float32, shape)
            for a in numbers {
                for c in numbers {
                    let other: Shape = [a, c]
                    let ops: [Op] = [
                        .reduce(Reduce(kind: .sum, axes: [a, c], keepsDimensions: a > 0)),
                        .reshape(Reshape(shape: other)),
                        .broadcast(Broadcast(shape: other)), .transpose(Transpose(permutation: [a, c])),
                        .slice(Slice(axis: a, start: c, end: 2)), .slice(Slice(axis: 0, start: a, end: c)),
                        .pad(Pad(axis: 0, before: a, after: c)), .pad(Pad(axis: a, before: 1, after: c)),
                        .averagePool(AveragePool(kernel: a, stride: c)), .argMax(ArgMax(axis: a)),
                        .averagePoolGradient(AveragePoolGradient(kernel: 2, stride: a, shape: [1, 2, a, c])),
                        .softmax(Softmax()), .l2Normalize(L2Normalize(epsilon: 0)), .gelu(GELU(.erf)),
                    ]
                    for op in ops {
                        if (try? op.definition?.resultType(of: [type])) == nil { refused += 1 } else { accepted += 1 }
                        // In a builder, with the gradient of whatever comes out.
                        let b = GraphBuilder()
                        let x = b.input("x", type)
                        let y = x.apply(op)
                        if y.dtype.isFloat { _ = y.sum().gradients(withRespectTo: [x]) }
                    }
                    let pairs: [Op] = [
                        .convolution(Convolution(stride: a, padding: c)), .concatenate(Concatenate(axis: a)),
                        .convolutionInputGradient(
                            ConvolutionInputGradient(stride: a, padding: c, shape: [1, 2, 4, 4])),
                        .convolutionWeightGradient(
                            ConvolutionWeightGradient(stride: 1, padding: a, shape: [2, 2, c, 1])),
                        .matmul(MatMul()), .binary(.add), .scatterAdd(ScatterAdd(rows: a)), .gather(Gather()),
                        .softmaxCrossEntropy(SoftmaxCrossEntropy()), .attention(Attention(scale: 1, isCausal: true)),
                    ]
                    for op in pairs {
                        let b = GraphBuilder()
                        let (x, y) = (b.input("x", type), b.input("y", TensorType(.float32, shapes[accepted % 6])))
                        let z = x.apply(op, y, x)
                        _ = x.apply(op, y).sum().gradients(withRespectTo: [x, y])
                        _ = x.apply(op)
                        _ = z.dimension(a)
                    }
                    _ = GraphBuilder().input("x", TensorType(.int32, shape)).oneHot(depth: a)
                }
            }
        }
        #expect(accepted > 100)
        #expect(refused > 1000)
    }

    @Test("reduced axes are each within rank, counted from zero")
    func axes() {
        let type = TensorType(.float32, [2, 3])
        #expect(throws: OpFault.self) {
            try Reduce(kind: .sum, axes: [-1], keepsDimensions: false).resultType(of: [type])
        }
        #expect(throws: OpFault.self) {
            try Reduce(kind: .sum, axes: [2], keepsDimensions: false).resultType(of: [type])
        }
        let b = GraphBuilder()
        #expect(b.input("x", type).sum(axes: [-1, 1]).shape == [2])
    }

    @Test("an index that no Int holds is a fault when run, not a trap")
    func indices() {
        let table = ReferenceTensor(type: TensorType(.float32, [2]), values: [1, 2])
        for index in [-1, 2, 0.5, Double.nan, .infinity, -.infinity, 0x1p63, -0x1p64] {
            let indices = ReferenceTensor(type: TensorType(.int64, [1]), values: [index])
            #expect(throws: OpFault.self) {
                try Gather().evaluate([table, indices], result: TensorType(.float32, [1]))
            }
            let rows = ReferenceTensor(type: TensorType(.float32, [1, 2]), values: [1, 2])
            #expect(throws: OpFault.self) {
                try ScatterAdd(rows: 2).evaluate([rows, indices], result: TensorType(.float32, [2, 2]))
            }
            #expect(throws: OpFault.self) {
                try SoftmaxCrossEntropy().evaluate([rows, indices], result: TensorType(.float32, [1]))
            }
        }
    }
}
