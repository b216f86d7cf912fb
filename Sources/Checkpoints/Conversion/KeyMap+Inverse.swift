import ModelGraph

/// A tensor of a layout's file, and what of a parameter it is.
struct TensorCut {
    var tensor: String
    var parameter: String
    var shape: Shape
    /// The rows of the parameter; all of them unless several tensors share it.
    var rows: Range<Int>
    var isTransposed: Bool
}

extension KeyMap {
    /// The tensors that hold `parameter` in a file of this layout: what `values` joins again.
    func cuts(_ parameter: String, _ shape: Shape) -> [TensorCut] {
        let row = row(for: parameter)
        guard row.tensors.count > 1, let length = shape.dimensions.first else {
            return row.tensors.map {
                TensorCut(
                    tensor: $0, parameter: parameter,
                    shape: row.isTransposed ? Shape(shape.dimensions.reversed()) : shape,
                    rows: 0..<(shape.dimensions.first ?? 1), isTransposed: row.isTransposed)
            }
        }
        let unit = length / row.shares.reduce(0, +)
        var start = 0
        return zip(row.tensors, row.shares).map { tensor, share in
            let rows = start..<start + share * unit
            start = rows.upperBound
            return TensorCut(
                tensor: tensor, parameter: parameter, shape: Shape([rows.count] + shape.dimensions.dropFirst()),
                rows: rows, isTransposed: false)
        }
    }
}

extension TensorCut {
    /// The tensor's values out of the parameter's.
    func values(of parameter: TensorData) -> TensorData {
        let type = TensorType(parameter.dtype, shape)
        if isTransposed { return parameter.transposedMatrix(type) }
        if shape == parameter.shape { return parameter }
        let rowSize = shape.dimensions.dropFirst().reduce(parameter.dtype.size, *)
        return TensorData(type) { target in
            parameter.withUnsafeBytes {
                target.copyMemory(
                    from: UnsafeRawBufferPointer(
                        rebasing: $0[rows.lowerBound * rowSize..<rows.upperBound * rowSize]))
            }
        }
    }
}
