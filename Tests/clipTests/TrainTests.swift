import TestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

@Suite struct TrainTests {
    /// A folder with four pairs and a recipe for the tiny model.
    private func recipe(steps: Int) throws -> TinyModel {
        let tiny = try TinyModel()
        var pairs = ""
        for (index, name) in ["red", "green", "blue", "black"].enumerated() {
            _ = try tiny.picture("\(name).png", index == 0 ? 255 : 0, index == 1 ? 255 : 0, index == 2 ? 240 : 0)
            pairs += "{\"image\":\"\(name).png\",\"text\":\"\(name)\"}\n"
        }
        try tiny.folder.write(pairs, to: tiny.folder["pairs.jsonl"])
        let model = TinyModel.yaml.split(separator: "\n").map { "  " + $0 + "\n" }.joined()
        try tiny.folder.write(
            "model:\n\(model)data: {pairs: pairs.jsonl}\nbatchSize: 4\nsteps: \(steps)\n"
                + "optimizer: {name: adamw, learningRate: 1.0e-3}\nbackend: reference\n",
            to: tiny.folder["recipe.yaml"])
        return tiny
    }

    @Test("a run leaves a model that embeds, and one record that says how it went")
    func trains() throws {
        let tiny = try recipe(steps: 3)
        let result = try Program.run(
            ["train", tiny.folder["recipe.yaml"], "--output", tiny.folder["run"], "--set", "seed=3"], in: tiny.folder)
        #expect(result.status == 0, "\(result.error)")
        #expect(result.lines.count == 1)
        let record = try result.records()[0]
        #expect(try record.number("steps") == 3)
        #expect(try record.string("model") == tiny.folder["run"])
        #expect(!result.error.contains("\r"))
        let embedded = try Program.run(["embed", "--model", tiny.folder["run"]], lines: ["red"], in: tiny.folder)
        #expect(embedded.status == 0, "\(embedded.error)")
        let again = try Program.run(
            ["train", tiny.folder["recipe.yaml"], "--output", tiny.folder["run"], "--set", "seed=3"], in: tiny.folder)
        #expect(again.status == 1)
        #expect(again.error.contains("resume"))
    }

    @Test("Ctrl-C leaves a checkpoint that --resume goes on from")
    func interrupted() throws {
        let tiny = try recipe(steps: 1_000_000)
        let run = tiny.folder["run"]
        let process = try Program.spawn(
            [Program.path, "train", tiny.folder["recipe.yaml"], "--output", run], environment: [:], folder: tiny.folder
        ) { actions in
            posix_spawn_file_actions_addopen(&actions, 1, tiny.folder["out"], O_WRONLY | O_CREAT, 0o644)
            posix_spawn_file_actions_addopen(&actions, 2, tiny.folder["err"], O_WRONLY | O_CREAT, 0o644)
        }
        // The first step is told at once.
        for _ in 0..<1200 where !tiny.folder.text(tiny.folder["err"]).contains("step 1/") { usleep(50_000) }
        kill(process, SIGINT)
        var status: Int32 = 0
        #expect(waitpid(process, &status, 0) == process)
        #expect(Program.exitStatus(status) == 130, "\(tiny.folder.text(tiny.folder["err"]))")
        #expect(tiny.folder.text(tiny.folder["out"]).contains("\"stopped\":true"))
        #expect(tiny.folder.text(tiny.folder["err"]).contains("go on with --resume"))
        let done = try #require(
            try Record(tiny.folder.text(tiny.folder["out"]).split(separator: "\n").map(String.init)[0]).number("steps"))

        let more = Int(done) + 1
        let resumed = try Program.run(
            ["train", tiny.folder["recipe.yaml"], "--output", run, "--resume", "--set", "steps=\(more)"],
            in: tiny.folder)
        #expect(resumed.status == 0, "\(resumed.error)")
        #expect(try resumed.records()[0].number("steps") == Double(more))
        #expect(resumed.error.contains("going on after \(Int(done))"))
        let embedded = try Program.run(["embed", "--model", run], lines: ["red"], in: tiny.folder)
        #expect(embedded.status == 0, "\(embedded.error)")
    }

    @Test("a recipe that is wrong names file, line and column")
    func wrongRecipe() throws {
        let tiny = try recipe(steps: 1)
        func error(_ arguments: [String]) throws -> Program.Result {
            try Program.run(
                ["train", tiny.folder["recipe.yaml"], "--output", tiny.folder["x"]] + arguments, in: tiny.folder)
        }
        let pairs = try error(["--set", "data.pairs=none.jsonl"])
        #expect(pairs.status == 1)
        #expect(pairs.error.contains("none.jsonl"))
        let typo = try error(["--set", "batchsize=2"])
        #expect(typo.status == 1)
        #expect(typo.error.contains("batchSize"), "\(typo.error)")
        #expect(try error(["--set", "batchSize"]).status == 64)
        let missing = try Program.run(["train", tiny.folder["none.yaml"]], in: tiny.folder)
        #expect(missing.status == 1)
        #expect(missing.error.contains("none.yaml: cannot be read"))
    }
}
