/// Mean over square windows that do not overlap the border: `[batch, channels, height, width]`, where
/// `height' = (height - kernel) / stride + 1`, rounded down. PyTorch's AvgPool2d without padding.
public struct AveragePool: OpDefinition {
    public var kernel: Int
    public var stride: Int

    public var name: String { "averagePool" }
    public var attributes: String { "kernel=\(kernel) stride=\(stride)" }

    public func resultType(of inputs: [TensorType]) throws(OpFault) -> TensorType {
        try expectCount(inputs, 1)
        try expectFloat(inputs[0])
        let x = inputs[0].shape
        guard x.rank == 4 else { throw OpFault("needs [batch, channels, height, width]") }
        guard kernel >= 1, stride >= 1 else { throw OpFault("kernel and stride must be positive") }
        let height = windowCount(x[2], kernel: kernel, stride: stride, padding: 0)
        let width = windowCount(x[3], kernel: kernel, stride: stride, padding: 0)
        guard height >= 1, width >= 1 else { throw OpFault("the kernel is larger than the input") }
        return TensorType(inputs[0].dtype, [x[0], x[1], height, width])
    }

    public func evaluate(_ inputs: [ReferenceTensor], result: TensorType) throws(OpFault) -> [Double] {
        var values = [Double](repeating: 0, count: result.shape.count)
        forEachPooled(inputs[0].shape, result.shape) { i, o in values[o] += inputs[0].values[i] }
        return values.map { $0 / Double(kernel * kernel) }
    }

    public func gradient(_ context: GradientContext) -> [Tensor?] {
        let op = AveragePoolGradient(kernel: kernel, stride: stride, shape: context.inputs[0].shape)
        return [context.upstream.apply(.averagePoolGradient(op))]
    }

    func forEachPooled(_ input: Shape, _ output: Shape, _ body: (Int, Int) -> Void) {
        for plane in 0..<output[0] * output[1] {
            for row in 0..<output[2] * kernel {
                for column in 0..<output[3] * kernel {
                    let (oy, ky, ox, kx) = (row / kernel, row % kernel, column / kernel, column % kernel)
                    let i = (plane * input[2] + oy * stride + ky) * input[3] + ox * stride + kx
                    body(i, (plane * output[2] + oy) * output[3] + ox)
                }
            }
        }
    }
}

/// Gradient of average pooling with respect to its input. Input: upstream.
public struct AveragePoolGradient: OpDefinition {
    public var kernel: Int
    public var stride: Int
    /// Shape of the pool's input.
    public var shape: Shape

    private var forward: AveragePool { AveragePool(kernel: kernel, stride: stride) }

    public var name: String { "averagePoolGradient" }
    public var attributes: String { "kernel=\(kernel) stride=\(stride)" }

    public func resultType(of inputs: [TensorType]) throws(OpFault) -> TensorType {
        try expectCount(inputs, 1)
        let type = TensorType(inputs[0].dtype, shape)
        let pooled = try forward.resultType(of: [type])
        guard inputs[0].shape == pooled.shape else {
            throw OpFault("the upstream gradient is \(inputs[0].shape), the pool gives \(pooled.shape)")
        }
        return type
    }

    public func evaluate(_ inputs: [ReferenceTensor], result: TensorType) throws(OpFault) -> [Double] {
        var values = [Double](repeating: 0, count: shape.count)
        forward.forEachPooled(shape, inputs[0].shape) { i, o in
            values[i] += inputs[0].values[o] / Double(kernel * kernel)
        }
        return values
    }

    public func gradient(_ context: GradientContext) -> [Tensor?] {
        [context.upstream.averagePool(kernel: kernel, stride: stride)]
    }
}

extension Tensor {
    /// `[batch, channels, height, width]`; the stride is the kernel unless given.
    public func averagePool(
        kernel: Int, stride: Int? = nil, file: String = #fileID, line: Int = #line
    ) -> Tensor {
        located(.averagePool(AveragePool(kernel: kernel, stride: stride ?? kernel)), [], file, line)
    }
}
