import CLIPKit

/// Writes rankings: queries in order, candidates of each from the best on.
struct RankOutput {
    private let writer: RecordWriter
    private let parser = JSONRecordParser()

    init(descriptor: Int32) { writer = RecordWriter(descriptor: descriptor) }

    /// - Parameter fields: the JSON of a candidate's fields.
    func write<Candidate>(
        queries: [String], _ ranker: Ranker<Candidate>, fields: (Candidate) throws -> [UInt8]
    ) throws {
        for (query, matches) in zip(queries, ranker.matches()) {
            for (index, match) in matches.enumerated() {
                let candidate = try parser.parse(try fields(match.candidate))
                try writer.write { object in
                    object.string("query", query)
                    if let id = candidate.raw("id") { object.raw("id", id) }
                    object.int("rank", index + 1)
                    try object.float("score", match.score)
                    if let probability = match.probability { try object.float("probability", probability) }
                    object.raw(candidate.fields(except: ["id"]))
                }
            }
        }
        try writer.flush()
    }
}
