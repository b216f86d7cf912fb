import ArgumentParser
import AtomicFiles
import BPETokenizer
import CLIPKit

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// `clip tokenizer`
struct TokenizerCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tokenizer", abstract: "Make tokenizers.", subcommands: [TokenizerTrain.self])
}

/// `clip tokenizer train`
struct TokenizerTrain: ClipSubcommand {
    static let title = "tokenizer train"
    static let configuration = CommandConfiguration(
        commandName: "train",
        abstract: "Learn the merges of a byte-pair encoding from texts.",
        discussion: """
            Reads one text a line, from FILES or standard input, or one field of JSON lines, and writes a merge file that \
            the tokenizer plugin 'bpe' and 'clip tokenize --tokenizer' take. The same texts give the same merges, in \
            whatever order they come. Memory grows with different words, not with texts. A file that is there is left alone, \
            unless it holds the same merges.

            EXAMPLES:
              clip tokenizer train captions.txt --vocabulary-size 4096 --output merges.txt
              clip tokenizer train --json-key text < pairs.jsonl
            """)

    @Argument(help: ArgumentHelp("Files of texts, instead of standard input.", valueName: "files"), completion: .file())
    var files: [RawArgument] = []

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Token ids to reach: 512 for bytes, 2 for start and end, the rest are merges.", valueName: "count"))
    var vocabularySize = 8192

    @Option(name: .long, help: ArgumentHelp("Where the merges go.", valueName: "file"), completion: .file())
    var output = "merges.txt"

    @Option(
        name: .long, help: ArgumentHelp("Lines are JSON objects, and the text stands under this key.", valueName: "key")
    )
    var jsonKey: String?

    @OptionGroup var plain: PlainInputOption

    @Option(name: .long, help: ArgumentHelp("How often a pair must occur to be merged.", valueName: "count"))
    var minimumFrequency = 2

    @Flag(name: .long, help: "Replace the output file, whatever it is; but never one of the inputs.")
    var force = false

    func validate() throws {
        guard minimumFrequency >= 1 else { throw ValidationError("--minimum-frequency is below 1.") }
        if plain.mode == .image { throw ValidationError("Merges are learned from texts; leave out --as image.") }
    }

    func run(in context: CommandContext) async throws {
        if files.isEmpty {
            try context.refuseTerminalInput(
                "standard input is a terminal, and there are no texts to read; name files, or pass texts: "
                    + "'clip tokenizer train < texts.txt'")
        }
        if files.isEmpty { try OutputRule.check(file: output, isNot: context.input, named: "standard input") }
        var trainer = BPETrainer()
        var failed = 0
        if files.isEmpty { failed += try read(LineReader(descriptor: context.input), &trainer, context) }
        for file in files {
            let descriptor = file.withCString { open($0, O_RDONLY | O_CLOEXEC) }
            guard descriptor >= 0 else {
                throw CheckpointError("\(file)", "cannot be opened: \(String(cString: strerror(errno)))")
            }
            defer { close(descriptor) }
            try OutputRule.check(file: output, isNot: descriptor, named: "\(file)")
            failed += try read(LineReader(descriptor: descriptor, name: "\(file)"), &trainer, context)
        }
        let table = try trainer.train(vocabularySize: vocabularySize, minimumFrequency: minimumFrequency)
        try OutputRule.write(table.fileText(), toFile: output, force: force)
        if table.vocabularySize < vocabularySize {
            context.note(
                "\(output) has \(table.vocabularySize) ids, not \(vocabularySize): no other pair occurs "
                    + "\(minimumFrequency) times; give more text")
        }
        if failed > 0 { throw someRecordsFailed }
    }

    /// Adds the texts; gives the number of lines that hold none.
    private func read(_ lines: LineReader, _ trainer: inout BPETrainer, _ context: CommandContext) throws -> Int {
        let parser = JSONRecordParser()
        var failed = 0
        while let item = try lines.next() {
            switch item {
            case .tooLong(let number, let length):
                failed += 1
                context.note("\(lines.name): line \(number): \(length) bytes are more than a line may have")
            case .line(let line):
                do throws(RecordError) {
                    trainer.add(try text(line.bytes, parser))
                } catch {
                    failed += 1
                    context.note("\(lines.name): line \(line.number): \(error)")
                }
            }
        }
        return failed
    }

    private func text(_ line: [UInt8], _ parser: JSONRecordParser) throws(RecordError) -> String {
        guard let jsonKey else {
            if line.allSatisfy(PlainLine.isBlank) { return "" }
            if plain.mode == .auto, line.first == UInt8(ascii: "{") {
                throw RecordError(
                    code: "input.json",
                    message: "the line is a record; name the key of its text with --json-key, or pass --as text")
            }
            guard case .text(let text) = try PlainLine.content(line, mode: plain.mode) else {
                throw RecordError(code: "input.file", message: "the line is the name of an image; \(PlainLine.remedy)")
            }
            return text
        }
        guard let text = try parser.parse(line).string(jsonKey) else {
            throw RecordError(code: "input.neither", message: "the record has no '\(jsonKey)'")
        }
        return text
    }
}
