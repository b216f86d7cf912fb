/// Per-token states of one input:
/// `{"id":"7","modality":"text","text":"a dog","space":"3f9c12ab","output":"tokens","shape":[77,768],"states":[0.01,…]}`.
///
/// There is no `embedding` in it, so that nothing takes it for a vector to compare.
public struct StatesRecord: WireRecord, Hashable {
    public var input: EmbedInput
    /// The digest of the model that made them.
    public var space: String
    /// Which states: `tokens` or `penultimate`.
    public var output: String
    /// Tokens, and numbers of each.
    public var shape: [Int]
    /// Row by row; all finite.
    public var states: [Float]
    /// How the numbers are written.
    public var encoding: EmbeddingEncoding

    public init(
        _ input: EmbedInput, space: String, output: String, shape: [Int], states: [Float],
        encoding: EmbeddingEncoding = .array
    ) {
        self.input = input
        self.input.extra.removeAll { ["output", "shape", "states"].contains($0.name) }
        self.space = space
        self.output = output
        self.shape = shape
        self.states = states
        self.encoding = encoding
    }

    public func write(to object: inout ObjectWriter) throws(RecordError) {
        object.raw("id", input.id.json)
        object.string("modality", input.content.modality.rawValue)
        input.content.write(to: &object)
        object.string("space", space)
        object.raw(input.extra)
        object.string("output", output)
        object.ints("shape", shape)
        try object.floats("states", states, encoding: encoding)
    }
}
