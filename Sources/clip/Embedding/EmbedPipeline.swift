import ArgumentParser
import CLIPKit

/// What to do with a record that fails.
enum OnError: String, CaseIterable, ExpressibleByArgument {
    /// Tell it on standard error and go on.
    case skip
    /// Also write an error record in its place.
    case record
    /// Stop.
    case fail
}

/// Inputs in, embeddings out, in order and in bounded memory.
///
/// Records are taken in chunks: as many as are there, up to a limit. Threads decode and tokenize one chunk while the
/// encoders run on the one before. Nothing waits for a full batch: when the input pauses, everything taken so far is
/// encoded and written out.
final class EmbedPipeline {
    struct Options {
        /// Most inputs that are encoded at once; nil finds out.
        var batchSize: Int?
        var jobs = 1
        var encoding = EmbeddingEncoding.array
        var onError = OnError.skip
        var normalize = true
        var output = EncoderOutput.pooled
        /// Whether texts that are longer than the model takes fail.
        var isStrict = false
        /// What the numbers of records count, for messages.
        var place = "line"
    }

    struct Summary {
        var written = 0
        var failed = 0
        var upstream = 0
        var truncated = 0
    }

    private let reader: EmbedInputReader
    private let model: CLIPModel
    private let writer: RecordWriter
    private let options: Options
    private let note: (String) -> Void
    private var summary = Summary()
    private var sizes: BatchSizes

    /// Bytes of texts and unknown fields in a chunk, beyond which it takes no more.
    private static let chunkBytes = 16 << 20

    init(
        reader: EmbedInputReader, model: CLIPModel, writer: RecordWriter, options: Options,
        note: @escaping (String) -> Void
    ) {
        self.reader = reader
        self.model = model
        self.writer = writer
        self.options = options
        self.note = note
        sizes = BatchSizes(fixed: options.batchSize)
    }

    func run() throws -> Summary {
        var pending: EmbedChunk?
        while true {
            let chunk: EmbedChunk?
            do {
                chunk = try take(waiting: pending == nil)
            } catch {
                if let pending { try finish(pending) }
                try writer.flush()
                throw error
            }
            if chunk == nil, pending == nil { break }
            let current = pending
            let (model, isStrict) = (model, options.isStrict)
            try Threads.run(
                chunk == nil ? 0 : min(options.jobs, chunk?.items.count ?? 0),
                { _ in chunk?.prepare(model, isStrict: isStrict) }
            ) {
                if let current { try finish(current) }
                if chunk == nil { try writer.flush() }
            }
            pending = chunk
        }
        try writer.flush()
        return summary
    }

    /// The next records: at least one if `waiting`, unless the input has ended; nil where there are none now.
    private func take(waiting: Bool) throws -> EmbedChunk? {
        var items: [EmbedInputReader.Item] = []
        var images = 0
        var bytes = 0
        while items.count < sizes.texts.current * 16, images < sizes.images.current * 2, bytes < Self.chunkBytes {
            guard (waiting && items.isEmpty) || reader.isReady else { break }
            guard let item = try reader.next() else { break }
            if case .input(let input) = item {
                if input.content.modality == .image { images += 1 }
                bytes += input.approximateSize
            }
            items.append(item)
        }
        return items.isEmpty ? nil : EmbedChunk(items)
    }

    /// Encodes a prepared chunk and writes its records.
    private func finish(_ chunk: EmbedChunk) throws {
        let prepared = chunk.takePrepared()
        let vectors = try model.encode(
            prepared, &sizes, output: options.output, normalize: options.normalize)
        for (index, item) in chunk.items.enumerated() {
            switch item {
            case .upstream(let record):
                summary.upstream += 1
                try writer.write(record)
            case .failed(let record): try fail(record)
            case .input(let input):
                switch prepared[index] {
                case .failed(let error): try fail(ErrorRecord(id: input.id, line: input.line, error: error))
                case .image, .none: try write(input, vectors[index])
                case .text(let text): try write(input, vectors[index], truncated: text.truncated)
                }
            }
        }
    }

    private func write(_ input: EmbedInput, _ encoded: Encoded?, truncated: Int = 0) throws {
        guard let encoded, encoded.values.allSatisfy(\.isFinite) else {
            let error = RecordError(
                code: "embedding.value", message: "the model gave no finite numbers for this record; check its weights")
            return try fail(ErrorRecord(id: input.id, line: input.line, error: error))
        }
        var input = input
        input.extra.removeAll { $0.name == "truncated" }
        if truncated > 0 {
            summary.truncated += 1
            input.extra.append(RawField("truncated", RawJSON(truncated)))
        }
        if options.output == .pooled {
            try writer.write(
                EmbeddingRecord(input, space: model.space, embedding: encoded.values, encoding: options.encoding))
        } else {
            try writer.write(
                StatesRecord(
                    input, space: model.space, output: options.output.rawValue, shape: encoded.shape,
                    states: encoded.values, encoding: options.encoding))
        }
        summary.written += 1
    }

    private func fail(_ record: ErrorRecord) throws {
        summary.failed += 1
        note(record.description(place: options.place))
        switch options.onError {
        case .skip: break
        case .record: try writer.write(record)
        case .fail:
            try writer.flush()
            throw someRecordsFailed
        }
    }
}

extension EmbedInput {
    /// Bytes that the record keeps in memory, roughly.
    fileprivate var approximateSize: Int {
        var size = 256
        if case .text(let text) = content { size += text.utf8.count }
        for field in extra { size += field.key.count + field.value.bytes.count }
        return size
    }
}
