public import Checkpoints
public import Imaging
public import Multimodal

/// A model that is ready to embed.
///
///     let model = try CLIPModel("starter", plugins: PluginRegistry([ViTPlugin(), ...]), store: store)
///     let photos = try model.embed(images: ["dog.png", "cat.png"])
///     let words = try model.embed(texts: ["a dog", "a cat"])
///     let ranking = try model.rank(queries: words, candidates: photos)
///
/// Safe to share between threads. Opening reads the description and maps the weights; a tower is compiled when its first
/// batch comes.
public final class CLIPModel: Sendable {
    /// The model on disk.
    public let directory: ModelDirectory
    /// What its cosines become probabilities with; nil where it has one encoder only.
    public let calibration: ScoreCalibration?
    /// How image files are decoded.
    public let imageOptions: ImageOptions
    private let onClippedImage: (@Sendable (String) -> Void)?
    private let embedder: Embedder
    private let onImage: (@Sendable (Image) -> Void)?

    /// Vectors are unit vectors of this space.
    public var space: String { directory.space }
    /// Numbers in a vector.
    public var width: Int { directory.config.embedding }

    /// Opens a model by its name or its path. Errors name the file, the place in it and the remedy.
    /// - Parameters:
    ///   - plugins: must hold what the model names, and the backend.
    ///   - backend: the backend's name.
    ///   - imageOptions: which way up images stand, and what becomes of 16-bit gray.
    public convenience init(
        _ model: String, plugins: PluginRegistry, store: ModelStore, backend: String = "cpu",
        options: CompileOptions = CompileOptions(), imageOptions: ImageOptions = ImageOptions()
    ) throws {
        try self.init(
            store.open(model, plugins: plugins), plugins: plugins, backend: backend, options: options,
            imageOptions: imageOptions)
    }

    /// Makes an open model directory ready to embed.
    /// - Parameter onClippedImage: told the path of every image file whose 16-bit gray turned white beyond 255; by whichever
    ///   thread decoded it.
    public convenience init(
        _ directory: ModelDirectory, plugins: PluginRegistry, backend: String = "cpu",
        options: CompileOptions = CompileOptions(), imageOptions: ImageOptions = ImageOptions(),
        onClippedImage: (@Sendable (String) -> Void)? = nil
    ) throws {
        try self.init(
            directory, plugins: plugins, backend: backend, options: options, imageOptions: imageOptions,
            onClippedImage: onClippedImage, onImage: nil)
    }

    /// - Parameter onImage: is handed every image before it is prepared, on any thread.
    package init(
        _ directory: ModelDirectory, plugins: PluginRegistry, backend: String, options: CompileOptions,
        imageOptions: ImageOptions, onClippedImage: (@Sendable (String) -> Void)?, onImage: (@Sendable (Image) -> Void)?
    ) throws {
        self.directory = directory
        self.imageOptions = imageOptions
        self.onClippedImage = onClippedImage
        self.onImage = onImage
        calibration = try directory.calibration()
        embedder = Embedder(
            model: directory.model, backend: try plugins.backend(backend), options: options,
            parameters: { try directory.parameters(for: $0) })
    }

    // MARK: - Embedding

    /// Unit vectors of image files, in order. Throws `ImageError` for the first that cannot be read.
    public func embed(images paths: [String], batchSize: Int = 32) throws -> Embeddings {
        try inBatches(paths, batchSize) { batch in
            try embed(prepared: batch.map { try prepare(file: Array($0.utf8)) })
        }
    }

    /// Unit vectors of decoded images, in order.
    public func embed(images: [Image], batchSize: Int = 32) throws -> Embeddings {
        try inBatches(images, batchSize) { batch in try embed(prepared: batch.map { try prepare($0) }) }
    }

    /// Unit vectors of texts, in order. Texts longer than the model's context are cut; `tokenize` tells by how much.
    public func embed(texts: [String], batchSize: Int = 32) throws -> Embeddings {
        try inBatches(texts, batchSize) { batch in try embed(tokenized: batch.map { try tokenize($0) }) }
    }

    // MARK: - Per-token states

    /// Per-token states of image files, in order; of a ViT the class token first, then patches row by row. Throws
    /// `ImageError` for the first that cannot be read, `BackendError` for a tower without tokens.
    public func states(images paths: [String], output: EncoderOutput, batchSize: Int = 32) throws -> TokenStates {
        try statesInBatches(paths, output, batchSize) { batch in
            try states(prepared: batch.map { try prepare(file: Array($0.utf8)) }, output: output)
        }
    }

    /// Per-token states of texts, in order, padded to the model's whole context with the tokenizer's padding.
    public func states(texts: [String], output: EncoderOutput, batchSize: Int = 32) throws -> TokenStates {
        try statesInBatches(texts, output, batchSize) { batch in
            try states(tokenized: batch.map { try tokenize($0) }, output: output)
        }
    }

    // MARK: - Comparing

    /// The cosine of every row of `a` with every row of `b`: `a.count` rows of `b.count` numbers.
    public func similarity(_ a: Embeddings, _ b: Embeddings) throws -> [[Float]] {
        try rank(queries: a, candidates: b, top: nil).map { matches in
            matches.sorted { $0.candidate < $1.candidate }.map(\.score)
        }
    }

    /// The best candidates of each query, by row number, with this model's probabilities. Exact; best first, of equals
    /// the earlier first.
    /// - Parameter top: how many of each query; nil gives all.
    public func rank(queries: Embeddings, candidates: Embeddings, top: Int? = 10) throws -> [[Match<Int>]] {
        for other in [queries, candidates] where other.space != space {
            throw RankError.spaces(space, other.space)
        }
        guard queries.width == candidates.width else {
            throw RankError.width(candidates.width, expected: queries.width)
        }
        let ranker = try Ranker<Int>(
            queries: queries.values, width: queries.width, top: top, calibration: calibration,
            threads: Threads.processorCount)
        try ranker.add(candidates.values, candidates: Array(0..<candidates.count))
        return ranker.matches()
    }

    // MARK: - The two halves of embedding: what workers do to each input, and what the encoder does to a batch

    /// A picture as the image encoder takes it: `3 * imageSize * imageSize` numbers.
    package func prepare(_ image: @autoclosure () throws -> Image) throws -> [Float] {
        let transform = try directory.transform  // no picture is read for a model that takes none
        let image = try image()
        onImage?(image)
        return try transform.apply(to: image)
    }

    /// The picture in a file, whose path need not be UTF-8.
    package func prepare(file path: [UInt8]) throws -> [Float] {
        let transform = try directory.transform
        let image = try Image(contentsOfFile: path, options: imageOptions)
        if let onClippedImage, image.isClippedInRGB { onClippedImage(String(decoding: path, as: UTF8.self)) }
        onImage?(image)
        return try transform.apply(to: image)
    }

    /// A text as the text encoder takes it. Throws where the model has none.
    public func tokenize(_ text: String) throws -> TokenizedText {
        try directory.tokenizer.tokenize(text, contextLength: directory.model.text.contextLength)
    }

    package func embed(prepared images: [[Float]], normalize: Bool = true) throws -> [Float] {
        try embedder.embed(images: Array(images.joined()), count: images.count, normalize: normalize).floats
    }

    package func embed(tokenized texts: [TokenizedText], normalize: Bool = true) throws -> [Float] {
        try embedder.embed(texts: texts, padToken: directory.tokenizer.padToken, normalize: normalize).floats
    }

    /// `[images.count, tokens, width]`
    package func states(prepared images: [[Float]], output: EncoderOutput) throws -> TensorData {
        try embedder.states(images: Array(images.joined()), count: images.count, output: output)
    }

    /// `[texts.count, contextLength, width]`
    package func states(tokenized texts: [TokenizedText], output: EncoderOutput) throws -> TensorData {
        try embedder.states(texts: texts, padToken: directory.tokenizer.padToken, output: output)
    }

    private func statesInBatches<Input>(
        _ inputs: [Input], _ output: EncoderOutput, _ batchSize: Int, _ states: (ArraySlice<Input>) throws -> TensorData
    ) throws -> TokenStates {
        guard output != .pooled else { throw BackendError("a pooled vector is no state of a token; use embed") }
        var result = TokenStates(space: space, output: output, tokens: 0, width: 0, values: [])
        var start = 0
        while start < inputs.count {
            let end = min(start + max(1, batchSize), inputs.count)
            let batch = try states(inputs[start..<end])
            result.tokens = batch.shape[1]
            result.width = batch.shape[2]
            result.values += batch.floats
            start = end
        }
        return result
    }

    package func takeProfiles() -> [ExecutionProfile] { embedder.takeProfiles() }

    private func inBatches<Input>(
        _ inputs: [Input], _ batchSize: Int, _ embed: (ArraySlice<Input>) throws -> [Float]
    ) throws -> Embeddings {
        var values: [Float] = []
        values.reserveCapacity(inputs.count * width)
        var start = 0
        while start < inputs.count {
            let end = min(start + max(1, batchSize), inputs.count)
            values += try embed(inputs[start..<end])
            start = end
        }
        return Embeddings(space: space, width: width, values: values)
    }
}
