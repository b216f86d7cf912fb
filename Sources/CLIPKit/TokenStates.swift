public import Multimodal

/// Per-token states of one tower, a matrix `[tokens, width]` for each input. They are not in the space that pictures and
/// texts share: there is nothing to compare them with but states of the same output, model and tower.
public struct TokenStates: Sendable, Hashable {
    /// The digest of the model that made them.
    public let space: String
    /// Which states: `tokens` or `penultimate`.
    public let output: EncoderOutput
    /// Rows of a matrix: the context length of a text, patches and class token of a picture. 0 where there was no input.
    public internal(set) var tokens: Int
    /// Numbers in a row: the tower's width. 0 where there was no input.
    public internal(set) var width: Int
    /// `count * tokens * width` numbers, matrix by matrix, row by row.
    public internal(set) var values: [Float]

    /// Number of matrices.
    public var count: Int { values.isEmpty ? 0 : values.count / (tokens * width) }

    /// One matrix, row by row.
    public subscript(index: Int) -> ArraySlice<Float> { values[index * tokens * width..<(index + 1) * tokens * width] }
}
