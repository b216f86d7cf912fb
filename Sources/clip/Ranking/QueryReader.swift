import CLIPKit

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Reads the queries that are given to `clip rank`: embeds them, or takes them as `clip embed` wrote them.
struct QueryReader {
    struct Queries {
        var names: [String] = []
        /// A row for each.
        var vectors: [Float] = []
        var failed = 0
        /// How scores become probabilities; nil where no model was opened.
        var calibration: ScoreCalibration?
    }

    /// The candidate that queries must be comparable with.
    let first: EmbeddingRecord
    let note: (String) -> Void
    /// What plain queries are.
    let mode: EmbedInput.Mode
    /// The model of the candidates.
    let model: () throws -> CLIPModel

    /// First the queries of the command line, then those of a file.
    func read(arguments: [RawArgument], file: RawArgument?) throws -> Queries {
        var queries = Queries()
        if !arguments.isEmpty {
            try embed(EmbedInputReader(arguments: arguments.map(\.bytes), mode: mode), "query", &queries)
        }
        if let file {
            let descriptor = file.withCString { open($0, O_RDONLY | O_CLOEXEC) }
            guard descriptor >= 0 else {
                throw UsageError("--queries: '\(file)' cannot be opened: \(String(cString: strerror(errno)))")
            }
            defer { close(descriptor) }
            let lines = LineReader(descriptor: descriptor, name: "\(file)")
            if try Self.isEmbedded(lines) {
                try take(lines, "\(file)", &queries)
            } else {
                try embed(EmbedInputReader(lines, mode: mode), "\(file): line", &queries)
            }
        }
        return queries
    }

    /// Whether the first line is an embedding.
    private static func isEmbedded(_ lines: LineReader) throws -> Bool {
        guard case .line(let line) = try lines.peek(), let record = try? JSONRecordParser().parse(line.bytes) else {
            return false
        }
        return record.has("embedding")
    }

    /// Queries that are embedded already.
    private func take(_ lines: LineReader, _ file: String, _ queries: inout Queries) throws {
        let stream = EmbeddingStream(lines, place: "\(file): line", comparableWith: first, note: note)
        try stream.forEach { candidate in
            queries.names.append(candidate.record.content?.name ?? candidate.record.id.description)
            queries.vectors += candidate.record.embedding
        }
        queries.failed += stream.failed + stream.upstream
    }

    private func embed(_ reader: EmbedInputReader, _ place: String, _ queries: inout Queries) throws {
        let model = try model()
        queries.calibration = model.calibration
        var inputs: [EmbedInput] = []
        func flush() throws {
            let chunk = EmbedChunk(inputs.map { .input($0) })
            chunk.prepare(model)
            let prepared = chunk.takePrepared()
            var sizes = BatchSizes(fixed: 32)
            let vectors = try model.encode(prepared, &sizes)
            for (index, input) in inputs.enumerated() {
                switch prepared[index] {
                case .failed(let error): fail(place, input.line, "\(error)", &queries)
                case .text(let text) where text.truncated > 0:
                    note(
                        "\(place) \(input.line): the text is too long for the model; its last "
                            + "\(counted(text.truncated, "token")) were left out")
                default: break
                }
                guard let vector = vectors[index]?.values else { continue }
                guard Embeddings.hasDirection(vector) else {
                    fail(place, input.line, "the model gave no finite numbers; check its weights", &queries)
                    continue
                }
                queries.names.append(input.content.name)
                queries.vectors += vector
            }
            inputs.removeAll()
        }
        while let item = try reader.next() {
            switch item {
            case .input(let input): inputs.append(input)
            case .failed(let record), .upstream(let record): fail(place, record.line, "\(record.error)", &queries)
            }
            if inputs.count >= 64 { try flush() }
        }
        try flush()
    }

    private func fail(_ place: String, _ line: Int, _ message: String, _ queries: inout Queries) {
        queries.failed += 1
        note("\(place) \(line): \(message)")
    }
}

extension RecordContent {
    fileprivate var name: String {
        switch self {
        case .image(let path): "\(path)"
        case .text(let text): text
        }
    }
}
