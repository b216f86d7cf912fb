import BPETokenizer
import CPUBackend
import InfoNCELoss
import Multimodal
import MultimodalTesting
import ReferenceBackend
import ResNetEncoder
import SentencePieceTokenizer
import SigmoidLoss
import Testing
import TransformerEncoder
import ViTEncoder

/// Our own plugins under the suites that a stranger's run, in the same one line.
@Suite struct FirstPartyTests {
    private static let backends: [any Plugin] = [CPUPlugin(), ReferencePlugin()]

    private static let fixtures =
        #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3).joined(separator: "/")
        + "/Tests/Fixtures/"

    @Test("vit keeps its promises")
    func vit() {
        let settings = [
            "{imageSize: 8, patchSize: 4, width: 12, layers: 2, heads: 3}",
            "{imageSize: 9, patchSize: 3, width: 6, layers: 1, heads: 1, activation: quick_gelu}",
            "{imageSize: 9, patchSize: 4, width: 8, layers: 1, heads: 2, classToken: false, patchBias: true, "
                + "preNorm: false, layerScale: 0.5, pooling: attention, projection: none}",
            "{imageSize: 8, patchSize: 4, width: 8, layers: 1, heads: 2, pooling: average}",
            "{imageSize: 8, patchSize: 4, width: 8, layers: 1, heads: 2, classToken: false, pooling: average, "
                + "normAfterPooling: true}",
        ]
        expectPassed(PluginConformance.run(ViTPlugin(), beside: Self.backends, settings: ["vit": settings]))
    }

    @Test("resnet keeps its promises")
    func resnet() {
        let settings = [
            "{imageSize: 16, width: 2, layers1: 1, layers2: 1, layers3: 1, layers4: 0, heads: 2, embedding: 6}",
            "{imageSize: 32, width: 2, layers1: 1, layers2: 1, layers3: 1, layers4: 1, heads: 2, embedding: 6}",
        ]
        expectPassed(PluginConformance.run(ResNetPlugin(), beside: Self.backends, settings: ["resnet": settings]))
    }

    @Test("transformer keeps its promises")
    func transformer() {
        let size = "contextLength: 7, vocabularySize: 19, width: 12, layers: 2, heads: 3"
        let settings = [
            "", ", pooling: eos, endToken: 18", ", pooling: first, projection: bias",
            ", pooling: last, layerScale: 0.5",
            ", causal: false, pooling: last", ", causal: false",
        ].map { "{\(size)\($0)}" }
        let report = PluginConformance.run(
            TransformerPlugin(), beside: Self.backends, settings: ["transformer": settings])
        expectPassed(report)
        #expect(report.checks["text-encoder.padding"] == 6)
    }

    @Test("the losses keep their promises")
    func losses() {
        for plugin in [InfoNCEPlugin(), SigmoidPlugin()] as [any Plugin] {
            expectPassed(PluginConformance.run(plugin, beside: Self.backends))
        }
    }

    @Test("bpe keeps its promises")
    func bpe() {
        let settings = [
            "{merges: small-merges.txt}", "{merges: small-merges.txt, padding: end, specialTokens: none}",
            "{merges: small-merges.txt, specialTokens: open_clip, cleaning: canonicalize, vocabularySize: 600}",
            "{merges: small-merges.txt, vocabulary: vocab.json, cleaning: transformers}",
            "{merges: tokenizer.json, cleaning: transformers}",
        ]
        expectPassed(
            PluginConformance.run(
                BPEPlugin(), beside: [], settings: ["bpe": settings], folder: Self.fixtures + "BPE", longText: 1 << 13))
    }

    @Test("sentencepiece keeps its promises")
    func sentencePiece() {
        let settings = [
            "{model: unigram.model}", "{model: unigram.model, cleaning: transformers}",
            "{model: bpe.model, cleaning: lower}", "{model: bpe.json, cleaning: open_clip}",
        ]
        expectPassed(
            PluginConformance.run(
                SentencePiecePlugin(), beside: [], settings: ["sentencepiece": settings],
                folder: Self.fixtures + "SentencePiece", longText: 1 << 13))
    }

    private func expectPassed(_ report: ConformanceReport) { #expect(report.hasPassed, "\(report)") }
}
