import CPUBackend
import Multimodal
import MultimodalTesting
import ReferenceBackend
import Testing

@Suite("A suite passes a plugin that keeps its promises")
struct PluginConformanceTests {
    private let backends: [any Backend] = [ReferenceBackend(), CPUBackend()]

    @Test("an image encoder with an op of its own")
    func image() {
        let report = ImageEncoderConformance.run(ToyImageEncoder(), backends: backends)
        #expect(report.hasPassed, "\(report)")
        #expect(report.checks["image-encoder.backend"] == 4)
        #expect(report.checks["image-encoder.op-gradient"] == 1)
    }

    @Test("a text encoder, whether or not it sees padding, as long as it says so")
    func text() {
        let report = TextEncoderConformance.run(ToyTextEncoder(), backends: backends)
        #expect(report.hasPassed, "\(report)")
        #expect(report.checks["text-encoder.padding"] == 2)
        let honest = TextEncoderConformance.run(
            ToyTextEncoder(ignoresPadding: false, isCausal: false), backends: backends)
        #expect(honest.hasPassed, "\(honest)")
    }

    @Test("a loss, one of one side too that says so", arguments: [ToyLoss.Fault.none, .saysOneSided])
    func loss(fault: ToyLoss.Fault) {
        let report = LossConformance.run(ToyLoss(fault: fault), backends: backends)
        #expect(report.hasPassed, "\(report)")
    }

    @Test(
        "a tokenizer, one that pads with an ordinary id or reads special spellings too, where it says so",
        arguments: [ToyTokenizer.Fault.none, .padSaidToBeALetter, .saysItReadsSpecials])
    func tokenizer(fault: ToyTokenizer.Fault) {
        let report = TokenizerConformance.run(ToyTokenizer(fault: fault), longText: 1 << 16)
        #expect(report.hasPassed, "\(report)")
    }

    @Test("a plugin, through its manifest")
    func plugin() {
        let report = PluginConformance.run(
            ToyPlugin(), beside: [CPUPlugin(), ReferencePlugin()], settings: ["toy": ["{imageSize: 4, patchSize: 2}"]])
        #expect(report.hasPassed, "\(report)")
        #expect(report.checks["settings.use"] == 5)
    }

    @Test("settings for what a plugin does not provide are refused")
    func unknown() {
        let report = PluginConformance.run(ToyPlugin(), beside: [], settings: ["tow": ["{}"]])
        #expect(report.failures.contains { $0.message.contains("'tow'") }, "\(report)")
    }
}
