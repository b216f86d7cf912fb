import CLIPKit
import ClipCommands
import TestSupport
import Testing
import YAML

/// Models and settings that are wrong: exit status 1, a message with the file, the place and what to do.
@Suite struct ModelErrorTests {
    let model = TinyModel.shared

    /// The message where the tiny model's description is changed.
    private func message(replacing old: String, with new: String) throws -> String {
        let folder = try TemporaryFolder()
        try folder.write(TinyModel.merges, to: folder["merges.txt"])
        try TinyModel.write(to: folder["m"], seed: 1, tokenizerFolder: folder.path)
        let file = folder["m/model.yaml"]
        let text = folder.text(file)
        #expect(text.contains(old))
        try folder.write(String(text.replacing(old, with: new)), to: file)
        let result = try Program.run(["embed", "--model", folder["m"]], lines: ["a"], in: folder)
        #expect(result.status == 1, "\(result)")
        #expect(result.output.isEmpty)
        return result.error
    }

    @Test("an unknown plugin is named with file, line, column and the nearest name")
    func unknownPlugin() throws {
        let text = try message(replacing: "encoder: vit", with: "encoder: vti")
        #expect(text.contains("model.yaml:3:12: there is no image-encoder 'vti'; did you mean 'vit'?"), "\(text)")
    }

    @Test("a typo in a setting is named with file, line, column and the nearest key")
    func typo() throws {
        let text = try message(replacing: "patchSize", with: "patchsize")
        #expect(text.contains("model.yaml:6:5: unknown key 'patchsize'"), "\(text)")
        #expect(text.contains("did you mean 'patchSize'?"), "\(text)")
    }

    @Test("a manifest with a typo is refused with line, column and the nearest key")
    func manifest() throws {
        struct Typo: Plugin {
            var manifest: [UInt8] {
                Array(
                    "apiVersion: 1\nname: mine\nversion: 1.0.0\nsumary: x\nprovides: []\nentry: {linked: Mine}\n".utf8)
            }
            func register(in registrar: inout PluginRegistrar) {}
        }
        let error = #expect(throws: YAMLError.self) { try PluginRegistry(Clip.linkedPlugins + [Typo()]) }
        #expect(error?.line == 4)
        #expect("\(try #require(error))".contains("'summary'"))
    }

    @Test("weights that lack a tensor, or have one of another shape, are refused by name")
    func weights() throws {
        let missing = try message(replacing: "heads: 2\npreprocess", with: "heads: 2\n  # more\npreprocess", layers: 3)
        #expect(missing.contains("model.safetensors: tensor 'visual.transformer.resblocks.2."), "\(missing)")
        #expect(missing.contains("is missing"), "\(missing)")
        let shape = try message(replacing: "embedding: 16", with: "embedding: 17")
        #expect(shape.contains("has shape [16, 16], the model needs [16, 17]"), "\(shape)")
    }

    private func message(replacing _: String, with _: String, layers: Int) throws -> String {
        // The image encoder's layers come first in the description.
        let folder = try TemporaryFolder()
        try folder.write(TinyModel.merges, to: folder["merges.txt"])
        try TinyModel.write(to: folder["m"], seed: 1, tokenizerFolder: folder.path)
        let file = folder["m/model.yaml"]
        let node = try YAMLNode.load(file).setting("image.config.layers", to: .int(layers))
        try folder.write(node.yamlText(), to: file)
        let result = try Program.run(["embed", "--model", folder["m"]], lines: ["a"], in: folder)
        #expect(result.status == 1, "\(result)")
        return result.error
    }

    @Test("a model that is nowhere is named, with the nearest name")
    func noModel() throws {
        let environment = ["CLIP_MODEL_PATH": model.folder.path]
        let result = try Program.run(
            ["embed", "--model", "tine"], lines: ["a"], environment: environment, in: model.folder)
        #expect(result.status == 1)
        #expect(result.error.contains("did you mean 'tiny'?"), "\(result.error)")
        let path = try Program.run(["embed", "--model", "./none"], lines: ["a"], in: model.folder)
        #expect(path.status == 1)
        #expect(path.error.contains("./none: there is no such model directory"), "\(path.error)")
    }
}

@Suite struct SettingsTests {
    let model = TinyModel.shared

    /// What `clip doctor --json` says of a setting: value and origin.
    private func setting(
        _ name: String, _ arguments: [String] = [], file: String? = nil, environment: [String: String] = [:]
    ) throws -> [String?] {
        let folder = try TemporaryFolder()
        if let file {
            _ = try Program.shell("mkdir -p '\(folder["clip"])'", in: folder)
            try folder.write(file, to: folder["clip/config.yaml"])
        }
        var variables = ["XDG_CONFIG_HOME": folder.path]
        variables.merge(environment) { $1 }
        let result = try Program.run(["doctor", "--json"] + arguments, environment: variables, in: folder)
        let record = try #require(try result.records().first { try $0.string("name") == name })
        return [try record.string("value"), try record.string("from")?.replacing(folder.path, with: "").description]
    }

    @Test("flags win over the environment, that over the user's file, that over the default")
    func precedence() throws {
        let file = "model: tiny\nthreads: 3\n"
        #expect(try setting("model") == ["starter", "default"])
        #expect(try setting("model", file: file) == ["tiny", "/clip/config.yaml:1"])
        #expect(try setting("threads", file: file) == ["3", "/clip/config.yaml:2"])
        #expect(try setting("threads", file: file, environment: ["CLIP_THREADS": "4"]) == ["4", "CLIP_THREADS"])
        #expect(
            try setting("threads", ["--threads", "5"], file: file, environment: ["CLIP_THREADS": "4"])
                == ["5", "--threads"])
        #expect(try setting("model", ["--model", "x"], file: file) == ["x", "--model"])
    }

    @Test("the user's file can say where models are")
    func modelPath() throws {
        let folder = try TemporaryFolder()
        _ = try Program.shell("mkdir -p '\(folder["clip"])'", in: folder)
        try folder.write("model: tiny\nmodelPath: \(model.folder.path)\n", to: folder["clip/config.yaml"])
        let result = try Program.run(
            ["embed"], lines: ["a"], environment: ["XDG_CONFIG_HOME": folder.path], in: folder)
        #expect(result.status == 0, "\(result.error)")
        #expect(try result.records()[0].string("space") == model.space)
    }

    @Test("a setting that is wrong names its place and the remedy")
    func wrong() throws {
        let folder = try TemporaryFolder()
        _ = try Program.shell("mkdir -p '\(folder["clip"])'", in: folder)
        func run(_ file: String, _ environment: [String: String] = [:]) throws -> Program.Result {
            try folder.write(file, to: folder["clip/config.yaml"])
            var variables = ["XDG_CONFIG_HOME": folder.path, "CLIP_MODEL": model.path]
            variables.merge(environment) { $1 }
            return try Program.run(["embed"], lines: ["a"], environment: variables, in: folder)
        }
        let typo = try run("modle: tiny\n")
        #expect(typo.status == 1)
        #expect(
            typo.error.contains("clip/config.yaml:1:1: unknown key 'modle'; did you mean 'model'?"), "\(typo.error)")
        let number = try run("jobs: 2\nthreads: many\n")
        #expect(number.status == 1)
        #expect(
            number.error.contains("clip/config.yaml:2:10: threads is 'many'; use a whole number from 1"),
            "\(number.error)")
        let variable = try run("", ["CLIP_THREADS": "-1"])
        #expect(variable.status == 64)
        #expect(variable.error == "clip embed: CLIP_THREADS is '-1'; use a whole number from 1 to 1024\n")
    }
}

@Suite struct ModelNameTests {
    @Test("what is in the working directory is opened by a path only, and the remedy says so")
    func workingDirectory() throws {
        let folder = try TemporaryFolder()
        try folder.write(TinyModel.merges, to: folder["merges.txt"])
        let space = try TinyModel.write(to: folder["starter2"], seed: 3, tokenizerFolder: folder.path)
        // A folder of a known model's name is none of it.
        try TinyModel.write(to: folder["starter"], seed: 4, tokenizerFolder: folder.path)
        _ = try Program.shell("cd '\(folder.path)' && mkdir plain && echo x > plain/y && echo x > list", in: folder)
        func embed(_ model: String) throws -> Program.Result {
            try Program.shell("cd '\(folder.path)' && echo a | clip embed --model '\(model)'", in: folder)
        }
        for (name, remedy) in [
            ("starter2", "to open the directory that is here, write ./starter2"),
            ("plain", "the directory ./plain is no model (has no model.yaml"),
            ("list", "the file ./list is no model"),
        ] {
            let result = try embed(name)
            #expect(result.status == 1)
            #expect(
                result.error.contains("\(name): there is no model of this name; a path has a slash: \(remedy)"),
                "\(result.error)")
        }
        let followed = try embed("./starter2")
        #expect(followed.status == 0, "\(followed.error)")
        #expect(try followed.records()[0].string("space") == space)
        let bundled = try embed("starter")
        #expect(bundled.status == 0, "\(bundled.error)")
        #expect(try bundled.records()[0].embedding.count == 192)
        let dot = try Program.shell("cd '\(folder["starter2"])' && echo a | clip embed --model .", in: folder)
        #expect(try dot.status == 0 && dot.records()[0].string("space") == space, "\(dot.error)")
    }

    @Test("an error about a model says who named it, where that was no flag")
    func origin() throws {
        let folder = try TemporaryFolder()
        for command in ["embed", "tokenize", "graph"] {
            let result = try Program.run([command], lines: ["a"], environment: ["CLIP_MODEL": "nope"], in: folder)
            #expect(result.status == 1)
            #expect(result.error.contains("clip \(command): CLIP_MODEL: nope: there is no model"), "\(result.error)")
        }
    }

    @Test(
        "models pull says what a name may mean",
        arguments: [
            ("ViT-B-32", "did you mean 'ViT-B-32:openai' or "), ("ViT-B-32:opena", "did you mean 'ViT-B-32:openai'?"),
            ("somebody/something", "did you mean 'hf:somebody/something'?"),
            ("qqqqqq", "'clip models list' shows them"),
        ])
    func pull(name: String, remedy: String) throws {
        let result = try Program.run(
            ["models", "pull", name], environment: ["HF_HUB_OFFLINE": "1"], in: TemporaryFolder())
        #expect(result.status == 64)
        #expect(result.error.contains("there is no published model '\(name)'; \(remedy)"), "\(result.error)")
    }
}

@Suite struct EnvironmentTests {
    @Test("variables that are named like ours and are none are told, near ones by every command")
    func strangers() throws {
        let near = try TinyModel.shared.run(["embed"], lines: ["a"], environment: ["CLIP_THREAD": "1"])
        #expect(near.status == 0)
        #expect(near.error == "clip embed: the variable CLIP_THREAD is not read; did you mean CLIP_THREADS?\n")
        let far = try TinyModel.shared.run(
            ["embed"], lines: ["a"], environment: ["CLIP_SOMETHING_ELSE_ALTOGETHER": "1"])
        #expect(far.status == 0 && far.error.isEmpty, "\(far.error)")
        let doctor = try TinyModel.shared.run(
            ["doctor", "--json"],
            environment: ["CLIP_SOMETHING_ELSE_ALTOGETHER": "1", "CLIP_BATCHSIZE": "3", "CLIP_THREADS": "1"])
        #expect(doctor.status == 0, "\(doctor.output)")
        let warnings = try doctor.records().filter { try $0.string("topic") == "warning" }
        #expect(try warnings.map { try $0.string("name") } == ["CLIP_BATCHSIZE", "CLIP_SOMETHING_ELSE_ALTOGETHER"])
        #expect(try warnings[0].string("value") == "is no variable of clip; did you mean CLIP_BATCH_SIZE?")
    }

    @Test(
        "a value that does not do is refused with what would, by the command that reads it and by doctor",
        arguments: [
            ("CLIP_THREADS", "two", "CLIP_THREADS is 'two'; use a whole number from 1 to 1024"),
            ("CLIP_THREADS", "0", "CLIP_THREADS is '0'; use a whole number from 1 to 1024"),
            ("CLIP_JOBS", "1.5", "CLIP_JOBS is '1.5'; use a whole number from 1 to 1024"),
            ("CLIP_BATCH_SIZE", "0", "CLIP_BATCH_SIZE is '0'; use a whole number from 1 to 4096"),
            ("CLIP_PRECISION", "bf16", "CLIP_PRECISION is 'bf16'; use one of auto, float32, bfloat16, int8"),
            ("CLIP_PRECISION", "Float32", "CLIP_PRECISION is 'Float32'; did you mean 'float32'?"),
            ("CLIP_BACKEND", "gpu", "CLIP_BACKEND: there is no backend 'gpu'; "),
            ("CLIP_TRUST_MODEL", "yes", "CLIP_TRUST_MODEL is 'yes'; use one of true, false"),
        ])
    func values(variable: String, value: String, message: String) throws {
        let embed = try TinyModel.shared.run(["embed"], lines: ["a"], environment: [variable: value])
        #expect(embed.status == 64 && embed.output.isEmpty)
        #expect(embed.error.hasPrefix("clip embed: \(message)"), "\(embed.error)")
        let doctor = try TinyModel.shared.run(["doctor"], environment: [variable: value])
        #expect(doctor.status == 1)
        #expect(doctor.output.contains(message), "\(doctor.output)")
    }

    @Test(
        "doctor names what other commands would stumble over or pass over",
        arguments: [
            ("HF_HUB_OFFLINE", "ture", "HF_HUB_OFFLINE: 'ture' is neither yes nor no; write 1 or 0"),
            ("HF_ENDPOINT", "huggingface.co", "HF_ENDPOINT: 'huggingface.co' is no address; write https://HOST"),
            ("HF_HUB_DOWNLOAD_TIMEOUT", "soon", "HF_HUB_DOWNLOAD_TIMEOUT: 'soon' is no number of seconds"),
            ("XDG_CONFIG_HOME", "config", "XDG_CONFIG_HOME is 'config', which is ignored"),
            ("CLIP_BPE_MERGES", "/none.txt.gz", "CLIP_BPE_MERGES is '/none.txt.gz', where there is no file"),
        ])
    func others(variable: String, value: String, message: String) throws {
        let doctor = try TinyModel.shared.run(["doctor"], environment: [variable: value])
        #expect(doctor.status == 1)
        #expect(doctor.output.contains(message), "\(doctor.output)")
    }

    @Test("a folder of CLIP_MODEL_PATH that is not there is marked")
    func modelPath() throws {
        let doctor = try TinyModel.shared.run(["doctor", "--json"], environment: ["CLIP_MODEL_PATH": "/none"])
        let folder = try doctor.records().first { try $0.string("value") == "/none" }
        #expect(try folder?.string("from") == "absent")
    }

    @Test("on one processor of the affinity mask, one thread works")
    func affinity() throws {
        let script =
            "first=$(sed -n 's/^Cpus_allowed_list:[^0-9]*\\([0-9]*\\).*/\\1/p' /proc/self/status); taskset -c $first clip "
        let doctor = try TinyModel.shared.shell(script + "doctor --json")
        guard doctor.status != 127 else { return }  // no taskset here
        let values = try Dictionary(
            doctor.records().map { (try $0.string("name") ?? "", try $0.string("value") ?? "") },
            uniquingKeysWith: { a, _ in a })
        #expect([values["count"], values["threads"], values["jobs"]] == ["1", "1", "1"], "\(doctor.output)")
        let bench = try TinyModel.shared.shell(script + "bench --json --iterations 1 --batch-size 1")
        #expect(try bench.records()[0].number("threads") == 1, "\(bench)")
    }
}
