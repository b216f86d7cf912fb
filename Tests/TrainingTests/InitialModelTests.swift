import AtomicFiles
import Checkpoints
import ModelGraph
import Multimodal
import ReferenceBackend
import Synchronization
import TestSupport
import Testing
import Training
import YAML

/// What a run starts from, and that it says so.
@Suite struct InitialModelTests {
    /// A folder with the tiny run's data and a trained model `base` in it.
    private func folder(_ settings: [(path: String, value: String)] = []) throws -> String {
        let folder = try TinyRun.folder()
        _ = try TinyRun.trainer(folder, output: "/base", settings: [("epochs", "1")] + settings).run()
        return folder
    }

    private func weights(_ path: String) throws -> [String: [Float]] {
        let model = try ModelDirectory.open(path: path, plugins: TinyRun.plugins())
        return try model.parameters(for: model.model.completeGraph()).mapValues(\.floats)
    }

    private static let still = [
        ("optimizer.learningRate", "1e-12"), ("steps", "1"), ("epochs", "null"), ("schedule", "{}"), ("seed", "77"),
    ]

    private func origin(_ folder: String, _ settings: [(path: String, value: String)]) throws -> String {
        let origin = Mutex("")
        _ = try TinyRun.trainer(folder, settings: Self.still + settings).run(report: { event in
            if case .started(let start) = event { origin.withLock { $0 = start.origin + (start.note ?? "") } }
        })
        return origin.withLock { $0 }
    }

    @Test("a whole model, with the scale of its loss, its tokenizer and its description", arguments: [true, false])
    func whole(describes: Bool) throws {
        let folder = try folder()
        let text = try origin(folder, [("init", "base")] + (describes ? [] : [("model", "null")]))
        #expect(text.hasPrefix("the weights of base (\(folder)/base, space "), "\(text)")
        let (before, after) = (try weights(folder + "/base"), try weights(folder + "/run"))
        #expect(before.keys == after.keys && before["logit_scale"] != nil)
        for (name, values) in before {
            let difference = zip(values, after[name] ?? []).map { abs($0 - $1) }.max()
            #expect((difference ?? 1) <= 1e-11, "\(name)")
        }
        let record = try lines(of: folder + "/run/training.yaml").joined(separator: "\n")
        #expect(record.contains("# It started from the weights of base") && record.contains("init:\n  model: base"))
        // The record is a recipe that starts from the same.
        let again = try TrainingConfig(YAMLNode.load(folder + "/run/training.yaml"), folder: folder)
        #expect(again.initial?.space?.count == 8)
    }

    @Test("one tower; the rest is as random as without it", arguments: ["image", "text"])
    func tower(name: String) throws {
        let folder = try folder()
        let text = try origin(folder, [("init", "{model: base, towers: [\(name)]}")])
        #expect(
            text.hasPrefix("the \(name) tower of base (") && text.hasSuffix(", the rest random, seed 77"), "\(text)")
        let (base, run) = (try weights(folder + "/base"), try weights(folder + "/run"))
        _ = try TinyRun.trainer(folder, output: "/random", settings: Self.still).run()
        let random = try weights(folder + "/random")
        for (key, values) in run {
            let isTaken = (name == "image") == key.hasPrefix("visual.") && key != "logit_scale"
            let from = try #require((isTaken ? base : random)[key])
            #expect(zip(values, from).allSatisfy { abs($0 - $1) <= 1e-11 }, "\(key)")
        }
    }

    @Test("the type of the weights is that of the model that they come from, unless the recipe says")
    func dtype() throws {
        let folder = try folder([("output.dtype", "bfloat16")])
        func dtype(_ settings: [(path: String, value: String)]) throws -> DType? {
            let name = "/run-\(settings.count)"
            _ = try TinyRun.trainer(folder, output: name, settings: Self.still + settings).run()
            return try ModelDirectory.open(path: folder + name, plugins: TinyRun.plugins()).weights["visual.proj"]?.type
                .dtype
        }
        #expect(try dtype([("init", "base"), ("output", "null")]) == .bfloat16)
        #expect(try dtype([("init", "base")]) == .float32)
        // Rounding to bfloat16 gives the weights back.
        let (before, after) = (try weights(folder + "/base"), try weights(folder + "/run-2"))
        for (name, values) in before {
            #expect(zip(values, after[name] ?? []).allSatisfy { abs($0 - $1) <= 1e-11 }, "\(name)")
        }
    }

    @Test("a model's name or path alone is a description, and that is said")
    func description() throws {
        let folder = try folder()
        let text = try origin(folder, [("model", "base")])
        #expect(
            text.hasPrefix("random weights, seed 77") && text.contains("the weights of 'base' are not used"), "\(text)")
        #expect(text.contains("'init: base' starts from them"))
        #expect(try weights(folder + "/run")["visual.proj"] != weights(folder + "/base")["visual.proj"])
        #expect(try lines(of: folder + "/run/training.yaml").contains { $0 == "init: random" })
        let quiet = try TinyRun.trainer(folder, output: "/quiet", settings: [("model", "base"), ("init", "random")])
        let said = Mutex("")
        _ = try quiet.run(report: { event in if case .started(let start) = event { said.withLock { $0 = start.origin } }
        })
        #expect(said.withLock { $0 } == "random weights, seed 3 (model 'tiny')")
    }

    @Test(
        "what does not fit is refused, with the first parameter that differs and both shapes",
        arguments: [
            (
                "model.image.config.width", "24",
                "the parameter 'visual.conv1.weight' is [16, 3, 8, 8] in 'base' and [24, 3, 8, 8] in"
            ),
            ("model.embedding", "12", "'visual.proj' is [16, 8] in 'base' and [16, 12] in the recipe's model"),
            ("model.image.config.layers", "2", "'base' has no parameter 'visual.transformer.resblocks.1."),
            ("model.text.config.contextLength", "9", "'positional_embedding' is [8, 16] in 'base' and [9, 16]"),
            (
                "model.image.config.heads", "4",
                "the image encoder of 'base' has the same parameters, and computes otherwise"
            ),
            (
                "model.text.config.heads", "4",
                "the text encoder of 'base' has the same parameters, and computes otherwise"
            ),
            ("init", "nowhere", "nowhere"),
            ("init", "{model: base, towers: []}", "no tower is named"),
            ("init", "{model: base, towers: [audio]}", "'audio'"),
            ("init", "{model: base, tower: image}", "did you mean 'towers'?"),
            ("init", "{model: base, space: \"00000000\"}", "not 00000000"),
        ])
    func refused(path: String, value: String, message: String) throws {
        let folder = try folder()
        let text = failure {
            _ = try TinyRun.trainer(folder, settings: Self.still + [("init", "base"), (path, value)]).run()
        }
        #expect(text.contains(message), "\(text)")
        #expect(!FileSystem.isDirectory(folder + "/run"))
    }

    @Test("a checkpoint of a run with another start is not gone on from, and one's own says where it came from")
    func resumed() throws {
        let folder = try folder()
        let settings = [("init", "base"), ("epochs", "2")]
        _ = try TinyRun.trainer(folder, settings: settings).run()
        let other = failure { _ = try TinyRun.trainer(folder, resumes: true, settings: [("epochs", "3")]).run() }
        #expect(other.contains("was made with init space ") && other.contains("this run has random"), "\(other)")
        let start = Mutex<TrainingEvent.Start?>(nil)
        _ = try TinyRun.trainer(folder, resumes: true, settings: [("init", "base"), ("epochs", "3")]).run(report: {
            event in
            if case .started(let event) = event { start.withLock { $0 = event } }
        })
        #expect(
            start.withLock { $0?.resumedSteps } == 4
                && start.withLock { $0?.origin.hasPrefix("the weights of") } == true)
    }

    @Test("the model that a run starts from is not written over")
    func ownWeights() throws {
        let folder = try folder()
        let text = failure {
            _ = try TinyRun.trainer(folder, output: "/base", replaces: true, settings: [("init", "base")]).run()
        }
        #expect(text.contains("is the same file as"), "\(text)")
    }
}
