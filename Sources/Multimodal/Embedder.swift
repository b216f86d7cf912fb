import Synchronization

/// Turns pictures and texts into vectors: a model's towers, compiled for the batch shapes that come.
///
/// Safe to share between threads. A shape is compiled when it is first seen; the last few stay. Batches are rounded up
/// to a power of two and lengths to a multiple of eight (both padded, neither changes a result), so that few differ.
public final class Embedder: Sendable {
    /// Gives the parameters of a graph their values.
    public typealias ParameterSource = @Sendable (Graph) throws -> [String: TensorData]

    public let model: DualEncoder
    private let parameters: ParameterSource
    private let backend: any Backend
    private let options: CompileOptions
    private let cache = Mutex<[(key: Key, executable: any Executable)]>([])

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
        try rows(run(images: images, count: count, .pooled), normalize ? "embedding" : "projected", count)
    }

    /// Per-token states `[count, tokens, width]` of such pictures; see `EncoderOutput`.
    public func states(images: [Float], count: Int, output: EncoderOutput) throws -> TensorData {
        try rows(run(images: images, count: count, output), "states", count)
    }

    private func run(images: [Float], count: Int, _ output: EncoderOutput) throws -> [String: TensorData] {
        let side = try model.image.imageSize
        let size = 3 * side * side
        guard count > 0, images.count == count * size else {
            throw BackendError("\(images.count) floats are not \(count) pictures of \(size)")
        }
        let batch = Self.rounded(count)
        let shape = Shape([batch, 3, side, side])
        let input = TensorData(TensorType(.float32, shape)) { bytes in
            images.withUnsafeBytes { bytes.copyMemory(from: $0) }
            if batch > count {
                UnsafeMutableRawBufferPointer(rebasing: bytes[(images.count * 4)...]).initializeMemory(
                    as: UInt8.self, repeating: 0)
            }
        }
        return try executable(.images(batch: batch, output)) { try model.imageGraph(batch: batch, output: output) }
            .run(["images": input])
    }

    /// Vectors `[texts.count, embedding]` of tokenized texts; shorter ones are padded with `padToken`.
    public func embed(texts: [TokenizedText], padToken: Int32, normalize: Bool = true) throws -> TensorData {
        try rows(run(texts: texts, padToken, .pooled), normalize ? "embedding" : "projected", texts.count)
    }

    /// Per-token states `[texts.count, contextLength, width]` of tokenized texts, padded with `padToken` to the whole
    /// context, as transformers' `padding="max_length"`; see `EncoderOutput`. States after a text's end are those of the
    /// padding, without an attention mask.
    public func states(texts: [TokenizedText], padToken: Int32, output: EncoderOutput) throws -> TensorData {
        try rows(run(texts: texts, padToken, output), "states", texts.count)
    }

    private func run(
        texts: [TokenizedText], _ padToken: Int32, _ output: EncoderOutput
    ) throws -> [String: TensorData] {
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
        let length = mayCut ? min((longest + 7) / 8 * 8, encoder.contextLength) : encoder.contextLength
        let batch = Self.rounded(texts.count)
        var ids = [Int32](repeating: padToken, count: batch * length)
        for row in 0..<batch {
            let text = texts[min(row, texts.count - 1)]
            ids.replaceSubrange(row * length..<row * length + text.ids.count, with: text.ids)
        }
        guard let input = TensorData(ids, shape: [batch, length]) else {
            throw BackendError("the token batch is empty")
        }
        return try executable(.texts(batch: batch, length: length, output)) {
            try model.textGraph(batch: batch, length: length, output: output)
        }.run(["tokens": input])
    }

    /// Where the time went since the last call, for every shape that is compiled now.
    public func takeProfiles() -> [ExecutionProfile] {
        cache.withLock { $0.compactMap { $0.executable.takeProfile() } }
    }

    private static func rounded(_ count: Int) -> Int {
        var batch = 1
        while batch < count { batch *= 2 }
        return batch
    }

    private func executable(_ key: Key, _ graph: () throws -> Graph) throws -> any Executable {
        try cache.withLock { cache in
            if let index = cache.firstIndex(where: { $0.key == key }) {
                let found = cache.remove(at: index)
                cache.append(found)
                return found.executable
            }
            let graph = try graph()
            let made = try backend.compile(graph, parameters: parameters(graph), options: options)
            if cache.count >= Self.cachedShapes { cache.removeFirst() }
            cache.append((key, made))
            return made
        }
    }

    /// The first `count` rows of an output.
    private func rows(_ outputs: [String: TensorData], _ name: String, _ count: Int) throws -> TensorData {
        guard let output = outputs[name] else { throw BackendError("the backend gave no '\(name)'") }
        let shape = Shape([count] + output.shape.dimensions.dropFirst())
        return TensorData(TensorType(.float32, shape)) { bytes in
            output.withUnsafeBytes {
                bytes.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[..<(shape.count * 4)]))
            }
        }
    }
}
