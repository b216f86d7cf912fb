import Multimodal
import Testing

@testable import CPUBackend

private struct Random {
    var generator: SeededGenerator
    init(_ seed: UInt64) { generator = SeededGenerator(seed: seed) }
    mutating func tensor(_ type: TensorType, below: Int = 7) -> TensorData {
        TensorData(
            type,
            doubles: (0..<type.shape.count).map { _ in
                type.dtype.isFloat ? generator.nextNormal() : Double(Int(generator.nextUnit() * Double(below)))
            })
    }
}

/// Builds a graph with gradients of every float input, and compares all of it with the reference evaluation.
private func check(
    _ types: [TensorType], tolerance: Double = 2e-5, threads: Int? = 2, gradients: Bool = true,
    positive: Bool = false, precision: CompileOptions.Precision = .float32,
    sourceLocation: Testing.SourceLocation = #_sourceLocation, _ body: ([Tensor]) -> Tensor
) throws {
    let graph = try Graph.build { builder in
        let inputs = types.enumerated().map { builder.input("x\($0.offset)", $0.element) }
        let y = body(inputs)
        var outputs = [(name: "y", tensor: y)]
        if gradients, y.dtype == .float32 {
            let weight = builder.input("weight", y.type)
            let targets = inputs.filter { $0.dtype == .float32 }
            let gradients = (y * weight).sum().gradients(withRespectTo: targets)
            outputs += gradients.enumerated().map { (name: "g\($0.offset)", tensor: $0.element) }
        }
        return outputs
    }
    var random = Random(11)
    var inputs: [String: TensorData] = [:]
    for (name, type) in graph.inputSignature {
        var data = random.tensor(type)
        if positive { data = TensorData(type, doubles: data.doubles.map { abs($0) + 0.1 }) }
        inputs[name] = data
    }
    let expected = try Oracle(graph: graph, parameters: [:]).run(inputs).outputs
    let executable = try CPUBackend().compile(
        graph, parameters: [:], options: CompileOptions(precision: precision, threads: threads))
    for _ in 0..<2 {
        let results = try executable.run(inputs)
        #expect(results.count == expected.count, sourceLocation: sourceLocation)
        for (name, values) in expected {
            let got = try #require(results[name], sourceLocation: sourceLocation)
            let scale = max(1, values.map { abs($0) }.filter { $0.isFinite }.max() ?? 1)
            let worst = zip(got.doubles, values).map { error($0, $1) / scale }.max() ?? 0
            #expect(worst <= tolerance, "\(name) of \(types)", sourceLocation: sourceLocation)
        }
    }
}

private func f(_ extents: Int...) -> TensorType { TensorType(.float32, Shape(extents)) }
private func i(_ extents: Int...) -> TensorType { TensorType(.int32, Shape(extents)) }

@Test("every op gives the reference's values and gradients")
func everyOp() throws {
    for op in [Unary.negate, .exp, .tanh, .sigmoid, .erf, .relu] {
        try check([f(3, 37)]) { $0[0].apply(.unary(op)) }
    }
    for op in [Unary.log, .squareRoot, .reciprocal] {
        try check([f(3, 37)], positive: true) { $0[0].apply(.unary(op)) }
    }
    for op in [Binary.add, .subtract, .multiply, .maximum, .minimum, .greater, .equal] {
        try check([f(4, 5, 6), f(4, 5, 6)]) { $0[0].apply(.binary(op), $0[1]) }
        try check([f(4, 5, 6), f(6)]) { $0[0].apply(.binary(op), $0[1]) }
        try check([f(4, 5, 6), f(5, 1)]) { $0[0].apply(.binary(op), $0[1]) }
        try check([f(1), f(2, 1, 6)]) { $0[0].apply(.binary(op), $0[1]) }
    }
    try check([f(4, 5), f(5)], positive: true) { $0[0] / $0[1] }
    try check([f(4, 5), f(5), f(4, 1)]) { $0[0].greater(than: 0).select($0[1], $0[2]) }
    try check([i(4, 5), i(5)]) { $0[0] * $0[1] - $0[0] }
    try check([i(4, 5), f(4, 5)]) { $0[0].cast(to: .float32) * $0[1] }
    try check([f(4, 5)]) { ($0[0] * 10).cast(to: .int8).cast(to: .int64).cast(to: .int32) }
    for form in GELU.Form.allCases { try check([f(3, 700)]) { $0[0].gelu(form) } }
    for axes in [[0], [1], [2], [0, 1], [1, 2], [0, 2], [0, 1, 2]] {
        try check([f(3, 4, 70)]) { $0[0].sum(axes: axes) }
        try check([f(3, 4, 70)]) { $0[0].maximum(axes: axes, keepDimensions: true) }
    }
    try check([f(300, 700)]) { $0[0].sum(axes: [0]) }
    try check([f(300, 700)], tolerance: 1e-4) { $0[0].sum() }
    try check([f(3, 4, 5)]) { $0[0].transposed([2, 0, 1]).reshaped(to: [15, 4]) }
    try check([f(40, 3, 50)]) { $0[0].transposed([2, 1, 0]) + 0 }
    try check([f(3, 1, 5)]) { $0[0].broadcast(to: [2, 3, 4, 5]) }
    try check([f(3, 9, 5)]) { $0[0].sliced(axis: 1, 2..<5) }
    try check([f(3, 9)]) { $0[0].sliced(axis: 1, 0..<3) * $0[0].sliced(axis: 1, 3..<6) + $0[0].sliced(axis: 1, 6..<9) }
    try check([f(3, 9, 5)]) { $0[0].padded(axis: 1, before: 2, after: 1) }
    try check([f(3, 9, 5), f(3, 2, 5)]) { $0[0].concatenated(with: $0[1], $0[0], axis: 1) }
    try check([f(33, 17), f(17, 9)]) { $0[0].matmul($0[1]) }
    try check([f(33, 17), f(9, 17)]) { $0[0].linear(weight: $0[1]) }
    try check([f(4, 33, 17), f(17, 9)]) { $0[0].matmul($0[1]) }
    try check([f(4, 33, 17), f(4, 17, 9)]) { $0[0].matmul($0[1]) }
    try check([f(4, 1, 33, 17), f(3, 17, 9)]) { $0[0].matmul($0[1]) }
    try check([f(5, 4, 3, 8), f(5, 4, 3, 8)]) {
        $0[0].transposed([0, 2, 1, 3]).matmul($0[1].transposed([0, 2, 3, 1]))
    }
    for form in GELU.Form.allCases {
        try check([f(4, 33, 17), f(40, 17), f(40), f(4, 33, 40)], gradients: false) {
            $0[3] + $0[0].linear(weight: $0[1], bias: $0[2]).gelu(form)
        }
    }
    try check([f(33, 17), f(17, 9)]) { ($0[0] * 0.3).matmul($0[1]) * 0.7 }
    try check([f(33, 17), f(17, 9)]) { ($0[0] * 0.3).matmul($0[1]).transposed() * 0.7 }
    try check([f(4, 33, 17), f(4, 9, 17)]) { ($0[0] * 0.3).matmul($0[1].transposed()).transposed() * 0.7 }
    try check([f(1, 17), f(17, 1)]) { $0[0].matmul($0[1]) }
    try check([f(5, 1), f(1, 6)]) { $0[0].matmul($0[1]) }
    try check([f(2, 3, 9, 10), f(4, 3, 3, 3)]) { $0[0].convolution($0[1], stride: 2, padding: 1) }
    try check([f(2, 3, 9, 10), f(4, 3, 2, 2)]) { $0[0].convolution($0[1], stride: 3, padding: 0) }
    try check([f(2, 3, 8, 8), f(5, 3, 4, 4)]) { $0[0].convolution($0[1], stride: 4, padding: 0) }
    try check([f(2, 16, 8, 8), f(16, 16, 1, 1)]) { $0[0].convolution($0[1]) }
    try check([f(2, 3, 9, 8)]) { $0[0].averagePool(kernel: 2) }
    try check([f(2, 3, 9, 8)]) { $0[0].averagePool(kernel: 3, stride: 2) }
    try check([f(7, 5), i(2, 3)]) { $0[0].gather($0[1]) }
    try check([f(9, 5), i(9)]) { $0[0].scatterAdd(at: $0[1], rows: 7) }
    try check([i(3, 9)]) { $0[0].argMax(axis: 1) }
    try check([f(3, 9, 4)]) { $0[0].argMax(axis: 1) }
    try check([i(3, 9)]) { $0[0].oneHot(depth: 6) }
    try check([f(5, 130)]) { $0[0].softmax() }
    try check([f(5, 3)]) { $0[0].softmax() }
    try check([f(5, 3, 96), f(96), f(96)], tolerance: 1e-4) { $0[0].layerNorm(scale: $0[1], bias: $0[2]) }
    try check([f(5, 7)]) { $0[0].l2Normalized() }
    try check([f(2, 3, 4, 5), f(3), f(3), f(3), f(3)], positive: true) {
        $0[0].batchNorm(scale: $0[1], bias: $0[2], mean: $0[3], variance: $0[4])
    }
    try check([f(2, 3, 4, 5)]) {
        let m = $0[0].batchMoments(); return m.mean + m.variance
    }
    try check([f(6, 7), i(6)]) { $0[0].softmaxCrossEntropy(labels: $0[1]) }
    for isCausal in [false, true] {
        try check([f(2, 3, 37, 40), f(2, 3, 37, 40), f(2, 3, 37, 24)]) {
            $0[0].attention(keys: $0[1], values: $0[2], isCausal: isCausal)
        }
        try check([f(2, 37, 96)], gradients: false) { x in
            let parts = (0..<3).map {
                x[0].sliced(axis: 2, $0 * 32..<$0 * 32 + 32).reshaped(to: [2, 37, 4, 8]).transposed([0, 2, 1, 3])
            }
            return parts[0].attention(keys: parts[1], values: parts[2], isCausal: isCausal)
                .transposed([0, 2, 1, 3]).reshaped(to: [2, 37, 32])
        }
    }
}

@Test("narrow element types compute in float32 and round")
func narrowTypes() throws {
    for dtype in [DType.bfloat16, .float16] {
        let type = TensorType(dtype, [5, 12])
        try check([type, type], tolerance: 1e-2) { ($0[0] * $0[1]).softmax() + $0[0] }
        try check([type, type], tolerance: 1e-2) { $0[0].matmul($0[1].transposed()) }
        try check([type]) { $0[0].cast(to: .float32).cast(to: dtype) }
    }
    try check([f(33, 64), f(64, 9)], tolerance: 2e-2, precision: .bfloat16) { $0[0].matmul($0[1]) }
}

/// Infinite where one is NaN and the other is not.
private func error(_ a: Double, _ b: Double) -> Double {
    if a == b || a.isNaN && b.isNaN { return 0 }
    return a.isNaN || b.isNaN ? .infinity : abs(a - b)
}
