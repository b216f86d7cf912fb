package import ModelGraph

/// Under which names, and in which form, a layout's files hold a model's parameters: one table a layout.
package struct KeyMap: Sendable {
    /// One parameter, or one in each block: `*` stands for the block's number.
    package struct Row: Sendable {
        /// The parameter's name in the graph.
        package var parameter: String
        /// The tensors in the file; several are joined along the first axis.
        package var tensors: [String]
        /// How much of the first axis each of them has, in proportion.
        package var shares: [Int]
        /// Whether the file has the matrix the other way round.
        package var isTransposed: Bool

        init(_ parameter: String, _ tensors: String..., shares: [Int]? = nil, transposed: Bool = false) {
            self.parameter = parameter
            self.tensors = tensors
            self.shares = shares ?? tensors.map { _ in 1 }
            isTransposed = transposed
        }
    }

    /// A parameter that no row is for has its own name in the file.
    package var rows: [Row]
    /// What the tensors' names may or may not begin with.
    package var optionalPrefix: String?

    /// Names and forms as the graph has them.
    package static let identity = KeyMap(rows: [])

    init(rows: [Row], optionalPrefix: String? = nil) {
        self.rows = rows
        self.optionalPrefix = optionalPrefix
    }

    /// Where `parameter` is, with `*` filled in.
    func row(for parameter: String) -> Row {
        for row in rows {
            if let number = Self.match(row.parameter, parameter) {
                var filled = row
                filled.tensors = row.tensors.map { Self.fill($0, number) }
                return filled
            }
        }
        return Row(parameter, parameter)
    }

    /// What `*` in `pattern` stands for in `name`; empty where the pattern has none, nil where they differ.
    private static func match(_ pattern: String, _ name: String) -> String? {
        guard let star = pattern.firstIndex(of: "*") else { return pattern == name ? "" : nil }
        let (head, tail) = (pattern[..<star], pattern[pattern.index(after: star)...])
        guard name.utf8.count > head.utf8.count + tail.utf8.count, name.hasPrefix(head), name.hasSuffix(tail) else {
            return nil
        }
        let number = name.dropFirst(head.count).dropLast(tail.count)
        return number.utf8.allSatisfy { 48...57 ~= $0 } ? String(number) : nil
    }

    private static func fill(_ pattern: String, _ number: String) -> String {
        guard let star = pattern.firstIndex(of: "*") else { return pattern }
        return pattern[..<star] + number + pattern[pattern.index(after: star)...]
    }
}

extension KeyMap {
    /// The tensors that make up a parameter, checked to have the shapes that it needs.
    package func entries(
        _ name: String, _ shape: Shape, in weights: any WeightFile
    ) throws(CheckpointError) -> [WeightEntry] {
        let row = row(for: name)
        var entries: [WeightEntry] = []
        for (tensor, share) in zip(row.tensors, row.shares) {
            let needed = Self.shape(of: shape, share: share, of: row)
            guard let entry = find(tensor, in: weights) else {
                throw CheckpointError(
                    weights.path, tensor: tensor,
                    refusal(of: tensor, in: weights) ?? "is missing; the model needs it with shape \(needed)")
            }
            // Released scales, probes and positions may have further axes of one in front.
            let surplus = max(0, entry.type.shape.rank - needed.rank)
            let (front, rest) = (entry.type.shape.dimensions.prefix(surplus), entry.type.shape.dimensions[surplus...])
            guard front.allSatisfy({ $0 == 1 }), Array(rest) == needed.dimensions else {
                throw CheckpointError(
                    weights.path, tensor: tensor, "has shape \(entry.type.shape), the model needs \(needed)")
            }
            if let first = entries.first, first.type.dtype != entry.type.dtype {
                throw CheckpointError(
                    weights.path, tensor: tensor,
                    "holds \(entry.type.dtype.rawValue), and '\(first.name)', which it is joined with, "
                        + "\(first.type.dtype.rawValue)")
            }
            entries.append(entry)
        }
        return entries
    }

    /// A parameter's values in the element type of the file: the mapped bytes themselves where the file has them in one
    /// piece and the right way round.
    package func values(_ name: String, _ shape: Shape, in weights: any WeightFile) throws(CheckpointError)
        -> TensorData
    {
        let entries = try entries(name, shape, in: weights)
        guard let first = entries.first else { throw CheckpointError(weights.path, tensor: name, "is missing") }
        let type = TensorType(first.type.dtype, shape)
        if row(for: name).isTransposed { return try weights.tensor(first.name).transposedMatrix(type) }
        if entries.count == 1 {
            let tensor = try weights.tensor(first.name)
            return tensor.shape == shape ? tensor : tensor.reshaped(shape) ?? tensor
        }
        var parts: [TensorData] = []
        for entry in entries { parts.append(try weights.tensor(entry.name)) }
        return TensorData.whenRead(type) { [parts] target in
            var offset = 0
            for part in parts {
                part.withUnsafeBytes { bytes in
                    UnsafeMutableRawBufferPointer(rebasing: target[offset..<offset + bytes.count])
                        .copyMemory(from: bytes)
                    offset += bytes.count
                }
                part.releasePages()
            }
        }
    }

    /// What a tensor must be that is `share` of a parameter's first axis.
    private static func shape(of shape: Shape, share: Int, of row: Row) -> Shape {
        if row.isTransposed { return Shape(shape.dimensions.reversed()) }
        guard row.tensors.count > 1, let first = shape.dimensions.first else { return shape }
        return Shape([first / row.shares.reduce(0, +) * share] + shape.dimensions.dropFirst())
    }

    /// Why a tensor that is there cannot be used.
    private func refusal(of name: String, in weights: any WeightFile) -> String? {
        guard let unusable = (weights as? any MappedWeightFile)?.unusable else { return nil }
        let short = optionalPrefix.flatMap { name.hasPrefix($0) ? String(name.dropFirst($0.count)) : nil }
        return unusable[name] ?? short.flatMap { unusable[$0] }
    }

    /// The tensor of this name, or of this name without the prefix that it may lack.
    func find(_ name: String, in weights: any WeightFile) -> WeightEntry? {
        if let entry = weights[name] { return entry }
        guard let optionalPrefix, name.hasPrefix(optionalPrefix) else { return nil }
        return weights[String(name.dropFirst(optionalPrefix.count))]
    }
}

extension TensorData {
    /// A matrix `[n, m]` as `type`, which is `[m, n]` of the same elements.
    func transposedMatrix(_ type: TensorType) -> TensorData {
        guard shape.rank == 2 else { return self }
        let (rows, columns) = (shape[0], shape[1])
        let size = dtype.size
        return TensorData.whenRead(type) { target in
            withUnsafeBytes { source in
                for row in 0..<rows {
                    for column in 0..<columns {
                        let (from, to) = ((row * columns + column) * size, (column * rows + row) * size)
                        for byte in 0..<size { target[to + byte] = source[from + byte] }
                    }
                }
            }
            releasePages()
        }
    }
}
