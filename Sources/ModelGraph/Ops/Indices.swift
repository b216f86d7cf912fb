/// Positions of a strided view in row-major order: how the reference evaluation reads broadcasts, transposes, slices.
func viewIndices(_ shape: Shape, strides: [Int], offset: Int = 0) -> [Int] {
    var indices = [offset]
    for (extent, stride) in zip(shape.dimensions, strides) {
        if extent == 1 { continue }
        indices = indices.flatMap { base in (0..<extent).map { base + $0 * stride } }
    }
    return indices
}

/// Strides that read `shape` as if it were broadcast to `target`: 0 along repeated dimensions.
func broadcastStrides(_ shape: Shape, to target: Shape) -> [Int] {
    let padding = target.rank - shape.rank
    let strides = shape.strides
    return target.dimensions.indices.map { axis in
        axis < padding || shape[axis - padding] == 1 ? 0 : strides[axis - padding]
    }
}

extension ReferenceTensor {
    /// The values as if broadcast to `target`.
    func broadcast(to target: Shape) -> [Double] {
        if target == shape { return values }
        return viewIndices(target, strides: broadcastStrides(shape, to: target)).map { values[$0] }
    }

    /// Rows along the last dimension.
    var rows: [ArraySlice<Double>] {
        let width = shape.dimensions.last ?? 1
        return stride(from: 0, to: values.count, by: width).map { values[$0..<$0 + width] }
    }
}

extension Tensor {
    func located(_ op: Op, _ others: [Tensor], _ file: String, _ line: Int) -> Tensor {
        builder.apply(op, [self] + others, SourceLocation(fileID: file, line: line))
    }
}
