import AtomicFiles
import Checkpoints
import Multimodal
import TestSupport
import Testing
import YAML

@testable import Training

@Suite struct TrainingConfigTests {
    @Test("what is written is what holds, and paths start at the file's folder")
    func reading() throws {
        let config = try TrainingConfig(YAMLNode.parse(TinyRun.yaml, file: "c.yaml"), folder: "/x")
        #expect(config.data.pairs == "/x/pairs.jsonl" && config.data.block == 1 && config.data.limit == nil)
        #expect(config.seed == 3 && config.batchSize == 4 && config.duration == .epochs(3))
        #expect(
            config.optimizer.learningRate == 1e-2 && config.optimizer.beta2 == 0.98
                && config.optimizer.weightDecay == 0.1)
        #expect(config.schedule == Schedule(warmup: 2) && config.clipGradientNorm == 1)
        #expect(config.outputDType == .float32 && config.checkpoint.every == 100 && config.checkpoint.dtype == .float32)
        #expect(config.modelFolder == "/x" && config.model.name == "tiny" && config.validation == nil)
    }

    @Test(
        "a setting that cannot be is refused with its place",
        arguments: [
            ("seed: 3", "sead: 3", "c.yaml:12:1: unknown key 'sead'; did you mean 'seed'?"),
            ("epochs: 3", "epochs: 3\nsteps: 5", "exactly one of epochs and steps"),
            ("epochs: 3\n", "", "exactly one of epochs and steps"),
            ("batchSize: 4", "batchSize: 1", "c.yaml:13:12:"),
            ("{pairs: pairs.jsonl}", "{pairs: pairs.jsonl, block: 3}", "does not hold whole blocks of 3"),
            ("decay: cosine", "decay: cosin", "did you mean 'cosine'"),
            ("weightDecay: 0.1", "weightDecay: 1.5", "from 0, below 1"),
            ("learningRate: 1.0e-2", "learningRate: 0", "above 0"),
            ("learningRate: 1.0e-2", "name: sgd", "'optimizer.name' is 'sgd'"),
            ("clipGradientNorm: 1", "clipGradientNorm: -1", "above 0"),
            ("output: {dtype: float32}", "output: {dtype: int8}", "c.yaml:21:17:"),
            ("resize: 8", "resize: 8, blur: 2", ""),
        ])
    func refused(old: String, new: String, message: String) {
        let text = failure {
            _ = try TrainingConfig(
                YAMLNode.parse(
                    TinyRun.yaml.split(separator: old, omittingEmptySubsequences: false).joined(separator: new),
                    file: "c.yaml"), folder: "/x")
        }
        #expect(message.isEmpty ? text.isEmpty : text.contains(message), "\(text)")
    }

    @Test("a model may be named by its path; its tokenizer's files are beside it then")
    func modelPath() throws {
        let folder = try temporaryFolder()
        let node = try YAMLNode.parse(TinyRun.yaml, file: "c.yaml")
        try FileSystem.makeDirectory(folder + "/models/tiny")
        try AtomicFile.write(try #require(node[path: "model"]).yamlText(), to: folder + "/models/tiny/model.yaml")
        for path in ["models/tiny", "models/tiny/model.yaml"] {
            let config = try TrainingConfig(node.setting("model", to: .string(path)), folder: folder)
            #expect(config.model.name == "tiny" && config.modelFolder == folder + "/models/tiny")
        }
    }

    @Test("the learning rate rises in a line, falls in half a cosine and ends at the minimum")
    func schedule() {
        let schedule = Schedule(warmup: 10, decay: .cosine, minimum: 0.1)
        #expect(abs(schedule.learningRate(step: 0, of: 110, base: 1) - 0.1) < 1e-12)
        #expect(schedule.learningRate(step: 9, of: 110, base: 1) == 1)
        #expect(schedule.learningRate(step: 10, of: 110, base: 1) == 1)
        #expect(abs(schedule.learningRate(step: 60, of: 110, base: 1) - 0.55) < 1e-12)
        #expect(abs(schedule.learningRate(step: 110, of: 110, base: 1) - 0.1) < 1e-12)
        #expect(Schedule(warmup: 0, decay: .constant).learningRate(step: 70, of: 110, base: 0.3) == 0.3)
    }

    @Test("an epoch takes every whole block once, its lines in order, and another epoch another way")
    func order() {
        let order = PairOrder(count: 103, block: 4, seed: 7, batchSize: 12)
        #expect(order.stepsPerEpoch == 8)
        let first = order.pairs(epoch: 0)
        #expect(first.sorted() == Array(0..<100))
        for start in stride(from: 0, to: 100, by: 4) {
            #expect(first[start] % 4 == 0 && Array(first[start..<start + 4]) == Array(first[start]..<first[start] + 4))
        }
        #expect(order.pairs(epoch: 0) == first)
        #expect(order.pairs(epoch: 1) != first)
        #expect(PairOrder(count: 103, block: 4, seed: 8, batchSize: 12).pairs(epoch: 0) != first)
    }
}
