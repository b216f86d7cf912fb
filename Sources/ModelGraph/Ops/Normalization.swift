/// `(x - mean) / sqrt(variance + epsilon) * scale + bias` over the last axis (Ba et al. 2016). Inputs: x `[...,
/// width]`, scale `[width]`, bias `[width]`. The variance is the biased one.
public struct LayerNorm: OpDefinition {
    public var epsilon: Double

    public var name: String { "layerNorm" }
    public var attributes: String { "epsilon=\(epsilon)" }

    public func resultType(of inputs: [TensorType]) throws(OpFault) -> TensorType {
        try expectCount(inputs, 3)
        try expectSameDType(inputs)
        try expectFloat(inputs[0])
        guard let width = inputs[0].shape.dimensions.last, inputs[1].shape == [width], inputs[2].shape == [width] else {
            throw OpFault("scale and bias must be as wide as the last axis of \(inputs[0].shape)")
        }
        return inputs[0]
    }

    public func evaluate(_ inputs: [ReferenceTensor], result: TensorType) throws(OpFault) -> [Double] {
        inputs[0].rows.flatMap { row in
            let (normalized, _) = standardize(row, epsilon)
            return normalized.indices.map { normalized[$0] * inputs[1].values[$0] + inputs[2].values[$0] }
        }
    }

    public func gradient(_ context: GradientContext) -> [Tensor?] {
        let (x, scale, dy) = (context.inputs[0], context.inputs[1], context.upstream)
        let normalized = x.layerNorm(
            scale: scale.builder.constant(1, dtype: x.dtype).broadcast(to: scale.shape),
            bias: scale.builder.constant(0, dtype: x.dtype).broadcast(to: scale.shape), epsilon: epsilon)
        return [
            x.apply(.layerNormGradient(LayerNormGradient(epsilon: epsilon)), scale, dy),
            (dy * normalized).sum(to: scale.shape), dy.sum(to: scale.shape),
        ]
    }

    public func decompose(_ inputs: [Tensor]) -> Tensor? {
        inputs[0].standardized(epsilon: epsilon).normalized * inputs[1] + inputs[2]
    }
}

/// Gradient of layer norm with respect to its input. Inputs: x, scale, upstream.
public struct LayerNormGradient: OpDefinition {
    public var epsilon: Double

    public var name: String { "layerNormGradient" }
    public var attributes: String { "epsilon=\(epsilon)" }

    public func resultType(of inputs: [TensorType]) throws(OpFault) -> TensorType {
        try expectCount(inputs, 3)
        try expectSameDType(inputs)
        try expectFloat(inputs[0])
        guard inputs[0] == inputs[2], let width = inputs[0].shape.dimensions.last, inputs[1].shape == [width] else {
            throw OpFault("needs x [..., width], scale [width] and an upstream gradient shaped like x")
        }
        return inputs[0]
    }

    public func evaluate(_ inputs: [ReferenceTensor], result: TensorType) throws(OpFault) -> [Double] {
        zip(inputs[0].rows, inputs[2].rows).flatMap { row, upstream in
            let (normalized, inverse) = standardize(row, epsilon)
            let scaled = zip(upstream, inputs[1].values).map { $0 * $1 }
            let mean = scaled.reduce(0, +) / Double(row.count)
            let projection = zip(scaled, normalized).reduce(0) { $0 + $1.0 * $1.1 } / Double(row.count)
            return zip(scaled, normalized).map { ($0 - mean - $1 * projection) * inverse }
        }
    }

    public func gradient(_ context: GradientContext) -> [Tensor?] { context.throughDecomposition(self) }

    public func decompose(_ inputs: [Tensor]) -> Tensor? {
        let (normalized, inverse) = inputs[0].standardized(epsilon: epsilon)
        let scaled = inputs[2] * inputs[1]
        let projection = (scaled * normalized).mean(axes: [-1], keepDimensions: true)
        return (scaled - scaled.mean(axes: [-1], keepDimensions: true) - normalized * projection) * inverse
    }
}

/// `(x - mean) / sqrt(variance + epsilon) * scale + bias` for each channel of `[batch, channels, height, width]` (Ioffe
/// and Szegedy 2015). Inputs: x, scale, bias, mean, variance, the last four `[channels]`: running statistics when
/// embedding, the batch's own when training (`Tensor.batchMoments`).
public struct BatchNorm: OpDefinition {
    public var epsilon: Double

    public var name: String { "batchNorm" }
    public var attributes: String { "epsilon=\(epsilon)" }

    public func resultType(of inputs: [TensorType]) throws(OpFault) -> TensorType {
        try expectCount(inputs, 5)
        try expectSameDType(inputs)
        try expectFloat(inputs[0])
        guard inputs[0].shape.rank == 4 else { throw OpFault("needs [batch, channels, height, width]") }
        let channels = inputs[0].shape[1]
        for input in inputs.dropFirst() where input.shape != [channels] {
            throw OpFault("scale, bias, mean and variance must be [\(channels)], got \(input.shape)")
        }
        return inputs[0]
    }

    public func evaluate(_ inputs: [ReferenceTensor], result: TensorType) throws(OpFault) -> [Double] {
        let (channels, plane) = (result.shape[1], result.shape[2] * result.shape[3])
        return inputs[0].values.enumerated().map { index, x in
            let channel = index / plane % channels
            let inverse = 1 / (inputs[4].values[channel] + epsilon).squareRoot()
            return (x - inputs[3].values[channel]) * inverse * inputs[1].values[channel] + inputs[2].values[channel]
        }
    }

    public func gradient(_ context: GradientContext) -> [Tensor?] { context.throughDecomposition(self) }

    public func decompose(_ inputs: [Tensor]) -> Tensor? {
        let channels = inputs[1].dimension(0)
        let perChannel = inputs.dropFirst().map { $0.reshaped(to: [1, channels, 1, 1]) }
        let inverse = (perChannel[3] + epsilon).squareRoot().reciprocal()
        return (inputs[0] - perChannel[2]) * (inverse * perChannel[0]) + perChannel[1]
    }
}

/// `x / max(|x|, epsilon)` over the last axis, as PyTorch's `normalize`.
public struct L2Normalize: OpDefinition {
    public var epsilon: Double

    public var name: String { "l2Normalize" }
    public var attributes: String { "epsilon=\(epsilon)" }

    public func resultType(of inputs: [TensorType]) throws(OpFault) -> TensorType {
        try expectCount(inputs, 1)
        try expectFloat(inputs[0])
        guard inputs[0].shape.rank >= 1 else { throw OpFault("needs an axis") }
        return inputs[0]
    }

    public func evaluate(_ inputs: [ReferenceTensor], result: TensorType) throws(OpFault) -> [Double] {
        inputs[0].rows.flatMap { row in
            let norm = Swift.max(row.reduce(0) { $0 + $1 * $1 }.squareRoot(), epsilon)
            return row.map { $0 / norm }
        }
    }

    public func gradient(_ context: GradientContext) -> [Tensor?] { context.throughDecomposition(self) }

    public func decompose(_ inputs: [Tensor]) -> Tensor? {
        let x = inputs[0]
        let squares = (x * x).sum(axes: [-1], keepDimensions: true)
        let floor = x.builder.constant(epsilon * epsilon, dtype: x.dtype)
        return x / squares.maximum(floor).squareRoot()
    }
}

private func standardize(_ row: ArraySlice<Double>, _ epsilon: Double) -> (normalized: [Double], inverse: Double) {
    let mean = row.reduce(0, +) / Double(row.count)
    let variance = row.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(row.count)
    let inverse = 1 / (variance + epsilon).squareRoot()
    return (row.map { ($0 - mean) * inverse }, inverse)
}

extension Tensor {
    fileprivate func standardized(epsilon: Double) -> (normalized: Tensor, inverse: Tensor) {
        let centered = self - mean(axes: [-1], keepDimensions: true)
        let variance = (centered * centered).mean(axes: [-1], keepDimensions: true)
        let inverse = (variance + epsilon).squareRoot().reciprocal()
        return (centered * inverse, inverse)
    }

    /// Layer norm over the last axis; scale and bias `[width]`.
    public func layerNorm(
        scale: Tensor, bias: Tensor, epsilon: Double = 1e-5, file: String = #fileID, line: Int = #line
    ) -> Tensor { located(.layerNorm(LayerNorm(epsilon: epsilon)), [scale, bias], file, line) }

    /// Batch norm of `[batch, channels, height, width]`; the others `[channels]`.
    public func batchNorm(
        scale: Tensor, bias: Tensor, mean: Tensor, variance: Tensor, epsilon: Double = 1e-5,
        file: String = #fileID, line: Int = #line
    ) -> Tensor { located(.batchNorm(BatchNorm(epsilon: epsilon)), [scale, bias, mean, variance], file, line) }

    /// Mean and biased variance of each channel of `[batch, channels, height, width]`: what batch norm uses in
    /// training.
    public func batchMoments(file: String = #fileID, line: Int = #line) -> (mean: Tensor, variance: Tensor) {
        guard rank == 4 else {
            let location = SourceLocation(fileID: file, line: line)
            builder.record("batchMoments", [type], "needs [batch, channels, height, width]", location)
            return (self, self)
        }
        let mean = mean(axes: [0, 2, 3], keepDimensions: true, file: file, line: line)
        let centered = self - mean
        return (
            mean.reshaped(to: [shape[1]], file: file, line: line),
            (centered * centered).mean(axes: [0, 2, 3], file: file, line: line)
        )
    }

    /// Unit length along the last axis.
    public func l2Normalized(epsilon: Double = 1e-12, file: String = #fileID, line: Int = #line) -> Tensor {
        located(.l2Normalize(L2Normalize(epsilon: epsilon)), [], file, line)
    }
}
