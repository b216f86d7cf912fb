import InfoNCELoss
import MultimodalTesting
import ReferenceBackend
import ResNetEncoder
import SigmoidLoss
import Testing
import TransformerEncoder
import ViTEncoder
import YAML

@testable import Multimodal

/// Our own plugins, made through the registry, under the suites that a stranger's run.
@Suite struct FirstPartyTests {
    private func registry() throws -> PluginRegistry {
        try PluginRegistry([
            ViTPlugin(), ResNetPlugin(), TransformerPlugin(), InfoNCEPlugin(), SigmoidPlugin(), ReferencePlugin(),
        ])
    }

    private func choice(_ name: String, _ config: String) throws -> PluginChoice {
        let node = try YAMLNode.parse(Array(config.utf8), file: "test.yaml")
        return PluginChoice(name: name, place: node, config: node)
    }

    @Test(
        "image encoders keep their promises",
        arguments: [
            ("vit", "{imageSize: 8, patchSize: 4, width: 12, layers: 2, heads: 3}"),
            ("vit", "{imageSize: 9, patchSize: 3, width: 6, layers: 1, heads: 1, activation: quick_gelu}"),
            (
                "vit",
                "{imageSize: 9, patchSize: 4, width: 8, layers: 1, heads: 2, classToken: false, patchBias: true, "
                    + "preNorm: false, layerScale: 0.5, pooling: attention, projection: none}"
            ),
            ("vit", "{imageSize: 8, patchSize: 4, width: 8, layers: 1, heads: 2, pooling: average}"),
            (
                "vit",
                "{imageSize: 8, patchSize: 4, width: 8, layers: 1, heads: 2, classToken: false, pooling: average, "
                    + "normAfterPooling: true}"
            ),
            (
                "resnet",
                "{imageSize: 32, width: 2, layers1: 1, layers2: 1, layers3: 1, layers4: 1, heads: 2, embedding: 6}"
            ),
        ])
    func images(name: String, config: String) throws {
        let encoder = try registry().imageEncoder(choice(name, config))
        let report = ImageEncoderConformance.run(encoder, backend: try registry().backend("reference"))
        #expect(report.hasPassed, "\(report)")
    }

    @Test(
        "text encoders keep their promises",
        arguments: [
            ("", 2), ("pooling: eos, endToken: 18", 2), ("pooling: first, projection: bias", 2),
            ("pooling: last, layerScale: 0.5", nil), ("causal: false, pooling: last", nil),
            ("causal: false", nil),
        ])
    func texts(settings: String, paddingChecks: Int?) throws {
        let config = "{contextLength: 7, vocabularySize: 19, width: 12, layers: 2, heads: 3, \(settings)}"
        let encoder = try registry().textEncoder(choice("transformer", config))
        let report = TextEncoderConformance.run(encoder, backend: try registry().backend("reference"))
        #expect(report.hasPassed, "\(report)")
        #expect(report.checks["text-encoder.padding"] == paddingChecks)
    }

    @Test("losses keep their promises", arguments: ["info-nce", "sigmoid"])
    func losses(name: String) throws {
        let loss = try registry().loss(choice(name, "{}"))
        let report = LossConformance.run(loss, backend: try registry().backend("reference"))
        #expect(report.hasPassed, "\(report)")
    }
}
