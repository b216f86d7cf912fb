/// The same elements in the same order under another shape.
public struct Reshape: OpDefinition {
    public var shape: Shape

    public var name: String { "reshape" }

    public func resultType(of inputs: [TensorType]) throws(OpFault) -> TensorType {
        try expectCount(inputs, 1)
        guard shape.checkedCount == inputs[0].shape.count else {
            throw OpFault("\(inputs[0].shape) has \(inputs[0].shape.count) elements, \(shape) has another number")
        }
        return TensorType(inputs[0].dtype, shape)
    }

    public func evaluate(_ inputs: [ReferenceTensor], result: TensorType) throws(OpFault) -> [Double] {
        inputs[0].values
    }

    public func gradient(_ context: GradientContext) -> [Tensor?] {
        [context.upstream.reshaped(to: context.inputs[0].shape)]
    }
}

/// Axes in another order: axis `i` of the result is axis `permutation[i]` of the input.
public struct Transpose: OpDefinition {
    public var permutation: [Int]

    public var name: String { "transpose" }
    public var attributes: String { "permutation=\(permutation)" }

    public func resultType(of inputs: [TensorType]) throws(OpFault) -> TensorType {
        try expectCount(inputs, 1)
        guard permutation.sorted() == Array(0..<inputs[0].shape.rank) else {
            throw OpFault("\(permutation) is not a permutation of the axes of \(inputs[0].shape)")
        }
        return TensorType(inputs[0].dtype, Shape(permutation.map { inputs[0].shape[$0] }))
    }

    public func evaluate(_ inputs: [ReferenceTensor], result: TensorType) throws(OpFault) -> [Double] {
        let strides = inputs[0].shape.strides
        return viewIndices(result.shape, strides: permutation.map { strides[$0] }).map { inputs[0].values[$0] }
    }

    public func gradient(_ context: GradientContext) -> [Tensor?] {
        var inverse = permutation
        for (position, axis) in permutation.enumerated() { inverse[axis] = position }
        return [context.upstream.transposed(inverse)]
    }
}

/// Repeats along dimensions of extent 1, and along new leading ones, as NumPy does.
public struct Broadcast: OpDefinition {
    public var shape: Shape

    public var name: String { "broadcast" }

    public func resultType(of inputs: [TensorType]) throws(OpFault) -> TensorType {
        try expectCount(inputs, 1)
        guard inputs[0].shape.broadcast(with: shape) == shape else {
            throw OpFault("\(inputs[0].shape) does not broadcast to \(shape)")
        }
        return TensorType(inputs[0].dtype, shape)
    }

    public func evaluate(_ inputs: [ReferenceTensor], result: TensorType) throws(OpFault) -> [Double] {
        inputs[0].broadcast(to: shape)
    }

    public func gradient(_ context: GradientContext) -> [Tensor?] {
        [context.upstream.sum(to: context.inputs[0].shape)]
    }
}

/// Elements `start ..< end` along one axis.
public struct Slice: OpDefinition {
    public var axis: Int
    public var start: Int
    public var end: Int

    public var name: String { "slice" }
    public var attributes: String { "axis=\(axis) range=\(start)..<\(end)" }

    public func resultType(of inputs: [TensorType]) throws(OpFault) -> TensorType {
        try expectCount(inputs, 1)
        try expectAxis(axis, rank: inputs[0].shape.rank)
        guard 0 <= start, start < end, end <= inputs[0].shape[axis] else {
            throw OpFault("\(start)..<\(end) is not within axis \(axis) of \(inputs[0].shape)")
        }
        var shape = inputs[0].shape
        shape.dimensions[axis] = end - start
        return TensorType(inputs[0].dtype, shape)
    }

    public func evaluate(_ inputs: [ReferenceTensor], result: TensorType) throws(OpFault) -> [Double] {
        let strides = inputs[0].shape.strides
        return viewIndices(result.shape, strides: strides, offset: start * strides[axis]).map { inputs[0].values[$0] }
    }

    public func gradient(_ context: GradientContext) -> [Tensor?] {
        let extent = context.inputs[0].shape[axis]
        return [context.upstream.padded(axis: axis, before: start, after: extent - end)]
    }
}

/// Zeros before and after, along one axis.
public struct Pad: OpDefinition {
    public var axis: Int
    public var before: Int
    public var after: Int

    public var name: String { "pad" }
    public var attributes: String { "axis=\(axis) before=\(before) after=\(after)" }

    public func resultType(of inputs: [TensorType]) throws(OpFault) -> TensorType {
        try expectCount(inputs, 1)
        try expectAxis(axis, rank: inputs[0].shape.rank)
        guard before >= 0, after >= 0 else { throw OpFault("padding cannot be negative") }
        var shape = inputs[0].shape
        shape.dimensions[axis] = try checkedSum(shape[axis], checkedSum(before, after))
        return TensorType(inputs[0].dtype, shape)
    }

    public func evaluate(_ inputs: [ReferenceTensor], result: TensorType) throws(OpFault) -> [Double] {
        var values = [Double](repeating: 0, count: result.shape.count)
        let strides = result.shape.strides
        let targets = viewIndices(inputs[0].shape, strides: strides, offset: before * strides[axis])
        for (target, value) in zip(targets, inputs[0].values) { values[target] = value }
        return values
    }

    public func gradient(_ context: GradientContext) -> [Tensor?] {
        [context.upstream.sliced(axis: axis, before..<before + context.inputs[0].shape[axis])]
    }
}

/// Tensors one after the other along an axis; their other dimensions agree.
public struct Concatenate: OpDefinition {
    public var axis: Int

    public var name: String { "concatenate" }
    public var attributes: String { "axis=\(axis)" }

    public func resultType(of inputs: [TensorType]) throws(OpFault) -> TensorType {
        guard let first = inputs.first else { throw OpFault("needs at least one input") }
        try expectSameDType(inputs)
        try expectAxis(axis, rank: first.shape.rank)
        var shape = first.shape
        for input in inputs.dropFirst() {
            var other = input.shape
            guard other.rank == shape.rank else { throw OpFault("ranks differ") }
            other.dimensions[axis] = shape[axis]
            guard other == shape else {
                throw OpFault("\(first.shape) and \(input.shape) differ outside of axis \(axis)")
            }
            shape.dimensions[axis] = try checkedSum(shape[axis], input.shape[axis])
        }
        return TensorType(first.dtype, shape)
    }

    public func evaluate(_ inputs: [ReferenceTensor], result: TensorType) throws(OpFault) -> [Double] {
        let outer = result.shape.dimensions[..<axis].reduce(1, *)
        return (0..<outer).flatMap { block in
            inputs.flatMap { input in
                let length = input.values.count / outer
                return input.values[block * length..<(block + 1) * length]
            }
        }
    }

    public func gradient(_ context: GradientContext) -> [Tensor?] {
        var start = 0
        return context.inputs.map { input in
            defer { start += input.shape[axis] }
            return context.upstream.sliced(axis: axis, start..<start + input.shape[axis])
        }
    }
}

extension Tensor {
    /// Under another shape of as many elements.
    public func reshaped(to shape: Shape, file: String = #fileID, line: Int = #line) -> Tensor {
        shape == self.shape ? self : located(.reshape(Reshape(shape: shape)), [], file, line)
    }

    /// Axis `i` of the result is axis `permutation[i]` of this.
    public func transposed(_ permutation: [Int], file: String = #fileID, line: Int = #line) -> Tensor {
        permutation == Array(0..<rank)
            ? self : located(.transpose(Transpose(permutation: permutation)), [], file, line)
    }

    /// The last two axes swapped.
    public func transposed(file: String = #fileID, line: Int = #line) -> Tensor {
        var permutation = Array(0..<rank)
        if rank >= 2 { permutation.swapAt(rank - 1, rank - 2) }
        return transposed(permutation, file: file, line: line)
    }

    public func broadcast(to shape: Shape, file: String = #fileID, line: Int = #line) -> Tensor {
        shape == self.shape ? self : located(.broadcast(Broadcast(shape: shape)), [], file, line)
    }

    /// Elements of `range` along `axis` (negative counts from the end).
    public func sliced(axis: Int, _ range: Range<Int>, file: String = #fileID, line: Int = #line) -> Tensor {
        let axis = counted(axis)
        if (0..<rank).contains(axis), range == 0..<shape[axis] { return self }
        return located(.slice(Slice(axis: axis, start: range.lowerBound, end: range.upperBound)), [], file, line)
    }

    /// With zeros before and after, along `axis`.
    public func padded(
        axis: Int, before: Int, after: Int, file: String = #fileID, line: Int = #line
    ) -> Tensor {
        let axis = counted(axis)
        return located(.pad(Pad(axis: axis, before: before, after: after)), [], file, line)
    }

    /// This tensor and then `others`, along `axis`.
    public func concatenated(
        with others: Tensor..., axis: Int, file: String = #fileID, line: Int = #line
    ) -> Tensor {
        let axis = counted(axis)
        return located(.concatenate(Concatenate(axis: axis)), others, file, line)
    }
}
