import CPUKernels
import Multimodal
import TestSupport
import Testing

@testable import CPUBackend

/// A convolution for the kernel, and the same in plain Swift.
private struct Problem: CustomTestStringConvertible, Sendable {
    var batch = 1
    var height: Int
    var width: Int
    var channels: Int
    var n: Int
    var kernel: Int
    var padding: Int
    var testDescription: String {
        "[\(batch), \(channels), \(height), \(width)] * [\(n), \(channels), \(kernel), \(kernel)] padding \(padding)"
    }

    /// Operands of the same seed every time.
    func lines(border: Int) -> Lines {
        Lines(batch: batch, height: height, width: width, channels: channels, border: border, seed: 4)
    }

    /// Whole numbers, `[n, channels, kernel, kernel]`, 127 in each column, so that a column's scale is 1.
    var weights: [Float] {
        var generator = SeededGenerator(seed: 8)
        let count = channels * kernel * kernel
        return (0..<n * count).map { $0 % count == 0 ? 127 : Float(Int(generator.nextUnit() * 255) - 127) }
    }

    /// The convolution of these, a line after another, channels next to each other.
    var sums: [Double] {
        let (a, w) = (lines(border: 0), weights.map(Double.init))
        var sums: [Double] = []
        for line in 0..<batch * outHeight {
            for (x, c) in (0..<outWidth).flatMap({ x in (0..<n).map { (x, $0) } }) {
                var sum = 0.0
                for ky in 0..<kernel {
                    for kx in 0..<kernel {
                        let (y, x) = (line % outHeight + ky - padding, x + kx - padding)
                        guard (0..<height).contains(y), (0..<width).contains(x) else { continue }
                        let first = a.place(line / outHeight * height + y, x, 0)
                        let scale = Double(a.scales.pointer[line / outHeight * height + y])
                        for i in 0..<channels {
                            let weight = w[((c * channels + i) * kernel + ky) * kernel + kx]
                            sum += scale * Double(a.bytes.pointer[first + i]) * weight
                        }
                    }
                }
                sums.append(sum)
            }
        }
        return sums
    }

    var outHeight: Int { height + 2 * padding - kernel + 1 }
    var outWidth: Int { width + 2 * padding - kernel + 1 }
}

private let sets = InstructionSet.int8
private let problems = [
    Problem(batch: 2, height: 7, width: 7, channels: 8, n: 70, kernel: 3, padding: 1),
    Problem(batch: 3, height: 14, width: 14, channels: 36, n: 32, kernel: 1, padding: 0),
    Problem(height: 15, width: 15, channels: 4, n: 5, kernel: 3, padding: 1),
    Problem(batch: 2, height: 5, width: 30, channels: 12, n: 40, kernel: 3, padding: 0),
    Problem(height: 1, width: 3, channels: 4, n: 33, kernel: 1, padding: 1),
    Problem(batch: 2, height: 9, width: 13, channels: 4, n: 64, kernel: 5, padding: 2),
]

private let expectedSums = problems.map(\.sums)

/// Bytes with a scale for each line, in the kernel's layout.
private struct Lines {
    var batch, height, width, channels, border: Int
    let bytes: Room<UInt8>
    let scales: Room<Float>

    init(batch: Int, height: Int, width: Int, channels: Int, border: Int, seed: UInt64? = nil) {
        (self.batch, self.height, self.width) = (batch, height, width)
        (self.channels, self.border) = (channels, border)
        bytes = Room(batch * height * (width + 2 * border) * channels)
        scales = Room(batch * height)
        guard let seed else { return }
        var generator = SeededGenerator(seed: seed)
        for line in 0..<batch * height {
            // Powers of two, so that sums of floats are exact.
            scales.pointer[line] = [0.5, 1, 2, 0.25][Int(generator.nextUnit() * 4)]
            for x in 0..<width {
                for c in 0..<channels { bytes.pointer[place(line, x, c)] = UInt8(generator.nextUnit() * 255.99) }
            }
        }
    }

    func place(_ line: Int, _ x: Int, _ c: Int) -> Int { ((line * (width + 2 * border)) + border + x) * channels + c }

    func value(_ line: Int, _ x: Int, _ c: Int) -> Double {
        Double(scales.pointer[line]) * Double(bytes.pointer[place(line, x, c)])
    }

    var form: cpu_pictures {
        let line = (width + 2 * border) * channels
        return cpu_pictures(
            values: bytes.pointer + border * channels, scale: scales.pointer, type: Int32(CPU_U8),
            height: Int64(height), picture: Int64(height * line), line: Int64(line), border: Int64(border))
    }
}

private func floats(_ room: UnsafeMutableRawPointer, _ type: Int, height: Int, width: Int, channels: Int)
    -> cpu_pictures
{
    cpu_pictures(
        values: room, scale: nil, type: Int32(type), height: Int64(height), picture: Int64(height * width * channels),
        line: Int64(width * channels), border: 0)
}

private func bfloat16(_ bits: UInt16) -> Double { Double(Float(bitPattern: UInt32(bits) << 16)) }

/// A problem's weights as the kernel takes them.
private final class Weights {
    let packed: Room<Int8>
    let scale, bias: Room<Float>
    let sum: Room<Int32>

    init(_ p: Problem, _ kernels: cpu_int8_kernels) {
        let count = p.channels * p.kernel * p.kernel
        let panel = Int(kernels.kernel_panel)
        let padded = (p.n + panel - 1) / panel * panel
        (packed, scale, bias, sum) = (Room(padded * count), Room(padded), Room(padded), Room(padded))
        let strides = [count, p.kernel * p.kernel, p.kernel, 1].map(Int64.init)
        p.weights.withUnsafeBufferPointer {
            kernels.pack_kernel(
                $0.baseAddress, strides, [Int64(p.kernel), Int64(p.kernel)], columns, Int64(p.channels), Int64(p.n), 2)
        }
    }

    var columns: cpu_int8_columns {
        cpu_int8_columns(
            values: packed.pointer, scale: scale.pointer, sum: sum.pointer, bias: UnsafePointer(bias.pointer))
    }
}

private func run(_ job: cpu_int8_convolution, _ kernels: cpu_int8_kernels, threads: Int32) {
    var job = job
    let workspace = (kernels.convolution_workspace(&job, threads) + 63) / 64 * 64
    let room = Room<CChar>(Int(workspace) * Int(threads))
    (job.workspace, job.workspace_stride) = (room.pointer, workspace)
    kernels.convolution(&job, threads)
}

extension cpu_int8_convolution {
    fileprivate init(_ p: Problem, _ a: Lines, _ weights: Weights, out: cpu_pictures) {
        self.init()
        (self.a, self.out, b) = (a.form, out, weights.columns)
        (batch, width) = (Int64(p.batch), Int64(p.outWidth))
        (channels, n, padding) = (Int64(p.channels), Int64(p.n), Int64(p.padding))
        kernel = (Int64(p.kernel), Int64(p.kernel))
    }
}

@Test("convolutions of bytes give exactly the sums of plain Swift", arguments: sets, problems.indices)
private func int8ConvolutionSums(set: String, index: Int) {
    let kernels = cpu_int8_up_to(set).pointee
    let (p, expected) = (problems[index], expectedSums[index])
    let weights = Weights(p, kernels)
    #expect((0..<p.n).allSatisfy { weights.scale.pointer[$0] == 1 })
    for border in [p.padding, p.padding + 2] {
        let a = p.lines(border: border)
        let values = Room<Float>(expected.count)
        let out = floats(values.pointer, CPU_F32, height: p.outHeight, width: p.outWidth, channels: p.n)
        for threads in 1...3 {
            run(cpu_int8_convolution(p, a, weights, out: out), kernels, threads: Int32(threads))
            let wrong = expected.indices.count { Double(values.pointer[$0]) != expected[$0] }
            #expect(wrong == 0, "\(set) \(p) border \(border) threads \(threads)")
        }
    }
}

/// What a convolution adds before it rectifies.
private enum Residual: CaseIterable { case none, bytes, bfloat16, float32 }

@Test(
    "a convolution's bias, residual and ReLU become bytes within half a step of their line, beside zeros",
    arguments: sets, Residual.allCases)
private func int8ConvolutionResults(set: String, residual: Residual) {
    let kernels = cpu_int8_up_to(set).pointee
    for (p, sums) in zip(problems, expectedSums) {
        let a = p.lines(border: p.padding)
        let weights = Weights(p, kernels)
        var generator = SeededGenerator(seed: 2)
        for c in 0..<p.n {
            weights.scale.pointer[c] = Float(generator.nextUnit() * 0.01)
            weights.bias.pointer[c] = Float(generator.nextNormal() * 100)
        }
        let count = p.batch * p.outHeight * p.outWidth * p.n
        let lines = Lines(
            batch: p.batch, height: p.outHeight, width: p.outWidth, channels: p.n, border: 2, seed: 9)
        let (wide, narrow) = (Room<Float>(count), Room<UInt16>(count))
        for index in 0..<count {
            wide.pointer[index] = Float(generator.nextNormal() * 200)
            narrow.pointer[index] = UInt16(wide.pointer[index].bitPattern >> 16)
        }
        // Bytes beyond the zeros are left alone.
        let out = Lines(batch: p.batch, height: p.outHeight, width: p.outWidth, channels: p.n, border: 1)
        for index in 0..<p.batch * p.outHeight * (p.outWidth + 2) * p.n { out.bytes.pointer[index] = 77 }
        var job = cpu_int8_convolution(p, a, weights, out: out.form)
        job.is_relu = true
        func place(_ line: Int, _ x: Int, _ c: Int) -> Int { (line * p.outWidth + x) * p.n + c }
        let added: (Int, Int, Int) -> Double
        switch residual {
        case .none: added = { _, _, _ in 0 }
        case .bytes:
            job.residual = lines.form
            added = { lines.value($0, $1, $2) }
        case .bfloat16:
            job.residual = floats(narrow.pointer, CPU_BF16, height: p.outHeight, width: p.outWidth, channels: p.n)
            added = { bfloat16(narrow.pointer[place($0, $1, $2)]) }
        case .float32:
            job.residual = floats(wide.pointer, CPU_F32, height: p.outHeight, width: p.outWidth, channels: p.n)
            added = { Double(wide.pointer[place($0, $1, $2)]) }
        }
        run(job, kernels, threads: 2)
        for line in 0..<p.batch * p.outHeight {
            var expected: [Double] = []
            for x in 0..<p.outWidth {
                for c in 0..<p.n {
                    let weight = Double(weights.scale.pointer[c])
                    let value = sums[place(line, x, c)] * weight + Double(weights.bias.pointer[c])
                    expected.append(max(0, value + added(line, x, c)))
                }
            }
            let scale = Double(out.scales.pointer[line])
            #expect(abs(scale * 255 - (expected.max() ?? 0)) <= 1e-4 * scale * 255)
            let errors = expected.indices.map { abs(out.value(line, $0 / p.n, $0 % p.n) - expected[$0]) }
            #expect((errors.max() ?? 0) <= 0.502 * scale, "\(set) \(p) line \(line)")
            for c in 0..<p.n {
                #expect(out.bytes.pointer[out.place(line, -1, c)] == 0)
                #expect(out.bytes.pointer[out.place(line, p.outWidth, c)] == 0)
            }
        }
    }
}

@Test("a line with no number gives none in the lines that read it, and only there", arguments: sets)
func int8ConvolutionNaN(set: String) {
    let kernels = cpu_int8_up_to(set).pointee
    let p = Problem(batch: 2, height: 7, width: 9, channels: 4, n: 40, kernel: 3, padding: 1)
    let a = Lines(batch: 2, height: 7, width: 9, channels: 4, border: 1, seed: 4)
    a.scales.pointer[4] = .nan
    let weights = Weights(p, kernels)
    let out = Lines(batch: 2, height: 7, width: 9, channels: 40, border: 0)
    var job = cpu_int8_convolution(p, a, weights, out: out.form)
    job.is_relu = true
    run(job, kernels, threads: 1)
    for line in 0..<14 { #expect(out.scales.pointer[line].isNaN == (3...5).contains(line), "\(set) \(line)") }
}

@Test("pools give the means of plain Swift, of bytes and of floats, in bytes and in floats", arguments: sets)
func int8Pools(set: String) {
    let kernels = cpu_int8_up_to(set).pointee
    for (kernel, stride, channels) in [(1, 1, 5), (2, 2, 36), (2, 1, 4), (3, 2, 8)] {
        let (batch, height, width) = (2, 6, 15)
        let (rows, columns) = ((height - kernel) / stride + 1, (width - kernel) / stride + 1)
        let x = Lines(batch: batch, height: height, width: width, channels: channels, border: 1, seed: 6)
        let count = batch * height * width * channels
        let (wide, narrow) = (Room<Float>(count), Room<UInt16>(count))
        func place(_ line: Int, _ column: Int, _ c: Int) -> Int { (line * width + column) * channels + c }
        for index in 0..<count {
            let (line, column) = (index / channels / width, index / channels % width)
            wide.pointer[index] = Float(x.value(line, column, index % channels))
            narrow.pointer[index] = UInt16(wide.pointer[index].bitPattern >> 16)
        }
        let sources = [
            x.form, floats(wide.pointer, CPU_F32, height: height, width: width, channels: channels),
            floats(narrow.pointer, CPU_BF16, height: height, width: width, channels: channels),
        ]
        let lines = Lines(batch: batch, height: rows, width: columns, channels: channels, border: 1)
        let size = batch * rows * columns * channels
        let (wideOut, narrowOut) = (Room<Float>(size), Room<UInt16>(size))
        let targets = [
            lines.form, floats(wideOut.pointer, CPU_F32, height: rows, width: columns, channels: channels),
            floats(narrowOut.pointer, CPU_BF16, height: rows, width: columns, channels: channels),
        ]
        for (source, target) in sources.flatMap({ source in targets.map { (source, $0) } }) {
            var job = cpu_int8_pool()
            (job.x, job.out, job.batch, job.width) = (source, target, Int64(batch), Int64(columns))
            (job.channels, job.kernel, job.stride) = (Int64(channels), Int64(kernel), Int64(stride))
            let workspace = kernels.pool_workspace(&job)
            let room = Room<CChar>(Int(workspace) * 2)
            (job.workspace, job.workspace_stride) = (room.pointer, workspace)
            kernels.pool(&job, 2)
            for index in 0..<size {
                let (c, column, line) = (index % channels, index / channels % columns, index / channels / columns)
                var mean = 0.0
                for ky in 0..<kernel {
                    for kx in 0..<kernel {
                        let y = line / rows * height + line % rows * stride + ky
                        let at = place(y, column * stride + kx, c)
                        let isNarrow = source.type == Int32(CPU_BF16)
                        mean += isNarrow ? bfloat16(narrow.pointer[at]) : Double(wide.pointer[at])
                    }
                }
                mean /= Double(kernel * kernel)
                switch Int(target.type) {
                case CPU_U8:
                    let step = Double(lines.scales.pointer[line])
                    #expect(abs(lines.value(line, column, c) - mean) <= 0.502 * step)
                case CPU_BF16: #expect(abs(bfloat16(narrowOut.pointer[index]) - mean) <= mean / 256)
                default: #expect(abs(Double(wideOut.pointer[index]) - mean) <= 1e-5 * mean)
                }
            }
        }
    }
}
