import ArgumentParser
import CLIPKit

extension Models {
    struct Convert: ClipSubcommand {
        static let title = "models convert"
        static let configuration = CommandConfiguration(
            abstract: "Write a model in another layout or precision, with vectors to verify it by.",
            discussion: """
                Writes a directory in which everything stands that decides a vector: activation, preprocessing, tokenizer, \
                context. It loads where the layout is at home: clip here, hf in transformers (AutoModel, AutoProcessor), \
                open_clip in open_clip ("local-dir:DIRECTORY"), with the same numbers; all three load here. What a layout \
                cannot express is refused, and what its programs do a little otherwise is told.

                In golden/ there are pictures, and vectors of them and of texts in a dozen languages, computed in float32; \
                'clip models verify' recomputes them on any machine.

                The directory is there whole or not at all. Weights go through memory one tensor at a time.

                \(OutputHelp.folder)

                EXAMPLES:
                  clip models convert ViT-B-32:openai my-model --dtype bf16
                  clip models convert epoch_10.pt my-model --config ViT-B-32.json
                  clip models convert ./my-model for-python --layout open_clip && clip models verify ./for-python
                """)

        @Argument(
            help: ArgumentHelp(
                "A name of 'clip models list', or the path of a model directory or of weights.", valueName: "source"))
        var source: String

        @Argument(help: ArgumentHelp("The directory to write.", valueName: "directory"), completion: .directory)
        var directory: String

        @OptionGroup var openingOptions: OpeningOptions
        @OptionGroup var trust: TrustOption

        @Option(
            name: .long,
            help: ArgumentHelp("Type of the weights. (default: that of the source)", valueName: "f32|f16|bf16"))
        var dtype: WeightType?

        @Option(name: .long, help: ArgumentHelp("Whose layout.", valueName: "clip|hf|open_clip"))
        var layout: ModelLayoutName = .clip

        @Flag(name: .long, help: OutputHelp.force)
        var force = false

        @Option(
            name: .long, help: ArgumentHelp("Threads of the encoders. (default: all processors)", valueName: "count"))
        var threads: Int?

        enum WeightType: String, CaseIterable, ExpressibleByArgument {
            case f32, f16, bf16

            var dtype: DType {
                switch self {
                case .f32: .float32
                case .f16: .float16
                case .bf16: .bfloat16
                }
            }
        }

        func run(in context: CommandContext) async throws {
            let plugins = try context.registry()
            let source = try context.modelStore(trusts: trust.trustModel).open(
                source, plugins: plugins, options: openingOptions.options())
            let (threads, _) = try context.settings().count(
                .threads, flag: ("--threads", threads), default: Threads.processorCount,
                maximum: BackendOptions.maximumThreads)
            let done = try source.convert(
                to: directory, layout: layout, dtype: dtype?.dtype, replacing: force, plugins: plugins,
                backend: source.isSmall ? "reference" : BackendOptions.defaultBackend(plugins), threads: threads)
            for note in done.notes { context.note(note) }
            var table = Table()
            table.add(["wrote", directory])
            table.add(["space", done.space == source.space ? done.space + " (the source's)" : done.space])
            table.add(["largest difference from the source", "\(done.drift.largestDifference)"])
            table.add(["smallest cosine to the source", "\(done.drift.smallestCosine)"])
            try context.print(table.text)
        }
    }
}

extension ModelDirectory {
    /// Whether the reference backend, which is slow, runs it in seconds.
    var isSmall: Bool { weights.entries.reduce(0) { $0 + $1.type.shape.count } <= 500_000 }
}
