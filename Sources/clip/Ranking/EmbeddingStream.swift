import CLIPKit

/// Embeddings as they come, each checked to be comparable with the first: same space, same length, with a direction.
final class EmbeddingStream {
    private let reader: EmbeddingReader
    private let note: (String) -> Void
    private var first: (space: String?, width: Int, line: Int)?
    /// Records that could not be read or compared.
    private(set) var failed = 0
    /// Error records that came in.
    private(set) var upstream = 0

    init(_ lines: LineReader, note: @escaping (String) -> Void) {
        reader = EmbeddingReader(lines)
        self.note = note
    }

    /// The next good record, or nil at the end. Others are told and counted.
    func next() throws -> EmbeddingRecord? {
        while let item = try reader.next() {
            switch item {
            case .embedding(let record, let line):
                guard let message = fault(record, line) else { return record }
                fail(line, message)
            case .failed(let record):
                failed += 1
                note("\(record)")
            case .upstream: upstream += 1
            }
        }
        return nil
    }

    private func fail(_ line: Int, _ message: String) {
        failed += 1
        note("line \(line): \(message)")
    }

    private func fault(_ record: EmbeddingRecord, _ line: Int) -> String? {
        if let first {
            if record.space != first.space {
                return "the vector is of the space \(Self.name(record.space)), but that of line \(first.line) is of "
                    + "\(Self.name(first.space)); vectors of different models cannot be compared, embed all with one model"
            }
            if record.embedding.count != first.width {
                return
                    "the embedding has \(record.embedding.count) numbers, that of line \(first.line) has \(first.width)"
            }
        }
        guard Embeddings.hasDirection(record.embedding) else {
            return "the embedding is all zeros, so it has no direction"
        }
        if first == nil { first = (record.space, record.embedding.count, line) }
        return nil
    }

    private static func name(_ space: String?) -> String { space.map { "'\($0)'" } ?? "an unknown model (no 'space')" }
}
