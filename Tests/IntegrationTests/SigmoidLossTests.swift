import CPUBackend
import Checkpoints
import ModelGraph
import ReferenceBackend
import SigmoidLoss
import TestSupport
import Testing
import YAML

@testable import Multimodal

/// The sigmoid loss against open_clip's SigLipLoss (Tests/Fixtures/Losses/make.py).
@Suite struct SigmoidLossTests {
    private func loss() throws -> any ContrastiveLoss {
        try PluginRegistry([SigmoidPlugin()]).loss(PluginChoice(name: "sigmoid", place: .null, config: nil))
    }

    @Test("loss and gradients are open_clip's, within 1e-5", arguments: ["cpu", "reference"])
    func values(backend: String) throws {
        let fixture = try Safetensors(path: fixture("Losses/sigmoid.safetensors"))
        let type = try fixture.tensor("images").type
        let builder = GraphBuilder()
        let (images, texts) = (builder.input("images", type), builder.input("texts", type))
        let output = try loss().build(images: images, texts: texts, in: ParameterScope(builder: builder))
        let names = ["images", "texts", "logit_scale", "logit_bias"]
        let forward = try builder.finish([("loss", output.loss)])
        let scalars = forward.parameterSignature.reduce(into: [:]) { found, entry in
            found[entry.parameter.name] = builder.parameter(
                entry.parameter.name, entry.type.shape, entry.parameter.initializer)
        }
        let targets = [images, texts, try #require(scalars["logit_scale"]), try #require(scalars["logit_bias"])]
        let gradients = output.loss.gradients(withRespectTo: targets)
        let graph = try builder.finish(
            [("loss", output.loss)] + zip(names, gradients).map { ("gradient of \($0)", $1) })
        let executable = try PluginRegistry([CPUPlugin(), ReferencePlugin()]).backend(backend).compile(
            graph,
            parameters: [
                "logit_scale": fixture.tensor("logit_scale"), "logit_bias": fixture.tensor("logit_bias"),
            ], options: CompileOptions())
        let found = try executable.run(["images": fixture.tensor("images"), "texts": fixture.tensor("texts")])
        for name in ["loss"] + names.map({ "gradient of \($0)" }) {
            let (own, theirs) = (try #require(found[name]).floats, try fixture.tensor(name).floats)
            #expect(own.count == theirs.count)
            #expect(zip(own, theirs).allSatisfy { abs($0 - $1) < 1e-5 }, "\(name): \(own), not \(theirs)")
        }
    }

    @Test("scores become probabilities by a sigmoid of the scaled and shifted cosine")
    func calibration() throws {
        let calibration = try loss().calibration(["logit_scale": 2, "logit_bias": -4])
        #expect(calibration.link == .sigmoid && calibration.bias == -4 && abs(calibration.scale - 7.389056) < 1e-5)
        #expect(throws: PluginError.self) { try loss().calibration(["logit_scale": 2]) }
    }

    @Test("the scale starts at ln 10, the bias at -10")
    func start() throws {
        let graph = try Graph.build { builder in
            let type = TensorType(.float32, [2, 3])
            let output = try loss().build(
                images: builder.input("images", type), texts: builder.input("texts", type),
                in: ParameterScope(builder: builder))
            return [("loss", output.loss)]
        }
        let start = graph.initialParameters(seed: 0).compactMapValues(\.floats.first)
        #expect(abs((start["logit_scale"] ?? 0) - 2.3025851) < 1e-6 && start["logit_bias"] == -10)
    }
}
