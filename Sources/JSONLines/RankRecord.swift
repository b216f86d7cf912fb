/// One candidate in the ranking of one query:
/// `{"query":"a dog","id":"7","rank":1,"score":0.31,"probability":0.92,"path":"dog.png"}`.
public struct RankRecord: WireRecord, Hashable {
    /// The query's text or path.
    public var query: String
    /// The candidate.
    public var id: RecordID
    /// 1 is the best.
    public var rank: Int
    /// The cosine, -1 to 1.
    public var score: Float
    /// A softmax over the query's candidates, 0 to 1.
    public var probability: Float
    /// What the candidate is.
    public var content: RecordContent?
    /// The candidate's own fields, to pass through; those named like fields of this record are left out.
    public var extra: [RawField]

    public init(
        query: String, id: RecordID, rank: Int, score: Float, probability: Float, content: RecordContent?,
        extra: [RawField] = []
    ) {
        self.query = query
        self.id = id
        self.rank = rank
        self.score = score
        self.probability = probability
        self.content = content
        let names = ["query", "id", "rank", "score", "probability"]
        self.extra = extra.filter { !names.contains($0.name) }
    }

    public func write(to object: inout ObjectWriter) throws(RecordError) {
        object.string("query", query)
        object.raw("id", id.json)
        object.int("rank", rank)
        try object.float("score", score)
        try object.float("probability", probability)
        content?.write(to: &object)
        object.raw(extra)
    }
}
