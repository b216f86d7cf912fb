import ModelGraph
import Multimodal

/// Measures a model on pairs that it is not trained on.
struct Validation {
    let model: DualEncoder
    let pairs: PairList
    let pictures: PictureStore
    let limit: FailureLimit
    let tokenizer: any Tokenizer
    let backend: any Backend
    let options: CompileOptions
    let batchSize: Int

    /// Measures what can be used; gives what turned out bad meanwhile, too.
    func run(
        step: Int, state: [String: TensorData]
    ) throws -> (report: TrainingEvent.ValidationReport, failures: [DataFailure]) {
        let embedder = Embedder(model: model, backend: backend, options: options) { graph in
            try Self.parameters(of: graph, in: state)
        }
        var used: [Int] = []
        var failures: [DataFailure] = []
        var images: [Float] = []
        var texts: [Float] = []
        for start in stride(from: 0, to: pairs.count, by: batchSize) {
            var passing: PictureStore.Passing = [:]
            let range = start..<min(start + batchSize, pairs.count)
            failures += pictures.prepare(range, &passing)
            let selected = range.filter(pictures.isUsable)
            if selected.isEmpty { continue }
            used += selected
            var pixels = [Float](repeating: 0, count: selected.count * pictures.size)
            pixels.withUnsafeMutableBufferPointer { pictures.write(selected, passing, into: $0) }
            images += try embedder.embed(images: pixels, count: selected.count).floats
            texts += try embedder.embed(
                texts: selected.map { TokenizedText(ids: Array(pairs.tokens(of: $0)), truncated: 0) },
                padToken: tokenizer.padToken
            ).floats
        }
        if !failures.isEmpty { try limit.check(pictures.failures) }
        let count = used.count
        guard count > 1 else { throw TrainingError("\(pairs.file): fewer than two pairs can be used") }
        let nearest = try nearest(count, images: images, texts: texts)
        let imageHits = (0..<count).count { sameCaption(used[$0], used[Int(nearest.texts[$0])]) }
        let textHits = (0..<count).count { sameCaption(used[$0], used[Int(nearest.images[$0])]) }
        let report = TrainingEvent.ValidationReport(
            step: step, loss: try loss(count, images: images, texts: texts, state: state),
            imageToTextRecall: Double(imageHits) / Double(count), textToImageRecall: Double(textHits) / Double(count),
            pairs: count)
        return (report, failures)
    }

    private func sameCaption(_ a: Int, _ b: Int) -> Bool {
        a == b || pairs.images[a] == pairs.images[b] || pairs.tokens(of: a) == pairs.tokens(of: b)
    }

    /// For each picture the place of the nearest caption, and the other way round.
    private func nearest(
        _ count: Int, images: [Float], texts: [Float]
    ) throws -> (texts: [Double], images: [Double]) {
        let type = TensorType(.float32, [count, model.config.embedding])
        let graph = try Graph.build { builder in
            let cosines = builder.input("images", type).matmul(builder.input("texts", type).transposed())
            return [("texts", cosines.argMax(axis: 1)), ("images", cosines.transposed().argMax(axis: 1))]
        }
        let outputs = try run(graph, count, images, texts, state: [:])
        guard let nearestTexts = outputs["texts"], let nearestImages = outputs["images"] else {
            throw TrainingError("the backend gave no nearest pairs")
        }
        return (nearestTexts.doubles, nearestImages.doubles)
    }

    private func loss(
        _ count: Int, images: [Float], texts: [Float], state: [String: TensorData]
    ) throws -> Double {
        let batch = min(batchSize, count)
        let width = model.config.embedding
        let type = TensorType(.float32, [batch, width])
        let graph = try Graph.build { builder in
            let output = try model.loss.build(
                images: builder.input("images", type), texts: builder.input("texts", type),
                in: ParameterScope(builder: builder))
            return [("loss", output.loss)]
        }
        let executable = try backend.compile(
            graph, parameters: Self.parameters(of: graph, in: state), options: CompileOptions(threads: options.threads))
        let batches = count / batch
        var total = 0.0
        for index in 0..<batches {
            let range = index * batch * width..<(index + 1) * batch * width
            guard let images = TensorData(Array(images[range]), shape: type.shape),
                let texts = TensorData(Array(texts[range]), shape: type.shape),
                let loss = try executable.run(["images": images, "texts": texts])["loss"]?.floats.first
            else { throw TrainingError("the backend gave no loss") }
            total += Double(loss)
        }
        return total / Double(batches)
    }

    private func run(
        _ graph: Graph, _ count: Int, _ images: [Float], _ texts: [Float], state: [String: TensorData]
    ) throws -> [String: TensorData] {
        let shape = Shape([count, model.config.embedding])
        guard let images = TensorData(images, shape: shape), let texts = TensorData(texts, shape: shape) else {
            throw TrainingError("the backend gave \(images.count) numbers for embeddings \(shape)")
        }
        return try backend.compile(graph, parameters: state, options: CompileOptions(threads: options.threads))
            .run(["images": images, "texts": texts])
    }

    private static func parameters(of graph: Graph, in state: [String: TensorData]) throws -> [String: TensorData] {
        var values: [String: TensorData] = [:]
        for (parameter, _) in graph.parameterSignature { values[parameter.name] = state[parameter.name] }
        return values
    }
}
