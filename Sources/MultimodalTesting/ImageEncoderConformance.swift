public import Multimodal

/// What every image encoder promises: shapes, names, rows that do not see each other, gradients that reach everything.
public enum ImageEncoderConformance {
    public static func run(
        _ encoder: any ImageEncoder, backend: any Backend, batch: Int = 2, seed: UInt64 = 0
    ) -> ConformanceReport {
        var report = ConformanceReport()
        let size = encoder.imageSize
        report.expect(size >= 1, "image-encoder.size", "takes pictures of \(size) pixels")
        guard size >= 1 else { return report }
        let checks = EncoderChecks(subject: "image-encoder", backend: backend, seed: seed) { scope, batch, _ in
            let x = scope.builder.input("x", TensorType(.float32, [batch, 3, size, size]))
            return encoder.build(x, in: scope)
        }
        let batch = max(batch, 2)
        func pictures(_ name: String) -> [Double] {
            Initializer.normal(standardDeviation: 1)
                .draw(TensorType(.float32, [batch, 3, size, size]), name: name, seed: seed).doubles
        }
        let (one, other) = (pictures("one"), pictures("other"))
        let picture = one.count / batch
        let type = TensorType(.float32, [batch, 3, size, size])
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
}
