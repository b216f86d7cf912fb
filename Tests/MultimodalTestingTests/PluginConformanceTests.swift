import Multimodal
import MultimodalTesting
import ReferenceBackend
import Testing

@Suite struct PluginConformanceTests {
    private let backend = ReferenceBackend()

    private func subjects(_ report: ConformanceReport) -> Set<String> { Set(report.failures.map(\.subject)) }

    @Test("an image encoder that keeps its promises passes")
    func image() {
        let report = ImageEncoderConformance.run(ToyImageEncoder(), backend: backend)
        #expect(report.hasPassed, "\(report)")
    }

    @Test(
        "an image encoder's fault is named",
        arguments: [
            (ToyImageEncoder.Fault.mixesRows, "image-encoder.batch"), (.unusedParameter, "image-encoder.gradient"),
            (.outsideScope, "image-encoder.names"), (.flat, "image-encoder.shape"),
        ])
    func imageFaults(fault: ToyImageEncoder.Fault, subject: String) {
        let report = ImageEncoderConformance.run(ToyImageEncoder(fault: fault), backend: backend)
        #expect(subjects(report).contains(subject), "\(report)")
    }

    @Test("a text encoder that keeps its promises passes")
    func text() {
        let report = TextEncoderConformance.run(ToyTextEncoder(), backend: backend)
        #expect(report.hasPassed, "\(report)")
        #expect(report.checks["text-encoder.padding"] == 2)
    }

    @Test("a text encoder that sees padding and says it does not is found")
    func textFaults() {
        let report = TextEncoderConformance.run(ToyTextEncoder(isCausal: false), backend: backend)
        #expect(subjects(report) == ["text-encoder.padding"], "\(report)")
        let honest = ToyTextEncoder(ignoresPadding: false, isCausal: false)
        #expect(TextEncoderConformance.run(honest, backend: backend).hasPassed)
    }

    @Test("a loss that keeps its promises passes")
    func loss() {
        let report = LossConformance.run(ToyLoss(), backend: backend)
        #expect(report.hasPassed, "\(report)")
    }

    @Test(
        "a loss's fault is named",
        arguments: [
            (ToyLoss.Fault.oneSided, "loss.symmetry"), (.constantScale, "loss.gradient"),
            (.upsideDown, "loss.alignment"),
        ])
    func lossFaults(fault: ToyLoss.Fault, subject: String) {
        let report = LossConformance.run(ToyLoss(fault: fault), backend: backend)
        #expect(subjects(report).contains(subject), "\(report)")
    }

    @Test("a tokenizer that keeps its promises passes")
    func tokenizer() {
        let report = TokenizerConformance.run(ToyTokenizer(), longText: 1 << 16)
        #expect(report.hasPassed, "\(report)")
    }

    @Test(
        "a tokenizer's fault is named",
        arguments: [(ToyTokenizer.Fault.outOfRange, "tokenizer.range"), (.deaf, "tokenizer.meaning")])
    func tokenizerFaults(fault: ToyTokenizer.Fault, subject: String) {
        let report = TokenizerConformance.run(ToyTokenizer(fault: fault), longText: 1 << 10)
        #expect(subjects(report).contains(subject), "\(report)")
    }
}
