/// Sum or maximum over some axes. A maximum over NaN is NaN; its gradient is shared equally by all that attain it.
public struct Reduce: OpDefinition {
    public enum Kind: String, Hashable, Sendable, CaseIterable { case sum, maximum }

    public var kind: Kind
    /// Counted from 0, ascending.
    public var axes: [Int]
    /// Whether reduced axes stay, with extent 1.
    public var keepsDimensions: Bool

    public var name: String { "reduce" }
    public var attributes: String { "kind=\(kind.rawValue) axes=\(axes) keep=\(keepsDimensions)" }

    public func resultType(of inputs: [TensorType]) throws(OpFault) -> TensorType {
        try expectCount(inputs, 1)
        let shape = inputs[0].shape
        var dimensions: [Int] = []
        for axis in axes { try expectAxis(axis, rank: shape.rank) }
        for (axis, extent) in shape.dimensions.enumerated() {
            if !axes.contains(axis) { dimensions.append(extent) } else if keepsDimensions { dimensions.append(1) }
        }
        return TensorType(inputs[0].dtype, Shape(dimensions))
    }

    private func kept(_ shape: Shape) -> Shape {
        Shape(shape.dimensions.enumerated().map { axes.contains($0.offset) ? 1 : $0.element })
    }

    public func evaluate(_ inputs: [ReferenceTensor], result: TensorType) throws(OpFault) -> [Double] {
        let shape = inputs[0].shape
        let targets = viewIndices(shape, strides: broadcastStrides(kept(shape), to: shape))
        var values = [Double](repeating: kind == .sum ? 0 : -.infinity, count: result.shape.count)
        for (target, value) in zip(targets, inputs[0].values) {
            switch kind {
            case .sum: values[target] += value
            case .maximum where value.isNaN || value > values[target]: values[target] = value
            case .maximum: break
            }
        }
        return values
    }

    public func gradient(_ context: GradientContext) -> [Tensor?] {
        let x = context.inputs[0]
        let upstream = context.upstream.reshaped(to: kept(x.shape)).broadcast(to: x.shape)
        guard kind == .maximum else { return [upstream] }
        let isMaximum = x.equal(to: context.output.reshaped(to: kept(x.shape)))
        return [upstream * isMaximum / isMaximum.sum(axes: axes, keepDimensions: true)]
    }
}

extension Tensor {
    private func reduce(_ kind: Reduce.Kind, _ axes: [Int], _ keep: Bool, _ file: String, _ line: Int) -> Tensor {
        let resolved = Set(axes.map(counted)).sorted()
        return located(.reduce(Reduce(kind: kind, axes: resolved, keepsDimensions: keep)), [], file, line)
    }

    /// Sum over `axes` (negative counts from the end).
    public func sum(
        axes: [Int], keepDimensions: Bool = false, file: String = #fileID, line: Int = #line
    ) -> Tensor { reduce(.sum, axes, keepDimensions, file, line) }

    /// Sum of all elements, a scalar.
    public func sum(file: String = #fileID, line: Int = #line) -> Tensor {
        reduce(.sum, Array(0..<rank), false, file, line)
    }

    public func maximum(
        axes: [Int], keepDimensions: Bool = false, file: String = #fileID, line: Int = #line
    ) -> Tensor { reduce(.maximum, axes, keepDimensions, file, line) }

    public func mean(
        axes: [Int], keepDimensions: Bool = false, file: String = #fileID, line: Int = #line
    ) -> Tensor {
        guard dtype.isFloat else {
            let location = SourceLocation(fileID: file, line: line)
            builder.record("mean", [type], "needs floating-point elements", location)
            return self
        }
        let total = reduce(.sum, axes, keepDimensions, file, line)
        return total * (Double(total.shape.count) / Double(shape.count))
    }

    /// Mean of all elements, a scalar.
    public func mean(file: String = #fileID, line: Int = #line) -> Tensor {
        mean(axes: Array(0..<rank), file: file, line: line)
    }

    /// Undoes a broadcast: sums over what `target` repeats. The gradient of broadcasting.
    func sum(to target: Shape) -> Tensor {
        if shape == target { return self }
        let padding = rank - target.rank
        let axes = (0..<rank).filter { $0 < padding || target[$0 - padding] == 1 && shape[$0] != 1 }
        return sum(axes: axes, keepDimensions: true).reshaped(to: target)
    }
}
