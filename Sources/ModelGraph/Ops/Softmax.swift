/// `exp(x - max) / sum(exp(x - max))` over the last axis.
public struct Softmax: OpDefinition {
    public var name: String { "softmax" }

    public func resultType(of inputs: [TensorType]) throws(OpFault) -> TensorType {
        try expectCount(inputs, 1)
        try expectFloat(inputs[0])
        guard inputs[0].shape.rank >= 1 else { throw OpFault("needs an axis") }
        return inputs[0]
    }

    public func evaluate(_ inputs: [ReferenceTensor], result: TensorType) throws(OpFault) -> [Double] {
        inputs[0].rows.flatMap(softmax)
    }

    public func gradient(_ context: GradientContext) -> [Tensor?] {
        [context.output.apply(.softmaxGradient(SoftmaxGradient()), context.upstream)]
    }

    public func decompose(_ inputs: [Tensor]) -> Tensor? {
        let exponentials = (inputs[0] - inputs[0].maximum(axes: [-1], keepDimensions: true)).exp()
        return exponentials / exponentials.sum(axes: [-1], keepDimensions: true)
    }
}

/// `y (dy - sum(y dy))` over the last axis. Inputs: the softmax `y`, upstream `dy`.
public struct SoftmaxGradient: OpDefinition {
    public var name: String { "softmaxGradient" }

    public func resultType(of inputs: [TensorType]) throws(OpFault) -> TensorType {
        try expectCount(inputs, 2)
        try expectSameDType(inputs)
        try expectFloat(inputs[0])
        guard inputs[0].shape == inputs[1].shape, inputs[0].shape.rank >= 1 else { throw OpFault("shapes differ") }
        return inputs[0]
    }

    public func evaluate(_ inputs: [ReferenceTensor], result: TensorType) throws(OpFault) -> [Double] {
        zip(inputs[0].rows, inputs[1].rows).flatMap { y, dy in
            let inner = zip(y, dy).reduce(0) { $0 + $1.0 * $1.1 }
            return zip(y, dy).map { $0 * ($1 - inner) }
        }
    }

    public func gradient(_ context: GradientContext) -> [Tensor?] { context.throughDecomposition(self) }

    public func decompose(_ inputs: [Tensor]) -> Tensor? {
        let (y, dy) = (inputs[0], inputs[1])
        return y * (dy - (y * dy).sum(axes: [-1], keepDimensions: true))
    }
}

/// `-log softmax(logits)[label]` of each row: `logits [rows, classes], labels [rows] -> [rows]`.
public struct SoftmaxCrossEntropy: OpDefinition {
    public var name: String { "softmaxCrossEntropy" }

    public func resultType(of inputs: [TensorType]) throws(OpFault) -> TensorType {
        try expectCount(inputs, 2)
        try expectFloat(inputs[0])
        try expectInteger(inputs[1], "labels")
        guard inputs[0].shape.rank == 2, inputs[1].shape == [inputs[0].shape[0]] else {
            throw OpFault("needs logits [rows, classes] and labels [rows]")
        }
        return TensorType(inputs[0].dtype, inputs[1].shape)
    }

    public func evaluate(_ inputs: [ReferenceTensor], result: TensorType) throws(OpFault) -> [Double] {
        var losses: [Double] = []
        for (row, label) in zip(inputs[0].rows, inputs[1].values) {
            let target = try ModelGraph.row(label, of: row.count, "label")
            let top = row.max() ?? 0
            losses.append(naturalLog(row.reduce(0) { $0 + exponential($1 - top) }) + top - row[row.startIndex + target])
        }
        return losses
    }

    public func gradient(_ context: GradientContext) -> [Tensor?] {
        let (logits, labels) = (context.inputs[0], context.inputs[1])
        let target = labels.oneHot(depth: logits.dimension(1), dtype: logits.dtype)
        return [(logits.softmax() - target) * context.upstream.reshaped(to: [labels.dimension(0), 1]), nil]
    }

    public func decompose(_ inputs: [Tensor]) -> Tensor? {
        let (logits, labels) = (inputs[0], inputs[1])
        let top = logits.maximum(axes: [1], keepDimensions: true)
        let logSum = (logits - top).exp().sum(axes: [1]).log() + top.reshaped(to: labels.shape)
        let target = labels.oneHot(depth: logits.dimension(1), dtype: logits.dtype)
        // Selected, not multiplied: a masked logit is -inf, and 0 times that is NaN.
        let zero = logits.builder.constant(0, dtype: logits.dtype)
        return logSum - target.select(logits, zero).sum(axes: [1])
    }
}

func softmax(_ row: some Collection<Double>) -> [Double] {
    let top = row.max() ?? 0
    let exponentials = row.map { exponential($0 - top) }
    let total = exponentials.reduce(0, +)
    return exponentials.map { $0 / total }
}

extension GradientContext {
    /// The gradient of a composite that has no rule of its own: that of its decomposition.
    public func throughDecomposition(_ definition: some OpDefinition) -> [Tensor?] {
        let builder = output.builder
        let first = builder.nodes.count
        guard let simpler = definition.decompose(inputs) else { return inputs.map { _ in nil } }
        // A tensor that is several operands at once gets the sum over all of them, once.
        let distinct = inputs.indices.filter { index in !inputs[..<index].contains { $0.id == inputs[index].id } }
        let gradients = simpler.backpropagating(upstream, to: distinct.map { inputs[$0] }, through: first)
        var result = [Tensor?](repeating: nil, count: inputs.count)
        for (index, gradient) in zip(distinct, gradients) { result[index] = gradient }
        return result
    }
}

extension Tensor {
    /// Softmax over the last axis.
    public func softmax(file: String = #fileID, line: Int = #line) -> Tensor {
        located(.softmax(Softmax()), [], file, line)
    }

    /// Cross-entropy of each row of these logits `[rows, classes]` with integer `labels [rows]` -> `[rows]`.
    public func softmaxCrossEntropy(labels: Tensor, file: String = #fileID, line: Int = #line) -> Tensor {
        located(.softmaxCrossEntropy(SoftmaxCrossEntropy()), [labels], file, line)
    }
}
