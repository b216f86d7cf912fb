/// Rows of a table: `table [rows, ...], indices [...] -> indices.shape + [...]`. An index outside is an error when run.
public struct Gather: OpDefinition {
    public var name: String { "gather" }

    public func resultType(of inputs: [TensorType]) throws(OpFault) -> TensorType {
        try expectCount(inputs, 2)
        try expectInteger(inputs[1], "indices")
        guard inputs[0].shape.rank >= 1 else { throw OpFault("the table needs an axis") }
        return TensorType(
            inputs[0].dtype, Shape(inputs[1].shape.dimensions + inputs[0].shape.dimensions.dropFirst()))
    }

    public func evaluate(_ inputs: [ReferenceTensor], result: TensorType) throws(OpFault) -> [Double] {
        let width = inputs[0].values.count / inputs[0].shape[0]
        var values: [Double] = []
        for index in inputs[1].values {
            let row = try row(index, of: inputs[0].shape[0])
            values += inputs[0].values[row * width..<(row + 1) * width]
        }
        return values
    }

    public func gradient(_ context: GradientContext) -> [Tensor?] {
        let table = context.inputs[0]
        let indices = context.inputs[1]
        let width = table.shape.count / table.shape[0]
        let rows = context.upstream.reshaped(to: [indices.shape.count, width])
        let scattered = rows.scatterAdd(
            at: indices.reshaped(to: [indices.shape.count]), rows: table.shape[0])
        return [scattered.reshaped(to: table.shape), nil]
    }
}

/// The adjoint of gathering: `values [n, width], indices [n] -> [rows, width]`; rows named twice add up.
public struct ScatterAdd: OpDefinition {
    public var rows: Int

    public var name: String { "scatterAdd" }
    public var attributes: String { "rows=\(rows)" }

    public func resultType(of inputs: [TensorType]) throws(OpFault) -> TensorType {
        try expectCount(inputs, 2)
        try expectFloat(inputs[0])
        try expectInteger(inputs[1], "indices")
        guard inputs[0].shape.rank == 2, inputs[1].shape == [inputs[0].shape[0]] else {
            throw OpFault("needs values [n, width] and indices [n]")
        }
        return TensorType(inputs[0].dtype, [rows, inputs[0].shape[1]])
    }

    public func evaluate(_ inputs: [ReferenceTensor], result: TensorType) throws(OpFault) -> [Double] {
        let width = inputs[0].shape[1]
        var values = [Double](repeating: 0, count: result.shape.count)
        for (source, index) in inputs[1].values.enumerated() {
            let row = try row(index, of: rows)
            for column in 0..<width { values[row * width + column] += inputs[0].values[source * width + column] }
        }
        return values
    }

    public func gradient(_ context: GradientContext) -> [Tensor?] {
        [context.upstream.gather(context.inputs[1]), nil]
    }
}

/// Position of the first maximum along an axis, as int32; the axis goes away.
public struct ArgMax: OpDefinition {
    public var axis: Int

    public var name: String { "argMax" }
    public var attributes: String { "axis=\(axis)" }

    public func resultType(of inputs: [TensorType]) throws(OpFault) -> TensorType {
        try expectCount(inputs, 1)
        try expectAxis(axis, rank: inputs[0].shape.rank)
        var shape = inputs[0].shape
        shape.dimensions.remove(at: axis)
        return TensorType(.int32, shape)
    }

    public func evaluate(_ inputs: [ReferenceTensor], result: TensorType) throws(OpFault) -> [Double] {
        let shape = inputs[0].shape
        let inner = shape.strides[axis]
        return (0..<result.shape.count).map { position in
            let base = position / inner * inner * shape[axis] + position % inner
            var best = 0
            for candidate in 1..<max(shape[axis], 1)
            where inputs[0].values[base + candidate * inner] > inputs[0].values[base + best * inner] {
                best = candidate
            }
            return Double(best)
        }
    }

    public func gradient(_ context: GradientContext) -> [Tensor?] { [nil] }
}

/// `indices [...] -> [..., depth]`: 1 at the index, else 0.
public struct OneHot: OpDefinition {
    public var depth: Int
    public var dtype: DType

    public var name: String { "oneHot" }
    public var attributes: String { "depth=\(depth)" }

    public func resultType(of inputs: [TensorType]) throws(OpFault) -> TensorType {
        try expectCount(inputs, 1)
        try expectInteger(inputs[0], "indices")
        return TensorType(dtype, Shape(inputs[0].shape.dimensions + [depth]))
    }

    public func evaluate(_ inputs: [ReferenceTensor], result: TensorType) throws(OpFault) -> [Double] {
        inputs[0].values.flatMap { index in (0..<depth).map { Double($0) == index ? 1 : 0 } }
    }

    public func gradient(_ context: GradientContext) -> [Tensor?] { [nil] }
}

/// `index` as a row number; anything else, NaN and what no Int holds included, is a fault.
func row(_ index: Double, of rows: Int, _ what: String = "index") throws(OpFault) -> Int {
    guard let row = Int(exactly: index), (0..<rows).contains(row) else {
        throw OpFault("\(what) \(index) is outside of 0..<\(rows)")
    }
    return row
}

extension Tensor {
    /// Rows of this table `[rows, ...]` at integer `indices`.
    public func gather(_ indices: Tensor, file: String = #fileID, line: Int = #line) -> Tensor {
        located(.gather(Gather()), [indices], file, line)
    }

    /// Adds these rows `[n, width]` up at `indices [n]` of a table of `rows` rows.
    public func scatterAdd(at indices: Tensor, rows: Int, file: String = #fileID, line: Int = #line) -> Tensor {
        located(.scatterAdd(ScatterAdd(rows: rows)), [indices], file, line)
    }

    /// Position of the first maximum along `axis` (negative counts from the end).
    public func argMax(axis: Int, file: String = #fileID, line: Int = #line) -> Tensor {
        located(.argMax(ArgMax(axis: counted(axis))), [], file, line)
    }

    public func oneHot(
        depth: Int, dtype: DType = .float32, file: String = #fileID, line: Int = #line
    ) -> Tensor { located(.oneHot(OneHot(depth: depth, dtype: dtype)), [], file, line) }

    /// From `[batch, tokens, width]` the token at `positions [batch]` of each row -> `[batch, width]`.
    public func tokens(at positions: Tensor, file: String = #fileID, line: Int = #line) -> Tensor {
        guard rank == 3, positions.shape == [shape[0]], shape[0] * shape[1] <= Int(Int32.max) else {
            builder.record(
                "tokens", [type, positions.type],
                "needs [batch, tokens, width], positions [batch] and int32 to reach all",
                SourceLocation(fileID: file, line: line))
            return self
        }
        let (batch, tokens, width) = (shape[0], shape[1], shape[2])
        let offsets = builder.constant(
            TensorData(TensorType(positions.dtype, [batch]), doubles: (0..<batch).map { Double($0 * tokens) }),
            file: file, line: line)
        return reshaped(to: [batch * tokens, width], file: file, line: line)
            .gather(positions + offsets, file: file, line: line)
    }
}
