import ArgumentParser
import CLIPKit

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

extension Models {
    struct Quantize: ClipSubcommand {
        static let title = "models quantize"
        static let configuration = CommandConfiguration(
            abstract: "Write a model with 8-bit weights, which runs in int8.",
            discussion: """
                The new directory is about a quarter of the size of a float32 model. It runs in int8 by itself wherever \
                the backend can; --precision overrides. Activations are quantised as they come, each row over its own \
                range, so that nothing has to be calibrated: the calibration list says what the change costs. Its \
                inputs, of the kinds that 'clip embed' reads, are embedded by both models; the mean and the least cosine \
                between the two are printed, and kept in the new model, where 'clip models info' shows them.

                Its embeddings are of another space than those of the model that it was made from.

                \(OutputHelp.folder)

                EXAMPLES:
                  clip models quantize starter starter-int8 --calibration list.txt
                  find photos -name '*.jpg' | clip models quantize ViT-B-32:openai small --calibration -
                """)

        @Argument(help: ArgumentHelp("The model: a name of 'clip models list', or a path.", valueName: "name|path"))
        var source: String

        @Argument(help: ArgumentHelp("The directory to write.", valueName: "directory"), completion: .directory)
        var target: String

        @Option(
            name: .long,
            help: ArgumentHelp(
                "Pictures and texts, one a line, plain or records; - is standard input.", valueName: "file"))
        var calibration: String

        @OptionGroup var plain: PlainInputOption

        @Option(name: .long, help: ArgumentHelp("What computes. (default: cpu)", valueName: "name"))
        var backend: String?

        @Option(
            name: .long, help: ArgumentHelp("Threads of the encoders. (default: all processors)", valueName: "count"))
        var threads: Int?

        @Flag(name: .long, help: OutputHelp.force)
        var force = false

        @OptionGroup var openingOptions: OpeningOptions
        @OptionGroup var trust: TrustOption

        func run(in context: CommandContext) async throws {
            let settings = try context.settings()
            let plugins = try context.registry()
            var options = BackendOptions()
            (options.backend, options.threads, options.precision) = (backend, threads, "int8")
            let name = try options.name(in: settings, plugins)
            let compiled = try options.compileOptions(in: settings, plugins.backend(name), note: context.note)
            let directory = try context.modelStore(trusts: trust.trustModel).open(
                source, plugins: plugins, options: openingOptions.options())
            let inputs = try inputs(context)

            var record = QuantizationRecord(precision: .int8)
            var exactly = compiled
            exactly.precision = .float32
            try directory.writeQuantized(to: target, record: record, replacing: force, plugins: plugins) { quantized in
                let cosines = try Self.cosines(
                    inputs, CLIPModel(directory, plugins: plugins, backend: name, options: exactly),
                    CLIPModel(quantized, plugins: plugins, backend: name, options: compiled))
                record.images = QuantizationRecord.Drift(cosines.images)
                record.texts = QuantizationRecord.Drift(cosines.texts)
                return record
            }
            let quantized = try ModelDirectory(path: target, plugins: plugins)
            try context.print(report(record, directory, quantized))
        }

        private func inputs(_ context: CommandContext) throws -> EmbedInputReader {
            if calibration == "-" {
                try context.refuseTerminalInput(
                    "standard input is a terminal; pass the calibration list, one input a line")
                return EmbedInputReader(LineReader(descriptor: context.input), mode: plain.mode, pairs: true)
            }
            // Closed by the end of the process: the reader has it until then.
            let descriptor = open(calibration, O_RDONLY | O_CLOEXEC)
            guard descriptor >= 0 else {
                throw UsageError(
                    "--calibration: '\(calibration)' cannot be opened: \(String(cString: strerror(errno)))")
            }
            return EmbedInputReader(
                LineReader(descriptor: descriptor, name: calibration), mode: plain.mode, pairs: true)
        }

        /// Between the embeddings of both models, input by input. A bad input is an error: what is measured must be what
        /// was asked for.
        private static func cosines(
            _ inputs: EmbedInputReader, _ exact: CLIPModel, _ rounded: CLIPModel
        ) throws -> (images: [Double], texts: [Double]) {
            var images: [Double] = []
            var texts: [Double] = []
            while true {
                var items: [EmbedInputReader.Item] = []
                while items.count < 256, let item = try inputs.next() { items.append(item) }
                if items.isEmpty { return (images, texts) }
                for case .failed(let record) in items { throw UsageError("\(record)") }
                for case .upstream(let record) in items { throw UsageError("\(record)") }
                let chunk = EmbedChunk(items)
                chunk.prepare(exact)
                let prepared = chunk.takePrepared()
                for case (.input(let input), .failed(let error)?) in zip(items, prepared) {
                    throw UsageError("\(ErrorRecord(id: input.id, line: input.line, error: error))")
                }
                var sizes = BatchSizes(fixed: 32)
                let vectors = zip(try exact.encode(prepared, &sizes), try rounded.encode(prepared, &sizes))
                for (item, (a, b)) in zip(items, vectors) {
                    guard case .input(let input) = item, let a, let b else { continue }
                    let cosine = zip(a.values, b.values).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
                    guard cosine.isFinite else {
                        throw UsageError("line \(input.line): the model gives no finite numbers; check its weights")
                    }
                    if input.content.modality == .image { images.append(cosine) } else { texts.append(cosine) }
                }
            }
        }

        private func report(
            _ record: QuantizationRecord, _ before: ModelDirectory, _ after: ModelDirectory
        ) -> String {
            var table = Table(["", "INPUTS", "MEAN COSINE", "LEAST COSINE"])
            for (name, drift) in [("images", record.images), ("texts", record.texts)] {
                guard let drift else { continue }
                table.add([name, "\(drift.inputs)", fixed(drift.meanCosine, 6), fixed(drift.minimumCosine, 6)])
            }
            func megabytes(_ model: ModelDirectory) -> String { fixed(Double(model.weightsByteCount) / 1e6, 1) }
            return table.text
                + "\(target): \(megabytes(after)) MB of weights, from \(megabytes(before)) MB; space \(after.space)"
        }
    }
}
