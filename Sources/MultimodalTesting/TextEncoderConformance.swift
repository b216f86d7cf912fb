public import Multimodal

/// What every text encoder promises: shapes, names, rows that do not see each other, gradients that are right and reach
/// everything, ops that every backend can run, and where it says so, features that tokens after the end cannot change.
///
///     let report = TextEncoderConformance.run(encoder, backends: [ReferenceBackend(), CPUBackend()])
///     #expect(report.hasPassed, "\(report)")
///
/// How it is done, and which sizes to give the encoder, is said at `ImageEncoderConformance`.
public enum TextEncoderConformance {
    /// - Parameter endToken: the id that ends a text; the last of the vocabulary unless given. Other ids are drawn
    ///   below it.
    public static func run(
        _ encoder: any TextEncoder, backends: [any Backend], endToken: Int32? = nil, batch: Int = 2, seed: UInt64 = 0
    ) -> ConformanceReport {
        var report = ConformanceReport()
        let (length, size) = (encoder.contextLength, encoder.vocabularySize)
        let end = endToken.map(Int.init) ?? size - 1
        report.expect(
            length >= 3 && size >= 3 && end >= 1 && end < size, "text-encoder.size",
            "contexts of \(length), \(size) ids, end \(end)")
        guard report.hasPassed else { return report }
        let checks = EncoderChecks(
            subject: "text-encoder", backends: backends, seed: seed,
            input: { batch, length in TensorType(.int32, [batch, length]) },
            build: { encoder.build($0, in: $1) })
        let batch = max(batch, 2)
        var random = SeededGenerator(seed: seed, stream: "text")
        /// Texts of length `length`, each ending at two thirds of it.
        func text() -> [Double] {
            (0..<length).map { $0 == length * 2 / 3 ? Double(end) : Double(random.next() % UInt64(end)) }
        }
        let texts = (0..<batch).map { _ in text() }
        let others = [texts[0]] + (1..<batch).map { _ in text() }
        func tensor(_ rows: [[Double]]) -> TensorData {
            TensorData(TensorType(.int32, [rows.count, rows[0].count]), doubles: rows.flatMap { $0 })
        }
        do {
            try checks.common(batch: batch, length: length, x: tensor(texts), other: tensor(others), &report)
            guard encoder.ignoresPadding else { return report }
            let graph = try checks.graph(batch: 1, length: length)
            let parameters = checks.parameters(graph)
            func pooled(_ graph: Graph, _ text: [Double]) throws -> TensorData {
                let values = try checks.evaluate(graph, parameters, tensor([text])).outputs["pooled"] ?? []
                return TensorData(TensorType(.float64, [values.count]), doubles: values)
            }
            let whole = try pooled(graph, texts[0])
            let kept = length * 2 / 3 + 1
            let refilled = texts[0][..<kept] + text().prefix(length - kept).map { $0 == Double(end) ? 0 : $0 }
            let short = try checks.graph(batch: 1, length: kept)
            let cut = try pooled(short, Array(texts[0][..<kept]))
            let other = try pooled(graph, Array(refilled))
            for (name, found) in [("other tokens after the end", other), ("leaving out what follows the end", cut)] {
                let gap = difference(found, whole, EncoderChecks.tolerance)
                report.expect(
                    gap == nil, "text-encoder.padding", "\(name) changes the features: \(gap?.description ?? "")")
            }
        } catch {
            report.record("text-encoder", ConformanceFailure(subject: "text-encoder", message: "\(error)", seed: seed))
        }
        return report
    }

    /// The same with one backend.
    public static func run(
        _ encoder: any TextEncoder, backend: any Backend, endToken: Int32? = nil, batch: Int = 2, seed: UInt64 = 0
    ) -> ConformanceReport {
        run(encoder, backends: [backend], endToken: endToken, batch: batch, seed: seed)
    }
}
