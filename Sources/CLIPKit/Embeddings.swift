/// Vectors of one space, a row each.
public struct Embeddings: Sendable, Hashable {
    /// The digest of the model that made them. Vectors of different spaces are never compared.
    public let space: String
    /// Numbers in a row.
    public let width: Int
    /// `count * width` numbers, row by row.
    public let values: [Float]

    /// Refused, with a trap: a number of values that is no whole number of rows.
    public init(space: String, width: Int, values: [Float]) {
        precondition(width > 0 && values.count % width == 0, "values must be whole rows")
        self.space = space
        self.width = width
        self.values = values
    }

    /// Number of rows.
    public var count: Int { values.count / width }

    /// One row.
    public subscript(row: Int) -> ArraySlice<Float> { values[row * width..<(row + 1) * width] }
}
