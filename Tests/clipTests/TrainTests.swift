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

    @Test("the first line says what a run starts from, and so do the record and the settings that are kept")
    func origin() throws {
        let tiny = try recipe(steps: 1)
        func train(_ run: String, _ settings: [String]) throws -> Program.Result {
            try tiny.run(
                ["train", tiny.folder["recipe.yaml"], "--output", tiny.folder[run]]
                    + settings.flatMap { ["--set", $0] },
                environment: ["CLIP_MODEL_PATH": tiny.folder["models"]])
        }
        #expect(mkdir(tiny.folder["models"], 0o777) == 0)
        _ = try TinyModel.write(to: tiny.folder["models/base"], seed: 5, tokenizerFolder: tiny.folder.path)
        let cases: [(settings: [String], first: String)] = [
            (["seed=7"], "starts from random weights, seed 7"),
            (["model=base"], "starts from random weights, seed 0 (model 'tiny'); the weights of 'base' are not used"),
            (["init=base"], "starts from the weights of base ("),
            (["model=null", "init=base"], "starts from the weights of base ("),
            (["init={model: base, towers: [text]}"], "starts from the text tower of base ("),
        ]
        for (index, (settings, first)) in cases.enumerated() {
            let result = try train("run-\(index)", settings)
            #expect(result.status == 0 && result.error.hasPrefix("clip train: \(first)"), "\(result)")
            let origin = try #require(try result.records()[0].string("startedFrom"))
            #expect(first.contains(origin.prefix(20)), "\(origin)")
            #expect(tiny.folder.text(tiny.folder["run-\(index)/training.yaml"]).contains("# It started from \(origin)"))
        }
        let other = try train("other", ["init=base", "model.embedding=8"])
        #expect(other.status == 1 && other.error.contains("is [16, 16] in 'base' and [16, 8] in"), "\(other)")
        #expect(try train("unknown", ["init=bose"]).error.contains("did you mean 'base'"))
    }

    @Test("the starter, started from and moved by nothing, scores as before to the last digit that counts")
    func starter() throws {
        let folder = try TemporaryFolder()
        let pictures = repositoryRoot + "/Examples/pictures/"
        let list = try TestSupport.lines(of: pictures + "list.txt").map { $0.hasSuffix(".png") ? pictures + $0 : $0 }
        let pairs = list.filter { $0.hasSuffix(".png") }.map { path in
            let words = path.split(separator: "/").last?.split(separator: ".")[0].split(separator: "-").joined(
                separator: " ")
            return "{\"image\":\"\(path)\",\"text\":\"\(words ?? "")\"}\n"
        }
        try folder.write(pairs.joined(), to: folder["pairs.jsonl"])
        try folder.write(
            "init: starter\ndata: {pairs: pairs.jsonl}\nbatchSize: 8\nsteps: 1\noptimizer: {learningRate: 1.0e-12}\n",
            to: folder["recipe.yaml"])
        let made = try Program.run(["train", folder["recipe.yaml"], "--output", folder["run"]], in: folder)
        #expect(made.status == 0, "\(made)")
        func vectors(_ model: String) throws -> [[Float]] {
            let result = try Program.run(["embed", "--model", model], lines: list, in: folder)
            #expect(result.status == 0, "\(result)")
            return try result.records().map { try $0.embedding }
        }
        let (before, after) = (try vectors("starter"), try vectors(folder["run"]))
        #expect(before.count == list.count && after.count == list.count)
        for (a, b) in zip(before, after) { #expect(zip(a, b).allSatisfy { abs($0 - $1) < 1e-6 }) }
    }

    @Test("bad lines and images are named before the first step, the rest is trained on, and the exit status says so")
    func badData() throws {
        let tiny = try recipe(steps: 2)
        let pairs = tiny.folder.text(tiny.folder["pairs.jsonl"])
        let png = tiny.folder.bytes(tiny.folder["red.png"])
        try tiny.folder.write(Array(png.dropLast(30)), to: tiny.folder["cut.png"])
        try tiny.folder.write(
            pairs + #"{"image":"cut.png","text":"the cat"}"# + "\n" + #"{"image":"none.png","text":"the"}"# + "\n",
            to: tiny.folder["pairs.jsonl"])
        func train(_ run: String, _ maximum: Int) throws -> Program.Result {
            try Program.run(
                [
                    "train", tiny.folder["recipe.yaml"], "--output", tiny.folder[run], "--set",
                    "data.maximumFailures=\(maximum)",
                ], in: tiny.folder)
        }
        for (maximum, status) in [(1, Int32(1)), (2, 2)] {
            let result = try train("run-\(maximum)", maximum)
            #expect(result.status == status, "\(result)")
            for word in ["pairs.jsonl:5: ", "cut.png: ", "pairs.jsonl:6: ", "none.png: no such file"] {
                #expect(result.error.contains(word), "\(result.error)")
            }
            #expect(access(tiny.folder["run-\(maximum)"], F_OK) == (maximum == 1 ? -1 : 0))
        }
    }

    @Test("a terminal that goes away, and a request to end, leave a checkpoint", arguments: [SIGHUP, SIGTERM])
    func ended(signal: Int32) throws {
        let tiny = try recipe(steps: 1_000_000)
        let process = try Program.spawn(
            [Program.path, "train", tiny.folder["recipe.yaml"], "--output", tiny.folder["run"]], environment: [:],
            folder: tiny.folder
        ) { actions in
            posix_spawn_file_actions_addopen(&actions, 1, tiny.folder["out"], O_WRONLY | O_CREAT, 0o644)
            posix_spawn_file_actions_addopen(&actions, 2, tiny.folder["err"], O_WRONLY | O_CREAT, 0o644)
        }
        for _ in 0..<1200 where !tiny.folder.text(tiny.folder["err"]).contains("step 1/") { usleep(50_000) }
        kill(process, signal)
        var status: Int32 = 0
        #expect(waitpid(process, &status, 0) == process && Program.exitStatus(status) == 130)
        #expect(access(tiny.folder["run/checkpoint.safetensors"], F_OK) == 0)
    }

    @Test("a disk that takes no more ends a run with an error, not a signal; what was saved before stays")
    func full() throws {
        let tiny = try recipe(steps: 1)
        let train = "clip train recipe.yaml --output run --set metrics.every=1 --set checkpoint.dtype=float32"
        let first = try Program.shell("cd '\(tiny.folder.path)' && \(train)", in: tiny.folder)
        #expect(first.status == 0, "\(first)")
        let before = tiny.folder.bytes(tiny.folder["run/checkpoint.safetensors"])
        // 512-byte blocks: enough for lines of metrics, not for a checkpoint.
        let script = "cd '\(tiny.folder.path)' && ulimit -f 8 && \(train) --resume --set steps=3"
        let result = try Program.shell(script, in: tiny.folder)
        #expect(result.status == 1 && result.error.contains("checkpoint.safetensors"), "\(result)")
        #expect(tiny.folder.bytes(tiny.folder["run/checkpoint.safetensors"]) == before && !before.isEmpty)
        #expect(
            try Program.shell("cd '\(tiny.folder.path)' && \(train) --resume --set steps=3", in: tiny.folder).status
                == 0)
    }
}
