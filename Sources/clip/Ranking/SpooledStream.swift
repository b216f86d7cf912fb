import CLIPKit

/// A whole stream, kept until it is known which of its records are queries.
struct SpooledStream {
    /// Rows of a spool.
    struct Part {
        var spool: CandidateSpool
        var rows: Range<Int>
    }

    /// The first record; nil where the stream is empty.
    let first: EmbeddingRecord?
    private let spools: [Modality: CandidateSpool]

    /// - Parameter folder: where records that do not fit in memory go.
    init(_ stream: EmbeddingStream, folder: String) throws {
        var first: EmbeddingRecord?
        var spools: [Modality: CandidateSpool] = [:]
        try stream.forEach { candidate in
            let record = candidate.record
            if first == nil { first = record }
            // A record that does not tell what it is may be anything; it is not a text to ask with.
            let modality = record.modality ?? .image
            let spool = spools[modality] ?? CandidateSpool(width: record.embedding.count, folder: folder)
            spools[modality] = spool
            try spool.append(candidate)
        }
        self.first = first
        self.spools = spools
    }

    /// All of modality `by` are queries and the others candidates. Where nobody chose: texts, or, where there is only one
    /// modality, the first record.
    func split(by: Modality?) throws -> (queries: Part, candidates: Part?) {
        guard spools.count > 1 else {
            guard let (modality, spool) = spools.first else { throw RankingError("there are no records") }
            if let by, by == modality {
                throw RankingError(
                    "--by \(by.rawValue): all records are that, so there is nothing to rank; without --by, the first is "
                        + "the query")
            } else if let by {
                throw RankingError("--by \(by.rawValue): no record is that; all are of kind \(modality.rawValue)")
            }
            let candidates = Part(spool: spool, rows: 1..<max(1, spool.count))
            return (Part(spool: spool, rows: 0..<1), spool.count > 1 ? candidates : nil)
        }
        func whole(_ modality: Modality) throws -> Part {
            guard let spool = spools[modality] else { throw RankingError("no record is of kind \(modality.rawValue)") }
            return Part(spool: spool, rows: 0..<spool.count)
        }
        return by == .image ? (try whole(.image), try whole(.text)) : (try whole(.text), try whole(.image))
    }
}

/// Why a stream cannot be ranked.
struct RankingError: Error, CustomStringConvertible {
    var description: String
    init(_ description: String) { self.description = description }
}
