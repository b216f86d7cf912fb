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
