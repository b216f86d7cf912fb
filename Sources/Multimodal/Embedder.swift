import Synchronization

/// Turns pictures and texts into vectors: a model's towers, compiled for the batch shapes that come.
///
/// Safe to share between threads. A shape is compiled when it is first seen; the last few stay. Whether its batches are
/// split over the threads, or every step of them, is measured on the first ones. Lengths of texts are rounded up to a
/// multiple of four, which changes no result, so that few differ. A batch that memory is too short for is run in halves.
public final class Embedder: Sendable {
    /// Gives the parameters of a graph their values.
    public typealias ParameterSource = @Sendable (Graph) throws -> [String: TensorData]

    public let model: DualEncoder
    private let parameters: ParameterSource
    private let backend: any Backend
    private let options: CompileOptions
    private let workers = Workers()
    private let cache = Mutex<[(key: Key, runner: BatchRunner)]>([])

    private enum Key: Hashable {
        case images(batch: Int, EncoderOutput)
        case texts(batch: Int, length: Int, EncoderOutput)
    }

    private static let cachedShapes = 16

    public init(
        model: DualEncoder, backend: any Backend, options: CompileOptions = CompileOptions(),
        parameters: @escaping ParameterSource
    ) {
        self.model = model
        self.backend = backend
        var options = options
        if options.sharedWeights == nil { options.sharedWeights = SharedWeights() }
        self.options = options
        self.parameters = parameters
    }

    /// Vectors `[count, embedding]` of `count` normalised pictures, each `3 * imageSize * imageSize` floats, planar.
    /// - Parameter normalize: whether vectors have unit length.
    public func embed(images: [Float], count: Int, normalize: Bool = true) throws -> TensorData {
        try rows(images, count, .pooled, normalize ? "embedding" : "projected")
    }

    /// Per-token states `[count, tokens, width]` of such pictures; see `EncoderOutput`.
    public func states(images: [Float], count: Int, output: EncoderOutput) throws -> TensorData {
        try rows(images, count, output, "states")
    }

    private func rows(_ images: [Float], _ count: Int, _ output: EncoderOutput, _ name: String) throws -> TensorData {
        let side = try model.image.imageSize
        let size = 3 * side * side
        guard count > 0, images.count == count * size else {
            throw BackendError("\(images.count) floats are not \(count) pictures of \(size)")
        }
        return try inParts(0..<count) { part in
            let input = TensorData(TensorType(.float32, [part.count, 3, side, side])) { bytes in
                images[part.lowerBound * size..<part.upperBound * size].withUnsafeBytes { bytes.copyMemory(from: $0) }
            }
            let runner = runner(.images(batch: part.count, output), batch: part.count) { [model] batch in
                try model.imageGraph(batch: batch, output: output)
            }
            return try Self.output(name, of: runner.run(["images": input]))
        }
    }

    /// Vectors `[texts.count, embedding]` of tokenized texts; shorter ones are padded with `padToken`.
    public func embed(texts: [TokenizedText], padToken: Int32, normalize: Bool = true) throws -> TensorData {
        try rows(texts, padToken, .pooled, normalize ? "embedding" : "projected")
    }

    /// Per-token states `[texts.count, contextLength, width]` of tokenized texts, padded with `padToken` to the whole
    /// context, as transformers' `padding="max_length"`; see `EncoderOutput`. States after a text's end are those of the
    /// padding, without an attention mask.
    public func states(texts: [TokenizedText], padToken: Int32, output: EncoderOutput) throws -> TensorData {
        try rows(texts, padToken, output, "states")
    }

    private func rows(
        _ texts: [TokenizedText], _ padToken: Int32, _ output: EncoderOutput, _ name: String
    ) throws -> TensorData {
        let encoder = try model.text
        guard let longest = texts.map(\.ids.count).max(), longest > 0 else {
            throw BackendError("there are no tokens to embed")
        }
        guard longest <= encoder.contextLength else {
            throw BackendError("a text of \(longest) tokens is longer than the context of \(encoder.contextLength)")
        }
        let vocabulary = Int32(clamping: encoder.vocabularySize)
        for text in texts {
            if let id = text.ids.first(where: { $0 < 0 || $0 >= vocabulary }) {
                throw BackendError("token id \(id) is outside of the model's vocabulary of \(vocabulary)")
            }
        }
        let mayCut = output == .pooled && encoder.ignoresPadding
        let length = mayCut ? min((longest + 3) / 4 * 4, encoder.contextLength) : encoder.contextLength
        return try inParts(texts.indices) { part in
            var ids = [Int32](repeating: padToken, count: part.count * length)
            for (row, text) in texts[part].enumerated() {
                ids.replaceSubrange(row * length..<row * length + text.ids.count, with: text.ids)
            }
            guard let input = TensorData(ids, shape: [part.count, length]) else {
                throw BackendError("the token batch is empty")
            }
            let runner = runner(.texts(batch: part.count, length: length, output), batch: part.count) { [model] batch in
                try model.textGraph(batch: batch, length: length, output: output)
            }
            return try Self.output(name, of: runner.run(["tokens": input]))
        }
    }

    /// What `run` gives for all rows; where memory is too short for them at once, for each half of them.
    private func inParts(_ rows: Range<Int>, _ run: (Range<Int>) throws -> TensorData) throws -> TensorData {
        do {
            return try run(rows)
        } catch let error as BackendError where error.isOutOfMemory && rows.count > 1 {
            cache.withLock { $0.removeAll() }  // shapes compiled before hold memory, too
            let middle = rows.lowerBound + rows.count / 2
            let first = try inParts(rows.lowerBound..<middle, run)
            let second = try inParts(middle..<rows.upperBound, run)
            let shape = Shape([rows.count] + first.shape.dimensions.dropFirst())
            return TensorData(TensorType(.float32, shape)) { bytes in
                first.withUnsafeBytes { bytes.copyMemory(from: $0) }
                second.withUnsafeBytes {
                    UnsafeMutableRawBufferPointer(rebasing: bytes[first.byteCount...]).copyMemory(from: $0)
                }
            }
        }
    }

    private static func output(_ name: String, of outputs: [String: TensorData]) throws -> TensorData {
        guard let output = outputs[name] else { throw BackendError("the backend gave no '\(name)'") }
        return output
    }

    /// Where the time went since the last call, for every shape that is compiled now. Of a batch that is split over
    /// threads, seconds are those of all threads together, and the peak is one thread's.
    public func takeProfiles() -> [ExecutionProfile] {
        cache.withLock { $0.map(\.runner) }.compactMap { $0.takeProfile() }
    }

    private func runner(_ key: Key, batch: Int, _ graph: @escaping @Sendable (Int) throws -> Graph) -> BatchRunner {
        cache.withLock { cache in
            if let index = cache.firstIndex(where: { $0.key == key }) {
                let found = cache.remove(at: index)
                cache.append(found)
                return found.runner
            }
            let source = GraphSource(backend: backend, options: options, graph: graph, parameters: parameters)
            let made = BatchRunner(batch: batch, source: source, workers: workers)
            if cache.count >= Self.cachedShapes { cache.removeFirst() }
            cache.append((key, made))
            return made
        }
    }
}
