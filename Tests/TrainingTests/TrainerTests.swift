import AtomicFiles
import Checkpoints
import Multimodal
import Synchronization
import TestSupport
import Testing
import Training

@Suite struct TrainerTests {
    @Test("a run ends in a model that opens, with metrics, and has learnt something")
    func wholeRun() throws {
        let folder = try TinyRun.folder()
        let events = Mutex<[TrainingEvent]>([])
        let summary = try TinyRun.trainer(
            folder, settings: [("epochs", "30"), ("validation", "{pairs: pairs.jsonl, every: 20, limit: 8}")]
        ).run(report: { event in events.withLock { $0.append(event) } })
        #expect(summary.steps == 60 && !summary.wasStopped)

        let model = try ModelDirectory.open(path: folder + "/run", plugins: TinyRun.plugins())
        #expect(model.config.name == "tiny" && model.weights.entries.allSatisfy { !$0.name.contains(".adam.") })

        var steps: [TrainingEvent.StepReport] = []
        var validations: [TrainingEvent.ValidationReport] = []
        for event in events.withLock({ $0 }) {
            switch event {
            case .started(let start):
                #expect(start.origin == "random weights, seed 3 (model 'tiny')" && start.resumedSteps == 0)
            case .failed(let failures): Issue.record("\(failures)")
            case .prepared(let preparation):
                #expect(preparation.pairs == 8 && preparation.pictures == 8 && preparation.picturesInMemory == 8)
                #expect(preparation.steps == 60 && preparation.stepsPerEpoch == 2 && preparation.resumedSteps == 0)
                #expect(preparation.length == 7 && preparation.truncatedCaptions == 0)
            case .step(let report): steps.append(report)
            case .validated(let report): validations.append(report)
            case .saved(let steps, _): #expect(steps == 60)
            }
        }
        #expect(steps.map(\.step) == Array(1...60))
        #expect(steps.map(\.epoch) == (0..<60).map { $0 / 2 + 1 })
        #expect(abs(steps[0].learningRate - 5e-3) < 1e-9 && abs(steps[1].learningRate - 1e-2) < 1e-9)
        #expect((steps.last?.loss ?? .infinity) < 0.5 * steps[0].loss)
        #expect(validations.map(\.step) == [20, 40, 60])
        let last = try #require(validations.last)
        #expect(last.pairs == 8 && last.imageToTextRecall >= 0.75 && last.textToImageRecall >= 0.75)
        #expect(last.loss < validations[0].loss)

        let metrics = try lines(of: folder + "/run/metrics.jsonl")
        #expect(metrics.count == 33)
        #expect(metrics[0].hasPrefix(#"{"step":2,"epoch":1,"loss":"#))
        #expect(metrics.last?.hasPrefix(#"{"step":60,"validation":{"loss":"#) == true)
    }

    @Test("the same seed gives the same weights to the bit, another seed others")
    func deterministic() throws {
        let folder = try TinyRun.folder()
        func space(_ output: String, seed: String) throws -> String {
            _ = try TinyRun.trainer(folder, output: output, settings: [("seed", seed)]).run()
            return try ModelDirectory.open(path: folder + output, plugins: TinyRun.plugins()).space
        }
        let first = try space("/a", seed: "3")
        #expect(try space("/b", seed: "3") == first)
        #expect(try space("/c", seed: "4") != first)
    }

    @Test("a stopped run leaves a model, and resumed ends where one without a stop ends, to the bit")
    func resume() throws {
        let folder = try TinyRun.folder()
        _ = try TinyRun.trainer(folder, output: "/whole").run()
        let asked = Mutex(0)
        let stopped = try TinyRun.trainer(folder).run(shouldStop: {
            asked.withLock {
                $0 += 1; return $0 > 3
            }
        })
        #expect(stopped.wasStopped && stopped.steps == 3)
        let halfway = try ModelDirectory.open(path: folder + "/run", plugins: TinyRun.plugins())

        #expect(failure { _ = try TinyRun.trainer(folder).run() }.contains("holds an earlier run"))
        let other = failure { _ = try TinyRun.trainer(folder, resumes: true, settings: [("seed", "9")]).run() }
        #expect(other.contains("was made with seed 3, this run has 9"))

        let shorter = failure { _ = try TinyRun.trainer(folder, resumes: true, settings: [("epochs", "1")]).run() }
        #expect(shorter.contains("holds a run of 3 steps, this one ends after 2"))

        let resumed = try TinyRun.trainer(folder, resumes: true).run()
        #expect(resumed.steps == 6 && !resumed.wasStopped)
        let whole = try ModelDirectory.open(path: folder + "/whole", plugins: TinyRun.plugins())
        let continued = try ModelDirectory.open(path: folder + "/run", plugins: TinyRun.plugins())
        #expect(continued.space == whole.space && halfway.space != whole.space)
        #expect(try lines(of: folder + "/run/metrics.jsonl").count == 3)
    }

    @Test("a run that diverges says so, and saves the steps before: the step that gave no finite loss changed nothing")
    func divergence() throws {
        let folder = try TinyRun.folder()
        func run(_ output: String, rate: String, steps: String) -> String {
            failure {
                _ = try TinyRun.trainer(
                    folder, output: output,
                    settings: [
                        ("optimizer.learningRate", rate), ("schedule.warmup", "0"), ("steps", steps),
                        ("epochs", "null"),
                        ("clipGradientNorm", "null"), ("schedule.decay", "constant"),
                    ]
                ).run()
            }
        }
        let text = run("/run", rate: "1e18", steps: "6")
        #expect(text.contains("step 2: the loss is") && text.contains("lower the learning rate"), "\(text)")
        // What is saved is what one step alone gives.
        #expect(run("/one", rate: "1e18", steps: "1").isEmpty)
        let plugins = try TinyRun.plugins()
        #expect(
            try ModelDirectory.open(path: folder + "/run", plugins: plugins).space
                == ModelDirectory.open(path: folder + "/one", plugins: plugins).space)
        let saved = try Safetensors(path: folder + "/run/checkpoint.safetensors")
        #expect(saved.metadata["steps"] == "1")
        for entry in saved.entries { #expect(try saved.tensor(entry.name).floats.allSatisfy(\.isFinite)) }
    }

    @Test("weights that are no numbers any more are not saved; the checkpoint before stays")
    func infinite() throws {
        let folder = try TinyRun.folder()
        _ = try TinyRun.trainer(folder, settings: [("epochs", "1")]).run()
        let text = failure {
            _ = try TinyRun.trainer(
                folder, resumes: true,
                settings: [
                    ("optimizer.learningRate", "3e38"), ("schedule.warmup", "0"), ("clipGradientNorm", "null"),
                    ("optimizer.epsilon", "1e-30"), ("checkpoint.every", "1"), ("optimizer.weightDecay", "0.9"),
                ]
            ).run()
        }
        #expect(text.contains("is not finite any more") && text.contains("after step 2 is as it was"), "\(text)")
        #expect(try Safetensors(path: folder + "/run/checkpoint.safetensors").metadata["steps"] == "2")
    }

    @Test("an error after the first step saves the steps before it")
    func savedOnError() throws {
        struct Failure: Error {}
        let folder = try TinyRun.folder()
        #expect(throws: Failure.self) {
            try TinyRun.trainer(folder).run(report: { event in
                if case .step(let step) = event, step.step == 3 { throw Failure() }
            })
        }
        let resumed = try TinyRun.trainer(folder, resumes: true).run()
        #expect(resumed.steps == 6)
        _ = try TinyRun.trainer(folder, output: "/whole").run()
        let plugins = try TinyRun.plugins()
        #expect(
            try ModelDirectory.open(path: folder + "/run", plugins: plugins).space
                == ModelDirectory.open(path: folder + "/whole", plugins: plugins).space)
    }

    @Test("pictures beyond the memory budget give the same run as those within")
    func memory() throws {
        let folder = try TinyRun.folder()
        _ = try TinyRun.trainer(folder, output: "/a").run()
        let pictures = Mutex(-1)
        _ = try TinyRun.trainer(folder, output: "/b", settings: [("data.cache", "0")]).run(report: { event in
            if case .prepared(let preparation) = event { pictures.withLock { $0 = preparation.picturesInMemory } }
        })
        #expect(pictures.withLock { $0 } == 0)
        let plugins = try TinyRun.plugins()
        #expect(
            try ModelDirectory.open(path: folder + "/a", plugins: plugins).space
                == ModelDirectory.open(path: folder + "/b", plugins: plugins).space)
    }

    @Test("too little data for a batch is refused, with the numbers")
    func tooFew() throws {
        let folder = try TinyRun.folder(pairs: 3)
        let text = failure { _ = try TinyRun.trainer(folder).run() }
        #expect(text.contains("has 3 pairs, too few for one batch of 4"))
    }
}
