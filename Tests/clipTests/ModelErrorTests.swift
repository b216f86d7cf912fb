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
