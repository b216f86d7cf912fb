import TestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Nothing that somebody made is written over unasked, by no command.
@Suite struct OutputTests {
    let tiny: TinyModel

    init() throws {
        tiny = try TinyModel()
        _ = try tiny.picture("red.png", 255, 0, 0)
        let folder = tiny.folder
        try folder.write("the cat\nthe hat\nthe cat\n", to: folder["texts.txt"])
        try folder.write(
            #"{"image":"red.png","text":"the cat"}"# + "\n" + #"{"image":"red.png","text":"the hat"}"# + "\n",
            to: folder["pairs.jsonl"])
        try folder.write(
            "model: tiny\ndata: {pairs: pairs.jsonl}\nbatchSize: 2\nsteps: 1\nbackend: reference\n",
            to: folder["recipe.yaml"])
    }

    /// Every command that writes a folder, without the folder.
    static let commands: [[String]] = [
        ["train", "recipe.yaml", "--output"], ["models", "convert", "./tiny"],
        ["models", "quantize", "./tiny", "--calibration", "texts.txt"],
    ]

    /// Runs `clip` in the folder.
    private func clip(_ arguments: [String], input: String = "/dev/null") throws -> Program.Result {
        let words = arguments.map { "'\($0)'" }.joined(separator: " ")
        return try Program.shell("cd '\(tiny.folder.path)' && clip \(words) < '\(input)'", in: tiny.folder)
    }

    private func run(_ command: [String], _ folder: String, _ more: [String] = []) throws -> Program.Result {
        try clip(command + [folder] + more)
    }

    @Test(
        "a folder with something else in it is refused, named, and stays; --force writes there and keeps what is other's",
        arguments: commands)
    func folders(command: [String]) throws {
        let folder = tiny.folder
        for name in ["README.md", "config.json", "model.safetensors"] {
            #expect(mkdir(folder["taken"], 0o777) == 0 || errno == EEXIST)
            try folder.write("mine", to: folder["taken/\(name)"])
        }
        let refused = try run(command, "taken")
        #expect(refused.status == 1 && refused.output.isEmpty, "\(refused)")
        for word in ["taken", "README.md", "config.json", "model.safetensors", "--force"] {
            #expect(refused.error.contains(word), "\(refused.error)")
        }
        for name in ["README.md", "config.json", "model.safetensors"] {
            #expect(folder.text(folder["taken/\(name)"]) == "mine")
        }
        #expect(names(in: folder["taken"]).count == 3)

        let forced = try run(command, "taken", ["--force"])
        #expect(forced.status == 0, "\(forced)")
        #expect(folder.text(folder["taken/README.md"]) == "mine" && folder.text(folder["taken/config.json"]) == "mine")
        let embedded = try clip(["embed", "--model", "./taken"], input: "texts.txt")
        #expect(embedded.status == 0, "\(embedded)")
    }

    @Test(
        "new and empty folders are written to; a file in the way is refused, and so is the model that is read",
        arguments: commands)
    func places(command: [String]) throws {
        let folder = tiny.folder
        #expect(mkdir(folder["empty"], 0o777) == 0 && symlink("empty", folder["link"]) == 0)
        #expect(try run(command, "deep/new").status == 0)
        #expect(try run(command, "link").status == 0)
        #expect(!names(in: folder["empty"]).isEmpty)
        let file = try run(command, "texts.txt")
        #expect(file.status == 1 && file.error.contains("texts.txt: is there already"), "\(file)")

        let before = folder.bytes(folder["tiny/model.safetensors"])
        #expect(symlink("tiny", folder["other-name"]) == 0)
        for place in command[0] == "train" ? [] : ["tiny", "./tiny/", "other-name", "tiny/new", "."] {
            let refused = try run(command, place, ["--force"])
            #expect(refused.status == 1 && refused.error.contains("what is read"), "\(place): \(refused)")
        }
        let initial = try run(["train", "recipe.yaml", "--set", "init=tiny", "--output"], "other-name", ["--force"])
        #expect(initial.status == 1 && initial.error.contains("is the same file as"), "\(initial)")
        #expect(folder.bytes(folder["tiny/model.safetensors"]) == before)
    }

    @Test("what the same command made in the same way it makes again; what was changed since it leaves alone")
    func again() throws {
        let folder = tiny.folder
        for command in Self.commands.dropFirst() {
            let name = "made-\(command[1])"
            for _ in 0..<2 { #expect(try run(command, name).status == 0) }
            try folder.write("name: mine\n", to: folder["\(name)/model.yaml"])
            let refused = try run(command, name)
            #expect(refused.status == 1 && refused.error.contains("model.yaml"), "\(refused)")
        }
        let other = try run(["models", "quantize", "./made-quantize", "--calibration", "texts.txt"], "made-convert")
        #expect(other.status != 0)
        #expect(try run(["models", "convert", "./tiny", "--dtype", "f16"], "made-quantize").status == 1)
    }

    @Test("train: a run that is there is kept, without --resume and without --force; both together are none")
    func runs() throws {
        let train = Self.commands[0]
        #expect(try run(train, "run").status == 0)
        let weights = tiny.folder.bytes(tiny.folder["run/model.safetensors"])
        let again = try run(train, "run", ["--set", "seed=2"])
        #expect(again.status == 1 && again.error.contains("--resume") && again.error.contains("--force"), "\(again)")
        #expect(tiny.folder.bytes(tiny.folder["run/model.safetensors"]) == weights)
        #expect(try run(train, "run", ["--resume", "--force"]).status == 64)
        let nothing = try run(train, "none", ["--resume"])
        #expect(nothing.status == 1 && nothing.error.contains("nothing to resume"), "\(nothing)")
        #expect(try run(train, "run", ["--force", "--set", "seed=2"]).status == 0)
        #expect(tiny.folder.bytes(tiny.folder["run/model.safetensors"]) != weights)
    }

    @Test("tokenizer train: an output that is there, or is an input by any name, is left alone")
    func merges() throws {
        let folder = tiny.folder
        func train(_ arguments: [String], input: String? = nil) throws -> Program.Result {
            try clip(["tokenizer", "train"] + arguments, input: input ?? "/dev/null")
        }
        #expect(try train(["texts.txt", "--output", "m.txt"]).status == 0)
        #expect(try train(["texts.txt", "--output", "m.txt"]).status == 0)
        let made = folder.text(folder["m.txt"])
        let other = try train(["texts.txt", "--vocabulary-size", "515", "--output", "m.txt"])
        #expect(other.status == 1 && other.error.contains("m.txt: is there already, with other content"), "\(other)")
        #expect(folder.text(folder["m.txt"]) == made)
        #expect(try train(["texts.txt", "--vocabulary-size", "515", "--output", "m.txt", "--force"]).status == 0)

        let texts = folder.text(folder["texts.txt"])
        #expect(link(folder["texts.txt"], folder["hard"]) == 0 && symlink("texts.txt", folder["soft"]) == 0)
        for name in ["texts.txt", "./texts.txt", "hard", "soft"] {
            #expect(try train(["texts.txt", "--output", name, "--force"]).status == 1)
            #expect(try train(["--output", name, "--force"], input: "texts.txt").status == 1)
        }
        #expect(folder.text(folder["texts.txt"]) == texts)
    }

    @Test(
        "a file that is read is never standard output, by whatever name",
        arguments: [
            "embed < list >> list", "embed < list >> hard", "embed < list >> soft", "embed < soft >> list",
            "embed red.png >> red.png", "embed --as image hard.png >> red.png", "tokenize < list >> list",
            "rank < list >> list", "rank --queries list < texts.txt >> hard", "rank --queries=list < texts.txt >> list",
            "rank --query red.png < texts.txt >> red.png", "tokenize --tokenizer merges.txt < texts.txt >> merges.txt",
            "train recipe.yaml --output new >> recipe.yaml", "tokenizer train list --output new >> list",
            "embed < list 1<> list",
        ])
    func standardOutput(script: String) throws {
        let folder = tiny.folder
        try folder.write("the cat\nthe hat\n", to: folder["list"])
        for (name, hard) in [("list", "hard"), ("red.png", "hard.png")] {
            #expect(link(folder[name], folder[hard]) == 0)
        }
        #expect(symlink("list", folder["soft"]) == 0)
        let files = ["list", "red.png", "merges.txt", "recipe.yaml", "texts.txt"]
        let before = files.map { folder.bytes(folder[$0]) }
        let result = try Program.shell("cd '\(folder.path)' && clip \(script)", in: folder)
        #expect(result.status == 64 && result.error.contains("write to another file"), "\(result)")
        #expect(files.map { folder.bytes(folder[$0]) } == before)
        #expect(access(folder["new"], F_OK) != 0)
    }

    @Test("a list that the shell has emptied already is told, too, and is no success")
    func emptied() throws {
        try tiny.folder.write("the cat\n", to: tiny.folder["list"])
        let result = try Program.shell("cd '\(tiny.folder.path)' && clip embed < list > list", in: tiny.folder)
        #expect(result.status == 64 && result.error.contains("are the same file"), "\(result)")
    }

    @Test("what goes elsewhere is written as ever: another file, a pipe, a device")
    func elsewhere() throws {
        try tiny.folder.write("the cat\n", to: tiny.folder["list"])
        let script = "cd '\(tiny.folder.path)' && clip tokenize --tokenizer merges.txt"
        for end in ["< list > out", "< list >> out", "< list | cat", "< list > /dev/null", "< /dev/null > out"] {
            #expect(try Program.shell("\(script) \(end)", in: tiny.folder).status == 0, "\(end)")
        }
    }
}
