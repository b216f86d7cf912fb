/// Two-dimensional cross-correlation, as deep learning calls convolution.
/// `input [batch, in, height, width], weight [out, in, kernel, kernel] -> [batch, out, height', width']`, where
/// `height' = (height + 2 padding - kernel) / stride + 1`, rounded down. `result` is the element type returned.
public struct Convolution: OpDefinition {
    public var stride: Int
    public var padding: Int
    public var result: DType?

    public var name: String { "convolution" }
    public var attributes: String { "stride=\(stride) padding=\(padding)" }

    public func resultType(of inputs: [TensorType]) throws(OpFault) -> TensorType {
        try expectCount(inputs, 2)
        try expectSameDType(inputs)
        try expectFloat(inputs[0])
        let (x, w) = (inputs[0].shape, inputs[1].shape)
        guard x.rank == 4, w.rank == 4 else {
            throw OpFault("needs input [batch, in, height, width] and weight [out, in, kernel, kernel]")
        }
        guard x[1] == w[1] else { throw OpFault("input has \(x[1]) channels, weight takes \(w[1])") }
        guard stride >= 1, padding >= 0 else { throw OpFault("stride must be positive, padding not negative") }
        let height = windowCount(x[2], kernel: w[2], stride: stride, padding: padding)
        let width = windowCount(x[3], kernel: w[3], stride: stride, padding: padding)
        guard height >= 1, width >= 1 else { throw OpFault("the kernel does not fit in the padded input") }
        return TensorType(result ?? inputs[0].dtype, [x[0], w[0], height, width])
    }

    public func evaluate(_ inputs: [ReferenceTensor], result: TensorType) throws(OpFault) -> [Double] {
        var values = [Double](repeating: 0, count: result.shape.count)
        let (x, w) = (inputs[0].values, inputs[1].values)
        forEachProduct(inputs[0].shape, inputs[1].shape, result.shape, stride, padding) { i, k, o in
            values[o] += x[i] * w[k]
        }
        return values
    }

    public func gradient(_ context: GradientContext) -> [Tensor?] {
        let (x, w) = (context.inputs[0], context.inputs[1])
        let dy = context.upstream.cast(to: x.dtype)
        let toInput = ConvolutionInputGradient(stride: stride, padding: padding, shape: x.shape)
        let toWeight = ConvolutionWeightGradient(stride: stride, padding: padding, shape: w.shape)
        return [
            dy.apply(.convolutionInputGradient(toInput), w), dy.apply(.convolutionWeightGradient(toWeight), x),
        ]
    }
}

/// Gradient of a convolution with respect to its input. Inputs: upstream, weight.
public struct ConvolutionInputGradient: OpDefinition {
    public var stride: Int
    public var padding: Int
    /// Shape of the convolution's input.
    public var shape: Shape

    public var name: String { "convolutionInputGradient" }
    public var attributes: String { "stride=\(stride) padding=\(padding)" }

    public func resultType(of inputs: [TensorType]) throws(OpFault) -> TensorType {
        try expectCount(inputs, 2)
        let forward = Convolution(stride: stride, padding: padding)
        let type = TensorType(inputs[0].dtype, shape)
        try expectUpstream(inputs[0], of: forward.resultType(of: [type, inputs[1]]))
        return type
    }

    public func evaluate(_ inputs: [ReferenceTensor], result: TensorType) throws(OpFault) -> [Double] {
        var values = [Double](repeating: 0, count: result.shape.count)
        let (dy, w) = (inputs[0].values, inputs[1].values)
        forEachProduct(shape, inputs[1].shape, inputs[0].shape, stride, padding) { i, k, o in
            values[i] += dy[o] * w[k]
        }
        return values
    }

    public func gradient(_ context: GradientContext) -> [Tensor?] {
        let (dy, w, up) = (context.inputs[0], context.inputs[1], context.upstream)
        let toWeight = ConvolutionWeightGradient(stride: stride, padding: padding, shape: w.shape)
        return [
            up.convolution(w, stride: stride, padding: padding), dy.apply(.convolutionWeightGradient(toWeight), up),
        ]
    }
}

/// Gradient of a convolution with respect to its weight. Inputs: upstream, the convolution's input.
public struct ConvolutionWeightGradient: OpDefinition {
    public var stride: Int
    public var padding: Int
    /// Shape of the convolution's weight.
    public var shape: Shape

    public var name: String { "convolutionWeightGradient" }
    public var attributes: String { "stride=\(stride) padding=\(padding)" }

    public func resultType(of inputs: [TensorType]) throws(OpFault) -> TensorType {
        try expectCount(inputs, 2)
        let forward = Convolution(stride: stride, padding: padding)
        let type = TensorType(inputs[0].dtype, shape)
        try expectUpstream(inputs[0], of: forward.resultType(of: [inputs[1], type]))
        return type
    }

    public func evaluate(_ inputs: [ReferenceTensor], result: TensorType) throws(OpFault) -> [Double] {
        var values = [Double](repeating: 0, count: result.shape.count)
        let (dy, x) = (inputs[0].values, inputs[1].values)
        forEachProduct(inputs[1].shape, shape, inputs[0].shape, stride, padding) { i, k, o in
            values[k] += dy[o] * x[i]
        }
        return values
    }

    public func gradient(_ context: GradientContext) -> [Tensor?] {
        let (dy, x, up) = (context.inputs[0], context.inputs[1], context.upstream)
        let toInput = ConvolutionInputGradient(stride: stride, padding: padding, shape: x.shape)
        return [
            x.convolution(up, stride: stride, padding: padding), dy.apply(.convolutionInputGradient(toInput), up),
        ]
    }
}

/// How many windows fit; 0 where none does, or where the padded extent is beyond what an Int holds.
func windowCount(_ extent: Int, kernel: Int, stride: Int, padding: Int) -> Int {
    let (border, overflow) = padding.multipliedReportingOverflow(by: 2)
    let (padded, tooLarge) = extent.addingReportingOverflow(border)
    guard !overflow, !tooLarge, kernel >= 1, padded >= kernel else { return 0 }
    return (padded - kernel) / stride + 1
}

private func expectUpstream(_ upstream: TensorType, of forward: TensorType) throws(OpFault) {
    guard upstream.shape == forward.shape else {
        throw OpFault("the upstream gradient is \(upstream.shape), the convolution gives \(forward.shape)")
    }
}

/// Calls `body` with the positions in input, weight and output of every product that a convolution adds up.
private func forEachProduct(
    _ input: Shape, _ weight: Shape, _ output: Shape, _ stride: Int, _ padding: Int, _ body: (Int, Int, Int) -> Void
) {
    for image in 0..<output[0] {
        for (out, row, column) in product(output[1], output[2], output[3]) {
            let o = ((image * output[1] + out) * output[2] + row) * output[3] + column
            for (channel, ky, kx) in product(weight[1], weight[2], weight[3]) {
                let (y, x) = (row * stride + ky - padding, column * stride + kx - padding)
                guard 0 <= y, y < input[2], 0 <= x, x < input[3] else { continue }
                let i = ((image * input[1] + channel) * input[2] + y) * input[3] + x
                body(i, ((out * weight[1] + channel) * weight[2] + ky) * weight[3] + kx, o)
            }
        }
    }
}

private func product(_ a: Int, _ b: Int, _ c: Int) -> some Sequence<(Int, Int, Int)> {
    (0..<a * b * c).lazy.map { ($0 / (b * c), $0 / c % b, $0 % c) }
}

extension Tensor {
    /// `[batch, in, height, width]` with weight `[out, in, kernel, kernel]` -> `[batch, out, height', width']`
    public func convolution(
        _ weight: Tensor, stride: Int = 1, padding: Int = 0, file: String = #fileID, line: Int = #line
    ) -> Tensor {
        located(.convolution(Convolution(stride: stride, padding: padding)), [weight], file, line)
    }
}
