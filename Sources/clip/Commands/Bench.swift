import ArgumentParser
import CLIPKit
import YAML

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// `clip bench`
struct Bench: ClipSubcommand {
    static let title = "bench"
    static let configuration = CommandConfiguration(
        abstract: "Measure how fast an encoder runs here, on inputs in memory.",
        discussion: """
            Times the encoder alone: no files, no decoding, no tokens to make. Runs before the measured ones, which \
            find out how the batch is best split over threads, are not counted. 'split' is what they found: 'whole' \
            computes every step of a batch on all threads, 'parts of N' has threads that each take at most N inputs \
            at a time. Rates are pictures or texts a second: the median of the iterations, the slowest and the \
            fastest; processor_seconds is the processor's time for an iteration, all threads together, in the median.

            EXAMPLES:
              clip bench --batch-size 32
              clip bench --model ViT-B-32:openai --precision bfloat16 --threads 2 --json
              clip bench --tower text --length 16 --profile
            """)

    @OptionGroup var model: ModelOption
    @OptionGroup var trust: TrustOption

    @Option(name: .long, help: ArgumentHelp("Which encoder.", valueName: "image|text"))
    var tower: Tower = .image

    @Option(name: .long, help: ArgumentHelp("Pictures or texts at once. (default: 32)", valueName: "count"))
    var batchSize: Int?

    @Option(name: .long, help: ArgumentHelp("Measured runs.", valueName: "count"))
    var iterations = 10

    @Option(
        name: .long,
        help: ArgumentHelp("Tokens of a text. (default: as many as the model takes)", valueName: "count"))
    var length: Int?

    @OptionGroup var backend: BackendOptions

    @Flag(name: .long, help: "Also print, on standard error, what every step took and its share of the peak.")
    var profile = false

    @Flag(name: .long, help: "One JSON object.")
    var json = false

    enum Tower: String, CaseIterable, ExpressibleByArgument { case image, text }

    func validate() throws {
        if !(1...1_000_000).contains(iterations) {
            throw ValidationError("--iterations is \(iterations); use 1 to 1000000.")
        }
        if let batchSize, !(1...4096).contains(batchSize) {
            throw ValidationError("--batch-size is \(batchSize); use 1 to 4096.")
        }
        if length != nil, tower == .image { throw ValidationError("--length is of texts; add --tower text.") }
    }

    func run(in context: CommandContext) async throws {
        let settings = try context.settings()
        let plugins = try context.registry()
        let directory = try model.opening(in: settings) { name in
            try context.modelStore(trusts: trust.trustModel).open(name, plugins: plugins, options: model.options())
        }
        let name = try backend.name(in: settings, plugins)
        let runner = try plugins.backend(name)
        let options = try backend.compileOptions(
            in: settings, runner, model: directory.config.quantization, note: context.note)
        let batch = batchSize ?? 32
        let (graph, inputs) = try task(directory.model, batch)
        let executable = BatchRunner(
            batch: batch, backend: runner, options: options, graph: graph,
            parameters: { try directory.parameters(for: $0) })
        while executable.split == nil { _ = try executable.run(inputs) }
        _ = try executable.run(inputs)  // compiled again, if it was not the last that was tried
        _ = executable.takeProfile()

        let clock = ContinuousClock()
        var seconds: [Double] = []
        var processorSeconds: [Double] = []
        for _ in 0..<iterations {
            let (begin, processorBegin) = (clock.now, Self.processorTime())
            _ = try executable.run(inputs)
            processorSeconds.append(Self.processorTime() - processorBegin)
            let (whole, fraction) = (clock.now - begin).components
            seconds.append(Double(whole) + Double(fraction) * 1e-18)
        }
        let measured = executable.takeProfile()
        if profile {
            if let measured {
                context.writeError(measured.table)
            } else {
                context.note("the backend \(name) does not measure its steps")
            }
        }
        let flops = (measured?.steps.reduce(0) { $0 + $1.flops } ?? 0) / Double(iterations)
        try report(
            [
                ("items_per_second", .double(Double(batch) / Self.median(seconds))),
                ("minimum", .double(Double(batch) / (seconds.max() ?? 0))),
                ("maximum", .double(Double(batch) / (seconds.min() ?? 0))),
                ("gflops", .double(flops / Self.median(seconds) / 1e9)),
                ("processor_seconds", .double(Self.median(processorSeconds))),
                ("iterations", .int(iterations)),
                ("model", .string(directory.config.name)),
                ("tower", .string(tower.rawValue)),
                ("batch_size", .int(batch)),
            ] + (inputs["tokens"].map { [("length", .int($0.shape[1]))] } ?? []) + [
                ("precision", .string(options.precision.rawValue)),
                ("threads", .int(options.threads ?? Threads.processorCount)),
                ("split", .string(executable.split ?? "")),
                ("backend", .string(name)),
                ("isa", .string(runner.capabilities.instructionSet)),
            ], context)
    }

    private func report(_ pairs: [(key: String, value: YAMLNode)], _ context: CommandContext) throws {
        if json { return try context.print(YAMLNode.mapping(pairs).jsonText()) }
        var table = Table()
        for pair in pairs {
            let number = pair.value.scalarKind == .float ? try pair.value.double() : nil
            table.add([pair.key, try number.map { fixed($0, 3) } ?? pair.value.text()])
        }
        try context.print(table.text)
    }

    /// A tower and inputs for it, of values that are no special case: noise of deviation 1, and tokens that end with the
    /// last of the vocabulary, as texts do.
    private func task(
        _ model: DualEncoder, _ batch: Int
    ) throws -> (graph: @Sendable (Int) throws -> Graph, inputs: [String: TensorData]) {
        var state: UInt64 = 1
        func random() -> UInt64 {  // Knuth's MMIX generator
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state >> 33
        }
        switch tower {
        case .image:
            let size = try model.image.imageSize
            let type = TensorType(.float32, [batch, 3, size, size])
            let input = TensorData(type) { bytes in
                let floats = bytes.bindMemory(to: Float.self)
                for index in floats.indices { floats[index] = (Float(random()) / Float(1 << 31) - 0.5) * 3.46 }
            }
            return ({ try model.imageGraph(batch: $0) }, ["images": input])
        case .text:
            let encoder = try model.text
            let length = length ?? encoder.contextLength
            guard (1...encoder.contextLength).contains(length) else {
                throw UsageError("--length is \(length); the model takes 1 to \(encoder.contextLength) tokens")
            }
            let last = Int32(clamping: encoder.vocabularySize - 1)
            let ids = (0..<batch * length).map { index in
                index % length == length - 1 ? last : Int32(random() % UInt64(max(last, 1)))
            }
            guard let input = TensorData(ids, shape: [batch, length]) else {
                throw UsageError("there are no tokens to embed")
            }
            return ({ try model.textGraph(batch: $0, length: length) }, ["tokens": input])
        }
    }

    private static func median(_ values: [Double]) -> Double {
        let sorted = values.sorted()
        let middle = sorted.count / 2
        return sorted.count.isMultiple(of: 2) ? (sorted[middle - 1] + sorted[middle]) / 2 : sorted[middle]
    }

    /// Time that processors spent on this process, in seconds.
    private static func processorTime() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }
}
