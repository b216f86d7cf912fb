import ArgumentParser
import CLIPKit

/// `clip embed`
struct Embed: ClipSubcommand {
    static let title = "embed"
    static let configuration = CommandConfiguration(
        abstract: "Turn images and texts into vectors of one space.",
        discussion: """
            Reads one input a line from standard input. A line that ends like an image \
            (\(MediaEndings.commonImages) ...) is the path of one; a line that starts with '{' is a JSON record: \
            {"id": ..., "image": "path"} or {"id": ..., "text": "..."}; any other line is a text, unless it could be \
            meant otherwise (the name of another file or folder, a URI, other JSON, UTF-16): that fails, and --as text \
            says that it is a text. Instead, image files can be named as arguments, or texts with --as text.

            Photos stand upright, as EXIF says; of animations and pages the first is taken. HEIC and AVIF need libheif, camera \
            RAW files (whose preview is taken) libraw, TIFF libtiff.

            A record that has both, image and text, is two inputs with --pairs, whose ids end with /image and /text.

            Writes one JSON record a line, in the order of the input: id, modality, path or text, space (a digest of the \
            model), embedding (a unit vector), and the input's other keys as they were. A text that is longer than the \
            model takes is cut, and its record tells by how many tokens: "truncated".

            With --output tokens or penultimate, instead of one vector, the states of all tokens, as other models are \
            conditioned on them: "output", "shape" [tokens, width] and "states", row by row, in place of embedding. tokens \
            is what transformers calls last_hidden_state (Stable Diffusion 1.x), penultimate its hidden_states[-2] (Stable \
            Diffusion 2.x, which itself applies the final norm; LLaVA). Texts are padded to the model's whole context. In \
            Python:

              numpy.frombuffer(base64.b64decode(r["states"]), "<f4").reshape(r["shape"])

            EXAMPLES:
              clip embed < list.txt > embeddings.jsonl
              clip embed --model ViT-B-32:openai photos/*.jpg | clip rank --query "a dog on the beach"
              find photos -name '*.png' -print0 | clip embed --null
              echo '{"id": 7, "text": "a dog", "tag": "x"}' | clip embed --encoding base64
              echo 'a dog' | clip embed --output tokens --encoding base64
            """)

    @Argument(
        help: ArgumentHelp(
            "Image files, instead of standard input, which - is; texts with --as text. A name may begin with a dash.",
            valueName: "files"),
        completion: .file(extensions: MediaEndings.imageEndings))
    var files: [RawArgument] = []

    @OptionGroup var model: ModelOption
    @OptionGroup var trust: TrustOption

    @OptionGroup var plain: PlainInputOption

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

    @Flag(name: .long, help: "A record with image and text is two inputs: ids 7/image and 7/text.")
    var pairs = false

    @Flag(name: .long, help: "A text that is longer than the model takes fails instead of being cut.")
    var strict = false

    @OptionGroup var images: ImageDecodingOptions
    @OptionGroup var backend: BackendOptions

    @Flag(name: .long, help: "Leave vectors at the length that the model gives them; states of tokens always are.")
    var noNormalize = false

    @Flag(name: .long, help: "At the end, print on standard error what every step took and its share of the peak.")
    var profile = false

    func run(in context: CommandContext) async throws {
        let reader = try reader(context)
        let settings = try context.settings()
        var options = EmbedPipeline.Options(encoding: encoding, onError: onError, normalize: !noNormalize)
        options.batchSize = try settings.count(.batchSize, flag: ("--batch-size", batchSize), maximum: 4096)?.0
        options.jobs = try settings.count(
            .jobs, flag: ("--jobs", jobs), default: Threads.processorCount, maximum: BackendOptions.maximumThreads
        ).0
        options.output = output
        options.isStrict = strict
        options.place = arguments.isEmpty ? "line" : "argument"
        let encoders = try context.openModel(model, trust, backend, images)
        let pipeline = EmbedPipeline(
            reader: reader, model: encoders,
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

    /// The inputs that are arguments; none where they come from standard input.
    private var arguments: [[UInt8]] { files.map(\.bytes) == [[UInt8(ascii: "-")]] ? [] : files.map(\.bytes) }

    private func reader(_ context: CommandContext) throws -> EmbedInputReader {
        guard arguments.isEmpty else {
            if isNullSeparated { throw UsageError("--null is about standard input; leave it out, or the arguments") }
            if pairs {
                throw UsageError("--pairs is about records, which are no arguments; pass them on standard input")
            }
            return try EmbedInputReader(images: arguments, mode: plain.mode)
        }
        try context.refuseTerminalInput(
            "standard input is a terminal, and there is nothing to read; pass inputs, one a line: "
                + "'clip embed < list.txt', or name images: 'clip embed *.png'; see 'clip embed --help'")
        return EmbedInputReader(
            LineReader(descriptor: context.input, separator: isNullSeparated ? .nul : .newline), mode: plain.mode,
            pairs: pairs)
    }
}

extension EmbedInputReader {
    /// Arguments of `clip embed`, which are no texts unless the mode says so. Where none of them is an input, the command
    /// was meant otherwise, and its usage is wrong.
    fileprivate convenience init(images arguments: [[UInt8]], mode: EmbedInput.Mode) throws {
        if mode == .auto, !arguments.contains(where: { MediaEndings.kind(of: $0) == .image }),
            let first = arguments.first
        {
            let name = "'\(RawArgument(bytes: first))'"
            if case .folder? = FileNames.find(first) {
                throw UsageError(
                    "\(name) is a folder; pass the names in it on standard input: find \(name) -type f | clip embed")
            }
            do throws(RecordError) {
                _ = try PlainLine.content(first, mode: mode)
            } catch  where error.code != "input.file" {
                throw UsageError("\(error)")
            } catch {}
            throw UsageError(
                "\(name) does not end like an image (\(MediaEndings.commonImages) ...); if it is one, add --as image; if it "
                    + "is a list of inputs, pass it on standard input: clip embed < \(name); if it is a text, add --as text"
            )
        }
        self.init(arguments: arguments, mode: mode, takesTexts: mode == .text)
    }
}

/// "1 text", "2 texts"
func counted(_ count: Int, _ noun: String, plural: String? = nil) -> String {
    "\(count) \(count == 1 ? noun : plural ?? noun + "s")"
}
