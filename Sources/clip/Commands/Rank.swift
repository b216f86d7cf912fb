import ArgumentParser
import CLIPKit

/// `clip rank`
struct Rank: ClipSubcommand {
    static let title = "rank"
    static let configuration = CommandConfiguration(
        abstract: "Rank embeddings by how well they match.",
        discussion: """
            Reads what 'clip embed' writes from standard input. Queries are those given with --query or --queries; without \
            them, the texts of the stream are queries and its images candidates, or, where the stream has only one of the \
            two, its first record is the query.

            Writes one JSON record for each query and candidate, queries in the order of the input, best candidate first: \
            query, id, rank, score (the cosine, -1 to 1), probability (a softmax over all candidates of that query, with \
            the scale that the model learned; left out where that model is not found), and the candidate's other fields. \
            Of equal scores, the earlier candidate comes first.

            --query and --queries are embedded with the model that made the stream's embeddings: --model, else the model \
            that is set, else the one among 'clip models list' that has their space.

            Memory grows with queries and --top, not with candidates: those that come before all queries are known wait \
            in a temporary file in TMPDIR (default: /tmp).

            EXAMPLES:
              clip embed < list.txt | clip rank
              clip embed --model ViT-B-32:openai photos/*.jpg | clip rank --query "a dog on the beach" --top 3
              clip rank --query cat.png < embeddings.jsonl
            """)

    @Option(
        name: .long,
        help: ArgumentHelp(
            "A query: a text, or the path of an image. Can be given more than once.", valueName: "text|path"))
    var query: [RawArgument] = []

    @Option(
        name: .long,
        help: ArgumentHelp(
            "A file of queries, one a line: what 'clip embed' takes, or what it wrote.", valueName: "file"),
        completion: .file())
    var queries: RawArgument?

    @OptionGroup var plain: PlainInputOption

    @Option(
        name: .long,
        help: ArgumentHelp("Candidates to write for each query, or all (in memory).", valueName: "count|all"))
    var top = TopCount.some(10)

    @Option(name: .long, help: ArgumentHelp("Which records of the stream are the queries.", valueName: "text|image"))
    var by: Modality?

    @OptionGroup var model: ModelOption
    @OptionGroup var trust: TrustOption
    @OptionGroup var backend: BackendOptions
    @OptionGroup var images: ImageDecodingOptions

    enum TopCount: ExpressibleByArgument, CustomStringConvertible {
        case some(Int), all

        init?(argument: String) {
            if argument == "all" {
                self = .all
            } else if let count = Int(argument), count > 0 {
                self = .some(count)
            } else {
                return nil
            }
        }

        var limit: Int? { if case .some(let count) = self { count } else { nil } }
        var description: String { limit.map(String.init) ?? "all" }
        var defaultValueDescription: String { description }
    }

    func validate() throws {
        if by != nil, !query.isEmpty || queries != nil {
            throw ValidationError("--by chooses queries from the stream; with --query or --queries, leave it out.")
        }
        if queries?.description == "-" {
            throw ValidationError("Standard input holds the embeddings; give --queries a file.")
        }
    }

    func run(in context: CommandContext) async throws {
        try context.refuseTerminalInput(
            "standard input is a terminal, and there are no embeddings to read; pass them: "
                + "'clip embed < list.txt | clip rank'; see 'clip rank --help'")
        let stream = EmbeddingStream(LineReader(descriptor: context.input), note: context.note)
        let failedQueries: Int
        if query.isEmpty && queries == nil {
            try rankWithin(stream, context)
            failedQueries = 0
        } else {
            failedQueries = try rankAgainstQueries(stream, context)
        }
        if stream.upstream > 0 { context.note("\(counted(stream.upstream, "record")) had failed upstream") }
        if stream.failed + stream.upstream + failedQueries > 0 { throw someRecordsFailed }
    }

    // MARK: - Queries that are given

    private func rankAgainstQueries(_ stream: EmbeddingStream, _ context: CommandContext) throws -> Int {
        var ranking: (queries: QueryReader.Queries, ranker: Ranker<[UInt8]>)?
        var vectors: [Float] = []
        var candidates: [[UInt8]] = []
        try stream.forEach { candidate in
            if ranking == nil { ranking = try begin(with: candidate.record, context) }
            vectors += candidate.record.embedding
            candidates.append(candidate.fields)
            if vectors.count >= 1 << 18 {
                try ranking?.ranker.add(vectors, candidates: candidates)
                vectors.removeAll(keepingCapacity: true)
                candidates.removeAll(keepingCapacity: true)
            }
        }
        guard let ranking else {
            context.note("no embeddings came in, so there is nothing to rank")
            return 0
        }
        try ranking.ranker.add(vectors, candidates: candidates)
        try RankOutput(descriptor: context.output).write(queries: ranking.queries.names, ranking.ranker) { $0 }
        return ranking.queries.failed
    }

    /// Reads the queries, once the first candidate tells which model they are for.
    private func begin(
        with first: EmbeddingRecord, _ context: CommandContext
    ) throws -> (QueryReader.Queries, Ranker<[UInt8]>) {
        let finder = try ModelFinder(context, model, trust)
        var opened: CLIPModel?
        let reader = QueryReader(first: first, note: context.note, mode: plain.mode) {
            let model = try opened ?? finder.model(of: first, backend, images)
            opened = model
            return model
        }
        let queries = try reader.read(arguments: query, file: queries)
        guard !queries.names.isEmpty else {
            if queries.failed > 0 { throw someRecordsFailed }
            throw RankingError("\(self.queries?.description ?? "--query") holds no query; write one a line")
        }
        let ranker = try Ranker<[UInt8]>(
            queries: queries.vectors, width: first.embedding.count, top: top.limit,
            calibration: try queries.calibration ?? finder.calibration(of: first), threads: Threads.processorCount)
        return (queries, ranker)
    }

    // MARK: - Queries from the stream

    private func rankWithin(_ stream: EmbeddingStream, _ context: CommandContext) throws {
        let folder = context.environment["TMPDIR"].flatMap { $0.isEmpty ? nil : $0 } ?? "/tmp"
        let records = try SpooledStream(stream, folder: folder)
        guard let first = records.first else {
            context.note("no embeddings came in, so there is nothing to rank")
            return
        }
        let (queries, candidates) = try records.split(by: by)
        guard let candidates else {
            context.note("one record came in: a query, and nothing to rank")
            return
        }
        let parser = JSONRecordParser()
        var names: [String] = []
        var vectors: [Float] = []
        try queries.spool.forEachBlock(queries.rows) { block, places in
            vectors += block
            for place in places { names.append(Self.queryName(try parser.parse(try queries.spool.json(place)))) }
        }
        let ranker = try Ranker<CandidateSpool.Fields>(
            queries: vectors, width: first.embedding.count, top: top.limit,
            calibration: ModelFinder(context, model, trust).calibration(of: first), threads: Threads.processorCount)
        try candidates.spool.forEachBlock(candidates.rows) { try ranker.add($0, candidates: $1) }
        try RankOutput(descriptor: context.output).write(queries: names, ranker) { try candidates.spool.json($0) }
    }

    /// What a query is called in the output: its text or path, else its id.
    private static func queryName(_ fields: JSONRecord) -> String {
        for key in ["text", "path", "path_base64"] {
            if let name = fields.raw(key)?.string { return name }
        }
        return fields.raw("id").map { $0.string ?? $0.text } ?? ""
    }
}
