import TestSupport
import Testing

@Suite struct HelpTests {
    @Test("every command explains itself, with an example where input is needed")
    func help() throws {
        let folder = try TemporaryFolder()
        let commands = [
            "embed", "rank", "train", "tokenize", "tokenizer train", "models list", "models info", "models pull",
            "models convert", "models quantize", "models verify", "plugins list", "plugins info", "graph", "bench",
            "doctor",
        ]
        for command in commands {
            let result = try Program.run(command.split(separator: " ").map(String.init) + ["--help"], in: folder)
            #expect(result.status == 0, "\(command)")
            #expect(result.output.contains("OVERVIEW: "), "\(command)")
            #expect(result.output.contains("USAGE: clip \(command)"), "\(command)")
            #expect(result.error.isEmpty, "\(command)")
        }
        for command in ["embed", "rank", "train", "tokenize", "graph", "bench"] {
            #expect(try Program.run([command, "--help"], in: folder).output.contains("EXAMPLES:\n  "), "\(command)")
        }
    }

    @Test("the help of embed and rank has the flags that DESIGN.md promises, with defaults")
    func flags() throws {
        let folder = try TemporaryFolder()
        let embed = try Program.run(["embed", "--help"], in: folder).output
        for flag in [
            "--model <name|path>", "--as <auto|image|text>", "--batch-size <count>", "--jobs <count>",
            "--encoding <array|base64>", "--on-error <skip|record|fail>", "--null", "--backend <name>",
            "--precision <auto|float32|bfloat16|int8>", "--threads <count>", "--no-normalize", "else float32",
            "(default: found",
        ] { #expect(embed.contains(flag), "\(flag)") }
        let rank = try Program.run(["rank", "--help"], in: folder).output
        for flag in [
            "--query <text|path>", "--queries <file>", "--top <count|all>", "--by <text|image>", "--model <name|path>",
            "(default: 10)",
        ] { #expect(rank.contains(flag), "\(flag)") }
    }

    @Test("wrong usage is told on standard error, with exit status 64")
    func usage() throws {
        let folder = try TemporaryFolder()
        for arguments in [
            ["embed", "--bogus"], ["embed", "--as", "dog"], ["embed", "--jobs", "0"], ["embed", "--jobs", "many"],
            ["embed", "list.txt"], ["rank", "--top", "0"], ["rank", "--by", "sound"], ["nonsense"], ["train"],
            ["rank", "--by", "text", "--query", "x"], ["graph", "--gradient"], ["plugins", "info", "vti"],
            ["embed", "--backend", "refernce"], ["embed", "--output", "states"],
        ] {
            let result = try TinyModel.shared.run(arguments, lines: ["a dog"])
            #expect(result.status == 64, "\(arguments) \(result)")
            #expect(result.output.isEmpty, "\(arguments)")
            #expect(!result.error.isEmpty, "\(arguments)")
        }
        let near = try Program.run(["plugins", "info", "vti"], in: folder)
        #expect(near.error == "clip plugins info: there is no plugin 'vti'; did you mean 'vit'?\n")
    }

    @Test("completion scripts come from the argument parser")
    func completion() throws {
        let result = try Program.run(["--generate-completion-script", "bash"], in: TemporaryFolder())
        #expect(result.status == 0)
        #expect(result.output.contains("--on-error"))
    }
}

extension TinyModel {
    /// One for all tests that only read it.
    static let shared = Result { try TinyModel() }.orStop
}

extension Result where Failure == any Error {
    fileprivate var orStop: Success {
        switch self {
        case .success(let value): value
        case .failure(let error): preconditionFailure("the model of the tests cannot be made: \(error)")
        }
    }
}

@Suite struct CommandNameTests {
    @Test(
        "a word that is no command gets the one that was probably meant",
        arguments: [
            (["embd"], "clip: there is no command 'embd'; did you mean 'embed'?"),
            (["Embed"], "clip: there is no command 'Embed'; did you mean 'embed'?"),
            (["tokenise"], "clip: there is no command 'tokenise'; did you mean 'tokenize'?"),
            (["doc"], "clip: there is no command 'doc'; did you mean 'doctor'?"),
            (["help", "rnak"], "clip: there is no command 'rnak'; did you mean 'rank'?"),
            (["models", "pul"], "clip models: there is no command 'pul'; did you mean 'pull'?"),
            (["models", "inof", "starter"], "clip models: there is no command 'inof'; did you mean 'info'?"),
            (["help", "models", "pul"], "clip models: there is no command 'pul'; did you mean 'pull'?"),
            (["plugins", "lst"], "clip plugins: there is no command 'lst'; did you mean 'list'?"),
            (["tokenizer", "trian"], "clip tokenizer: there is no command 'trian'; did you mean 'train'?"),
            (["pull", "x"], "clip: there is no command 'pull'; did you mean 'clip models pull'?"),
            (["models", "embed"], "clip models: there is no command 'embed'; did you mean 'clip embed'?"),
            (["list"], "clip: there is no command 'list'; did you mean 'clip models list' or 'clip plugins list'?"),
            (["dog.png"], "clip: there is no command 'dog.png'; name a command first, as in 'clip embed dog.png'"),
            (["serve"], "clip: there is no command 'serve'; use one of embed, rank, "),
            (["--model", "starter", "embed"], "clip: options stand after their command: clip embed --model starter"),
            (["--model", "x"], "clip: '--model' is no option of 'clip' itself; name a command first"),
            (["--vresion"], "clip: '--vresion' is no option of 'clip' itself; did you mean '--version'?"),
        ])
    func suggestions(arguments: [String], message: String) throws {
        let result = try Program.run(arguments, in: TemporaryFolder())
        #expect(result.status == 64)
        #expect(result.output.isEmpty)
        #expect(result.error.hasPrefix(message), "\(result.error)")
    }

    @Test(
        "options are suggested, too",
        arguments: [
            ("embed", "--bathc-size", "--batch-size"), ("rank", "--tpo", "--top"), ("bench", "--treads", "--threads"),
        ])
    func options(command: String, typed: String, meant: String) throws {
        let result = try Program.run([command, typed, "3"], in: TemporaryFolder())
        #expect(result.status == 64)
        #expect(result.error.contains("Did you mean '\(meant)'?"), "\(result.error)")
        #expect(result.error.split(separator: "\n").allSatisfy { $0.count <= 100 }, "\(result.error)")
    }

    @Test("clip alone, and help at any place, is help")
    func help() throws {
        let folder = try TemporaryFolder()
        let alone = try Program.run([], in: folder)
        #expect(alone.status == 0 && alone.output.hasPrefix("OVERVIEW: "))
        for arguments in [["models", "help", "pull"], ["models", "pull", "--help"], ["help", "models", "pull"]] {
            let result = try Program.run(arguments, in: folder)
            #expect(result.status == 0 && result.output.contains("USAGE: clip models pull "), "\(arguments) \(result)")
        }
        let version = try Program.run(["--version"], in: folder)
        #expect(version.status == 0 && version.output == "0.1.0\n")
    }
}
