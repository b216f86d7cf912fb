public import Multimodal

/// What every image encoder promises: shapes, names, rows that do not see each other, gradients that are right and reach
/// everything, ops that every backend can run.
///
///     let report = ImageEncoderConformance.run(encoder, backends: [ReferenceBackend(), CPUBackend()])
///     #expect(report.hasPassed, "\(report)")
///
/// The tower is evaluated in double precision by its ops' own definitions; gradients are compared with finite differences
/// of that, and so is every op that the plugin brings, by itself. Then it embeds and trains on each of `backends`. Give the
/// encoder small sizes: some thousand multiplications a picture take a second.
public enum ImageEncoderConformance {
    public static func run(
        _ encoder: any ImageEncoder, backends: [any Backend], batch: Int = 2, seed: UInt64 = 0
    ) -> ConformanceReport {
        var report = ConformanceReport()
        let size = encoder.imageSize
        report.expect(size >= 1, "image-encoder.size", "takes pictures of \(size) pixels")
        guard size >= 1 else { return report }
        let checks = EncoderChecks(
            subject: "image-encoder", backends: backends, seed: seed,
            input: { batch, _ in TensorType(.float32, [batch, 3, size, size]) },
            build: { encoder.build($0, in: $1) })
        let batch = max(batch, 2)
        let type = TensorType(.float32, [batch, 3, size, size])
        func pictures(_ name: String) -> [Double] {
            Initializer.normal(standardDeviation: 1).draw(type, name: name, seed: seed).doubles
        }
        let (one, other) = (pictures("one"), pictures("other"))
        let picture = one.count / batch
        do {
            try checks.common(
                batch: batch, length: 0, x: TensorData(type, doubles: one),
                other: TensorData(type, doubles: Array(one[..<picture] + other[picture...])), &report)
        } catch {
            report.record(
                "image-encoder", ConformanceFailure(subject: "image-encoder", message: "\(error)", seed: seed))
        }
        return report
    }

    /// The same with one backend.
    public static func run(
        _ encoder: any ImageEncoder, backend: any Backend, batch: Int = 2, seed: UInt64 = 0
    ) -> ConformanceReport { run(encoder, backends: [backend], batch: batch, seed: seed) }
}
