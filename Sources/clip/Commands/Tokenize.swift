import ArgumentParser
import BPETokenizer
import CLIPKit

/// `clip tokenize`
struct Tokenize: ClipSubcommand {
    static let title = "tokenize"
    static let configuration = CommandConfiguration(
        abstract: "Show the token ids of texts.",
        discussion: """
            Reads one text a line from standard input, or JSON records {"id": ..., "text": "..."}, as 'clip embed' takes \
            them (a line that could be meant otherwise than as a text fails, unless --as text says so), and writes one record a \
            line: id, tokens (start and end included), and the input's other keys. With a model, texts are cut to its \
            context as 'clip embed' cuts them: "truncated" then tells by how many tokens.

            EXAMPLES:
              echo 'a photo of a dog' | clip tokenize
              clip tokenize --tokenizer merges.txt < captions.txt
            """)

    @OptionGroup var model: ModelOption

    @Option(
        name: .long,
        help: ArgumentHelp("A merge file, instead of a model: byte-pair encoding, nothing is cut.", valueName: "file"),
        completion: .file())
    var tokenizer: String?

    @OptionGroup var plain: PlainInputOption

    @Flag(name: .customLong("null"), help: "Inputs end with NUL instead of a line feed.")
    var isNullSeparated = false

    @Flag(name: .long, help: "Records may have an image beside the text; the text is read, and its id ends with /text.")
    var pairs = false

    @Flag(name: .long, help: "A text that is longer than the model takes fails instead of being cut.")
    var strict = false

    func validate() throws {
        if tokenizer != nil, model.model != nil {
            throw ValidationError("--model and --tokenizer both name a tokenizer; leave one of them out.")
        }
        if plain.mode == .image { throw ValidationError("Only texts have tokens; leave out --as image.") }
        if tokenizer != nil, model.openingOptions.areGiven {
            throw ValidationError(
                "--config and --image-size are of a model, and --tokenizer takes none; leave them out.")
        }
    }

    func run(in context: CommandContext) async throws {
        try context.refuseTerminalInput(
            "standard input is a terminal, and there are no texts to read; pass them, one a line: "
                + "'clip tokenize < texts.txt'; see 'clip tokenize --help'")
        let (tokenizer, contextLength) = try open(context)
        let lines = LineReader(descriptor: context.input, separator: isNullSeparated ? .nul : .newline)
        let reader = EmbedInputReader(lines, mode: plain.mode, pairs: pairs)
        let writer = RecordWriter(descriptor: context.output)
        var failed = 0
        var upstream = 0
        var cut = 0
        while true {
            if !reader.isReady { try writer.flush() }
            guard let item = try reader.next() else { break }
            switch item {
            case .upstream(let record):
                upstream += 1
                try writer.write(record)
            case .failed(let record):
                failed += 1
                context.note("\(record)")
            case .input(let input):
                guard case .text(let text) = input.content else {
                    if pairs { continue }
                    failed += 1
                    context.note(
                        "line \(input.line): the record is an image; only texts have tokens; if it is a text, pass --as text "
                            + "or write {\"text\": \"...\"}")
                    continue
                }
                let tokens = tokenizer.tokenize(text, contextLength: contextLength)
                if strict, let error = tokens.truncation {
                    failed += 1
                    context.note("\(ErrorRecord(id: input.id, line: input.line, error: error))")
                    continue
                }
                if tokens.truncated > 0 { cut += 1 }
                try writer.write { object in
                    object.raw("id", input.id.json)
                    object.ints("tokens", tokens.ids.map(Int.init))
                    if tokens.truncated > 0 { object.int("truncated", tokens.truncated) }
                    object.raw(input.extra.filter { !["tokens", "truncated"].contains($0.name) })
                }
            }
        }
        try writer.flush()
        if cut > 0 { context.note("\(counted(cut, "text")) had more tokens than the model takes and lost the rest") }
        if upstream > 0 { context.note("\(counted(upstream, "record")) had failed upstream") }
        if failed + upstream > 0 { throw someRecordsFailed }
    }

    private func open(_ context: CommandContext) throws -> (any Tokenizer, contextLength: Int) {
        if let file = tokenizer {
            let table = try MergeTable(contentsOf: file)
            return (CLIPTokenizer(encoder: BytePairEncoder(table: table)), .max)
        }
        // The weights are not needed.
        let plugins = try context.registry()
        let source = try model.opening(in: context.settings()) { name in
            try context.modelStore().source(name, options: model.options())
        }
        let encoder = try DualEncoder(source.layout.config, plugins: plugins)
        let tokenizer = try ModelDirectory.tokenizer(of: encoder, folder: source.folder, plugins: plugins)
        return (tokenizer, try encoder.text.contextLength)
    }
}
