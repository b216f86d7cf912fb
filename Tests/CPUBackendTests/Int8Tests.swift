import CPUKernels
import Multimodal
import ReferenceBackend
import TestSupport
import Testing

@testable import CPUBackend

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// What 8-bit products are, in plain Swift.
private enum Plain {
    static func quantized(_ row: [Float]) -> (values: [Int], scale: Float, zero: Int) {
        let low = min(0, row.min() ?? 0)
        let high = max(0, row.max() ?? 0)
        let scale = (high - low) / 255
        let inverse = scale > 0 ? 1 / scale : 0
        let zero = (-low * inverse).rounded(.toNearestOrEven)
        return (row.map { Int(min(max($0 * inverse + zero + 0.5, 0), 255)) }, scale, Int(zero))
    }

    static func quantized(column: [Float]) -> (values: [Int], scale: Float) {
        let most = column.map(abs).max() ?? 0
        let inverse = most > 0 ? 127 / most : 0
        return (column.map { Int(($0 * inverse).rounded(.toNearestOrEven)) }, most / 127)
    }

    static func normalized(_ row: [Float], _ scale: [Float], _ bias: [Float]) -> [Float] {
        let mean = row.reduce(0) { $0 + Double($1) } / Double(row.count)
        let variance = row.reduce(0) { $0 + (Double($1) - mean) * (Double($1) - mean) } / Double(row.count)
        return row.indices.map {
            Float((Double(row[$0]) - mean) / (variance + 1e-5).squareRoot() * Double(scale[$0]) + Double(bias[$0]))
        }
    }
}

/// Room that a kernel may write, aligned.
final class Room<Element> {
    let pointer: UnsafeMutablePointer<Element>
    private let memory: UnsafeMutableRawPointer
    init(_ count: Int) {
        memory = .allocate(byteCount: max(count * MemoryLayout<Element>.stride, 64), alignment: 64)
        memory.initializeMemory(as: UInt8.self, repeating: 0, count: max(count * MemoryLayout<Element>.stride, 64))
        pointer = memory.bindMemory(to: Element.self, capacity: count)
    }
    deinit { memory.deallocate() }
}

private struct Shape8: CustomTestStringConvertible {
    var m: Int
    var k: Int
    var n: Int
    var testDescription: String { "[\(m), \(k)] x [\(k), \(n)]" }
}

private let sets = InstructionSet.int8
private let shapes = [
    Shape8(m: 1, k: 1, n: 1), Shape8(m: 5, k: 7, n: 9), Shape8(m: 13, k: 64, n: 64), Shape8(m: 98, k: 130, n: 70),
]

private func random(_ count: Int, seed: UInt64) -> [Float] {
    var generator = SeededGenerator(seed: seed)
    return (0..<count).map { _ in Float(generator.nextNormal()) }
}

@Test("rows are quantised as plain Swift does, with a layer norm before or without", arguments: sets, [false, true])
func int8Rows(set: String, hasNorm: Bool) {
    let kernels = cpu_int8_up_to(set).pointee
    for shape in shapes {
        let (rows, width) = (shape.m, shape.k)
        var x = random(rows * width, seed: 3)
        for index in 0..<width { x[index] = 0 }  // a row without any range
        let (scale, bias) = (random(width, seed: 4), random(width, seed: 5))
        let stride = (width + 63) / 64 * 64
        let values = Room<UInt8>(rows * stride)
        let meaning = Room<cpu_int8_row>(rows)
        let work = Room<Float>(2 * (width + 16))
        var job = cpu_int8_rows()
        job.type = Int32(CPU_F32)
        (job.rows, job.width, job.stride) = (Int64(rows), Int64(width), Int64(width))
        job.epsilon = 1e-5
        (job.out, job.row, job.workspace) = (values.pointer, meaning.pointer, work.pointer)
        job.workspace_stride = Int64(width + 16)
        x.withUnsafeBufferPointer { x in
            scale.withUnsafeBufferPointer { scale in
                bias.withUnsafeBufferPointer { bias in
                    job.x = UnsafeRawPointer(x.baseAddress)
                    if hasNorm { (job.norm_scale, job.norm_bias) = (scale.baseAddress, bias.baseAddress) }
                    kernels.quantize(&job, 2)
                }
            }
        }
        for row in 0..<rows {
            let given = Array(x[row * width..<(row + 1) * width])
            let expected = Plain.quantized(hasNorm ? Plain.normalized(given, scale, bias) : given)
            let got = meaning.pointer[row]
            #expect(abs(got.scale - expected.scale) <= 2e-5 * expected.scale)
            #expect(abs(Int(got.zero) - expected.zero) <= (hasNorm ? 1 : 0))
            for column in 0..<width {
                // The norm's sums run in another order: a value may fall to the other side of a half.
                let difference = Int(values.pointer[row * stride + column]) - expected.values[column]
                #expect(abs(difference) <= (hasNorm ? 1 : 0), "\(set) \(shape) \(row) \(column)")
            }
            #expect((width..<stride).allSatisfy { values.pointer[row * stride + $0] == 0 })
        }
    }
}

@Test("a row with a NaN or an infinity gives NaN, not a number that looks right", arguments: sets)
func int8NaN(set: String) {
    let kernels = cpu_int8_up_to(set).pointee
    for (position, value) in [(0, Float.nan), (5, .nan), (34, .nan), (7, .infinity), (8, -.infinity)] {
        var x = random(35, seed: 1)
        x[position] = value
        let (values, meaning) = (Room<UInt8>(64), Room<cpu_int8_row>(1))
        var job = cpu_int8_rows()
        job.type = Int32(CPU_F32)
        (job.rows, job.width, job.stride) = (1, 35, 35)
        (job.out, job.row) = (values.pointer, meaning.pointer)
        x.withUnsafeBufferPointer {
            job.x = UnsafeRawPointer($0.baseAddress)
            kernels.quantize(&job, 1)
        }
        #expect(meaning.pointer[0].scale.isNaN)
    }
}

@Test("products of 8-bit integers are exact, and their activations and residuals right", arguments: sets, shapes)
private func int8Products(set: String, shape: Shape8) throws {
    let kernels = cpu_int8_up_to(set).pointee
    let (m, k, n) = (shape.m, shape.k, shape.n)
    let (x, w) = (random(m * k, seed: 1), random(n * k, seed: 2))
    let (bias, residual) = (random(n, seed: 6), random(m * n, seed: 7))
    let stride = (k + 63) / 64 * 64
    let (values, meaning) = (Room<UInt8>(m * stride), Room<cpu_int8_row>(m))
    let rows = (0..<m).map { Plain.quantized(Array(x[$0 * k..<($0 + 1) * k])) }
    for (row, quantized) in rows.enumerated() {
        meaning.pointer[row] = cpu_int8_row(scale: quantized.scale, zero: Int32(quantized.zero))
        for (column, value) in quantized.values.enumerated() { values.pointer[row * stride + column] = UInt8(value) }
    }
    let columns = (0..<n).map { Plain.quantized(column: Array(w[$0 * k..<($0 + 1) * k])) }
    let padded = (n + Int(kernels.panel) - 1) / Int(kernels.panel) * Int(kernels.panel)
    let (packed, sums) = (Room<Int8>(padded * ((k + 3) / 4 * 4)), Room<Int32>(padded))
    let (scales, biases) = (Room<Float>(padded), Room<Float>(padded))
    biases.pointer.update(from: bias, count: n)
    let b = cpu_int8_columns(
        values: packed.pointer, scale: scales.pointer, sum: sums.pointer, bias: UnsafePointer(biases.pointer))
    w.withUnsafeBufferPointer { kernels.pack($0.baseAddress, 1, Int64(k), b, Int64(k), Int64(n), 2) }
    let forms: [(code: Int, apply: (Double) -> Double)] = [
        (CPU_ACTIVATION_NONE, { $0 }), (CPU_ACTIVATION_RELU, { max($0, 0) }),
        (CPU_ACTIVATION_GELU_ERF, { $0 * 0.5 * (1 + erf($0 / 2.0.squareRoot())) }),
        (CPU_ACTIVATION_GELU_TANH, { $0 / (1 + exp(-1.5957691216 * ($0 + 0.044715 * $0 * $0 * $0))) }),
        (CPU_ACTIVATION_GELU_QUICK, { $0 / (1 + exp(-1.702 * $0)) }),
    ]
    // In bfloat16, which is quantised next, a form of GELU that is as exact as that needs.
    let types: [(code: Int, tolerance: Double)] = [(CPU_F32, 1e-5), (CPU_BF16, 3e-4)]
    let (wide, narrow) = (Room<Float>(m * n), Room<UInt16>(m * n))
    for (code, apply) in forms {
        for (type, tolerance) in types {
            let isNarrow = type == CPU_BF16
            residual.withUnsafeBufferPointer { residual in
                var job = cpu_int8_product()
                (job.a, job.row, job.b) = (UnsafePointer(values.pointer), UnsafePointer(meaning.pointer), b)
                job.residual = isNarrow ? nil : residual.baseAddress
                job.out = isNarrow ? UnsafeMutableRawPointer(narrow.pointer) : UnsafeMutableRawPointer(wide.pointer)
                (job.type, job.activation) = (Int32(type), Int32(code))
                (job.m, job.n, job.k) = (Int64(m), Int64(n), Int64(k))
                kernels.product(&job, 2)
            }
            var worst = 0.0
            for row in 0..<m {
                for column in 0..<n {
                    var sum = 0
                    for i in 0..<k { sum += (rows[row].values[i] - rows[row].zero) * columns[column].values[i] }
                    let scale = Double(rows[row].scale) * Double(columns[column].scale)
                    let at = row * n + column
                    let expected =
                        apply(Double(sum) * scale + Double(bias[column])) + (isNarrow ? 0 : Double(residual[at]))
                    let got = isNarrow ? Float(bitPattern: UInt32(narrow.pointer[at]) << 16) : wide.pointer[at]
                    let rounding = isNarrow ? abs(expected) / 256 : 0
                    worst = max(worst, abs(Double(got) - expected) / (tolerance * max(1, abs(expected)) + rounding))
                }
            }
            #expect(worst <= 1, "\(set) \(shape) activation \(code) type \(type)")
        }
    }
}

@Test("int8 embeddings of small towers keep near the reference's")
func int8Embedding() throws {
    let model = SmallCLIP(batch: 16, width: 48)
    let graph = try model.graph(trains: false)
    let parameters = graph.initialParameters(seed: 5)
    let inputs = model.inputs(seed: 1)
    let expected = try Oracle(graph: graph, parameters: parameters).run(inputs).outputs
    let executable = try CPUBackend().compile(
        graph, parameters: parameters, options: CompileOptions(precision: .int8))
    let got = try executable.run(inputs)
    for name in ["image", "text"] {
        let values = try #require(expected[name])
        let cosines = stride(from: 0, to: values.count, by: model.width).map { start in
            (start..<start + model.width).reduce(0.0) { $0 + values[$1] * (got[name]?.doubles[$1] ?? 0) }
        }
        #expect(cosines.reduce(0, +) / Double(cosines.count) > 0.999, "\(name) \(cosines)")
        #expect((cosines.min() ?? 0) > 0.99)
    }
}

@Test("int8 is not for training, and not for the reference backend: both say so")
func int8Refusals() throws {
    let options = CompileOptions(precision: .int8)
    let trains = try SmallCLIP().graph(trains: true)
    let error = #expect(throws: BackendError.self) {
        try CPUBackend().compile(trains, parameters: trains.initialParameters(seed: 1), options: options)
    }
    #expect(error?.message.contains("cannot run in int8") == true)
    let embeds = try SmallCLIP().graph(trains: false)
    let other = #expect(throws: BackendError.self) {
        try ReferenceBackend().compile(embeds, parameters: embeds.initialParameters(seed: 1), options: options)
    }
    #expect(other?.message.contains("int8") == true)
}
