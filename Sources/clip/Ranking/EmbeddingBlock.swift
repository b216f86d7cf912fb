import CLIPKit
import Synchronization

/// Lines that are parsed together, by several threads.
final class EmbeddingBlock: Sendable {
    /// A candidate or query as it came.
    struct Parsed: Sendable {
        var item: EmbeddingReader.Item
        /// What goes through with it, as JSON; nil where it is no embedding.
        var fields: [UInt8]?
        /// Whether its vector has a direction.
        var hasDirection = false
    }

    private let lines: [RecordLines.Item]
    private let next = Atomic(0)
    private let parsed: Mutex<[[Parsed]]>

    /// Lines that a thread takes at once.
    private static let share = 64

    init(_ lines: [RecordLines.Item]) {
        self.lines = lines
        parsed = Mutex(Array(repeating: [], count: (lines.count + Self.share - 1) / Self.share))
    }

    /// How many threads are worth starting for it.
    func helpers(_ threads: Int) -> Int { max(0, min(threads, lines.count / Self.share) - 1) }

    /// Parses lines until none is left; any number of threads may do so at once.
    func parse() {
        let parser = JSONRecordParser()
        while true {
            let part = next.add(1, ordering: .relaxed).oldValue
            let start = part * Self.share
            guard start < lines.count else { return }
            let results = lines[start..<min(start + Self.share, lines.count)].map { line in
                var result = Parsed(item: EmbeddingReader.Item(line, parser))
                if case .embedding(let record, _) = result.item {
                    result.fields = CandidateFields.json(record)
                    result.hasDirection = Embeddings.hasDirection(record.embedding)
                }
                return result
            }
            parsed.withLock { $0[part] = results }
        }
    }

    /// What was parsed, in order; to be called once all threads are done.
    func takeParsed() -> [[Parsed]] {
        parsed.withLock { parsed in
            defer { parsed = [] }
            return parsed
        }
    }
}
