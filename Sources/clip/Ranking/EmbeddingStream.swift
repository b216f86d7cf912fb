import CLIPKit

/// Embeddings as they come, each checked to be comparable with the first: same space, same length, with a direction.
///
/// Threads parse one block of lines while the block before is used and the next one is read.
final class EmbeddingStream {
    /// An embedding, and what goes through with it as JSON.
    struct Candidate {
        var record: EmbeddingRecord
        var fields: [UInt8]
    }

    private let lines: RecordLines
    private let threads: Int
    private let note: (String) -> Void
    private let place: String
    /// What all must be comparable with: the first, unless another was given.
    private var first: (space: String?, width: Int, place: String)?
    /// Records that could not be read or compared.
    private(set) var failed = 0
    /// Error records that came in.
    private(set) var upstream = 0

    /// Bytes of a block, but for the first: that is one line, so that the model it needs is opened early.
    private static let blockBytes = 4 << 20

    /// - Parameters:
    ///   - place: what comes before a line's number in notes.
    ///   - candidate: an embedding of another stream, which all of this one must be comparable with.
    init(
        _ lines: LineReader, place: String = "line", comparableWith candidate: EmbeddingRecord? = nil,
        threads: Int = Threads.processorCount, note: @escaping (String) -> Void
    ) {
        self.lines = RecordLines(lines)
        self.place = place
        self.threads = threads
        first = candidate.map { ($0.space, $0.embedding.count, "the candidates") }
        self.note = note
    }

    /// Calls `body` with the good records, in order. Others are told and counted.
    func forEach(_ body: (Candidate) throws -> Void) throws {
        guard let beginning = try read(bytes: 1) else { return }
        beginning.parse()
        try use(beginning, body)
        var parsed: EmbeddingBlock?
        var current = try read(bytes: Self.blockBytes)
        while let block = current {
            current = try Threads.run(block.helpers(threads), { _ in block.parse() }) {
                if let parsed { try use(parsed, body) }
                let next = try read(bytes: Self.blockBytes)
                block.parse()
                return next
            }
            parsed = block
        }
        if let parsed { try use(parsed, body) }
    }

    private func read(bytes: Int) throws -> EmbeddingBlock? {
        var items: [RecordLines.Item] = []
        var size = 0
        while size < bytes, let item = try lines.next() {
            if case .line(let line) = item { size += line.bytes.count }
            items.append(item)
        }
        return items.isEmpty ? nil : EmbeddingBlock(items)
    }

    private func use(_ block: EmbeddingBlock, _ body: (Candidate) throws -> Void) throws {
        for parsed in block.takeParsed().joined() {
            switch parsed.item {
            case .embedding(let record, let line):
                if let message = fault(record, line, parsed.hasDirection) {
                    failed += 1
                    note("\(place) \(line): \(message)")
                } else if let fields = parsed.fields {
                    try body(Candidate(record: record, fields: fields))
                }
            case .failed(let record):
                failed += 1
                note("\(record)")
            case .upstream: upstream += 1
            }
        }
    }

    private func fault(_ record: EmbeddingRecord, _ line: Int, _ hasDirection: Bool) -> String? {
        if let first {
            if record.space != first.space {
                return "the vector is of the space \(Self.name(record.space)), but that of \(first.place) is of "
                    + "\(Self.name(first.space)); vectors of different models cannot be compared, embed all with one model"
            }
            if record.embedding.count != first.width {
                return
                    "the embedding has \(record.embedding.count) numbers, that of \(first.place) has \(first.width)"
            }
        }
        guard hasDirection else { return "the embedding is all zeros, so it has no direction" }
        if first == nil { first = (record.space, record.embedding.count, "line \(line)") }
        return nil
    }

    private static func name(_ space: String?) -> String { space.map { "'\($0)'" } ?? "an unknown model (no 'space')" }
}
