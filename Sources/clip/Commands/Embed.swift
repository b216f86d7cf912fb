import ArgumentParser
import CLIPKit

/// `clip embed`
struct Embed: ClipSubcommand {
    static let title = "embed"
    static let configuration = CommandConfiguration(
        abstract: "Turn images and texts into vectors of one space.",
        discussion: """
            Reads one input a line from standard input. A line that ends like an image (.png .jpg .jpeg .webp) is the \
            path of one; any other line is a text; a line that starts with '{' is a JSON record: \
            {"id": ..., "image": "path"} or {"id": ..., "text": "..."}. Instead, image files can be named as arguments.

            Writes one JSON record a line, in the order of the input: id, modality, path or text, space (a digest of the \
            model), embedding (a unit vector), and the input's other keys as they were. A text that is longer than the \
            model takes is cut, and its record tells by how many tokens: "truncated".

            With --output tokens or penultimate, instead of one vector, the states of all tokens, as other models are             conditioned on them: "output", "shape" [tokens, width] and "states", row by row, in place of embedding.             tokens is what transformers calls last_hidden_state (Stable Diffusion 1.x), penultimate its             hidden_states[-2] (Stable Diffusion 2.x, which itself applies the final norm; LLaVA). Texts are padded to             the model's whole context. In Python:

              numpy.frombuffer(base64.b64decode(r["states"]), "<f4").reshape(r["shape"])

            EXAMPLES:
              clip embed < list.txt > embeddings.jsonl
              clip embed photos/*.jpg | clip rank --query "a dog on the beach"
              find photos -name '*.png' -print0 | clip embed --null
              echo '{"id": 7, "text": "a dog", "tag": "x"}' | clip embed --encoding base64
              echo 'a dog' | clip embed --output tokens --encoding base64
            """)

    @Argument(help: ArgumentHelp("Image files, instead of standard input.", valueName: "files"), completion: .file())
    var files: [String] = []

    @OptionGroup var model: ModelOption
    @OptionGroup var trust: TrustOption

    @Option(
        name: .customLong("as"),
        help: ArgumentHelp(
            "What plain lines are: auto (images where they end like one), image or text.", valueName: "auto|image|text")
    )
    var mode: EmbedInput.Mode = .auto

    @Option(
        name: .long,
        help: ArgumentHelp("Most inputs that are encoded at once. (default: found by measuring)", valueName: "count"))
    var batchSize: Int?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Threads that decode images and tokenize texts. (default: all processors)", valueName: "count"))
    var jobs: Int?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "How vectors are written: array, or base64 of little-endian float32.", valueName: "array|base64"))
    var encoding: EmbeddingEncoding = .array

    @Option(
        name: .long,
        help: ArgumentHelp(
            "What is written: one vector (pooled), or the states of all tokens after the last block (tokens) or before it "
                + "(penultimate).", valueName: "pooled|tokens|penultimate"))
    var output: EncoderOutput = .pooled

    @Option(
        name: .long,
        help: ArgumentHelp(
            "When a record fails: skip it, write an error record in its place, or fail at once. It is told on standard "
                + "error in any case, and the exit status is 2.", valueName: "skip|record|fail"))
    var onError: OnError = .skip

    @Flag(name: .customLong("null"), help: "Inputs end with NUL instead of a line feed.")
    var isNullSeparated = false

    @Flag(name: .long, help: "A text that is longer than the model takes fails instead of being cut.")
    var strict = false

    @OptionGroup var backend: BackendOptions

    @Flag(name: .long, help: "Leave vectors at the length that the model gives them; states of tokens always are.")
    var noNormalize = false

    @Flag(name: .long, help: "At the end, print on standard error what every step took and its share of the peak.")
    var profile = false

    func run(in context: CommandContext) async throws {
        let lines = try lines(context)
        let settings = try context.settings()
        var options = EmbedPipeline.Options(encoding: encoding, onError: onError, normalize: !noNormalize)
        options.batchSize = try settings.count(.batchSize, flag: ("--batch-size", batchSize), maximum: 4096)?.0
        options.jobs = try settings.count(
            .jobs, flag: ("--jobs", jobs), default: Threads.processorCount, maximum: BackendOptions.maximumThreads
        ).0
        options.output = output
        options.isStrict = strict
        let mode = files.isEmpty ? mode : .image
        let encoders = try context.openModel(model, trust, backend)
        let pipeline = EmbedPipeline(
            reader: EmbedInputReader(lines, mode: mode), model: encoders,
            writer: RecordWriter(descriptor: context.output), options: options, note: context.note)
        let summary = try pipeline.run()
        if profile { for profile in encoders.takeProfiles() { context.writeError(profile.table) } }
        if summary.truncated > 0 {
            context.note(
                "\(counted(summary.truncated, "text")) had more tokens than the model takes and lost the rest; "
                    + "'truncated' in the record tells how many")
        }
        if summary.upstream > 0 { context.note("\(counted(summary.upstream, "record")) had failed upstream") }
        if summary.failed + summary.upstream > 0 { throw someRecordsFailed }
    }

    private func lines(_ context: CommandContext) throws -> LineReader {
        guard files.isEmpty else {
            if mode == .text {
                throw UsageError("arguments are image files; to embed texts, pass them on standard input, one a line")
            }
            if isNullSeparated { throw UsageError("--null is about standard input; leave it out, or the arguments") }
            for file in files where mode == .auto && !RecordPath.endsLikeImage(Array(file.utf8)) {
                throw UsageError(
                    "'\(file)' does not end like an image (.png .jpg .jpeg .webp); if it is one, add --as image; if it is "
                        + "a list of inputs, pass it on standard input: clip embed < '\(file)'")
            }
            // A brace would start a record.
            let paths = files.map { $0.hasPrefix("{") ? "./" + $0 : $0 }
            return LineReader(
                bytes: Array(paths.joined(separator: "\0").utf8), name: "the arguments", separator: .nul)
        }
        try context.refuseTerminalInput(
            "standard input is a terminal, and there is nothing to read; pass inputs, one a line: "
                + "'clip embed < list.txt', or name images: 'clip embed *.png'; see 'clip embed --help'")
        return LineReader(descriptor: context.input, separator: isNullSeparated ? .nul : .newline)
    }
}

/// "1 text", "2 texts"
func counted(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }
