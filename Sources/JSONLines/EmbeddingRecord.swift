/// A vector and what it is of:
/// `{"id":"7","modality":"image","path":"dog.png","space":"3f9c12ab","embedding":[0.01,…]}`.
public struct EmbeddingRecord: WireRecord, Hashable {
    public var id: RecordID
    /// Nil when the record, of another program, does not tell.
    public var modality: Modality?
    /// Nil when the record, of another program, does not tell.
    public var content: RecordContent?
    /// The digest of the model that made the vector. Vectors of different spaces are never compared.
    public var space: String?
    /// Never empty, all finite.
    public var embedding: [Float]
    /// The fields that nobody here knows, to pass through.
    public var extra: [RawField]
    /// How the vector is written.
    public var encoding: EmbeddingEncoding

    /// The record that answers one input.
    public init(_ input: EmbedInput, space: String, embedding: [Float], encoding: EmbeddingEncoding = .array) {
        id = input.id
        modality = input.content.modality
        content = input.content
        self.space = space
        self.embedding = embedding
        extra = input.extra
        self.encoding = encoding
    }

    /// Reads a record. `encoding` is the one that was read.
    public init(_ record: JSONRecord, line: Int) throws(RecordError) {
        id = try RecordID(record, line: line)
        if record.has("states"), !record.has("embedding") {
            throw RecordError(
                code: "embedding.states",
                message: "the record holds the states of tokens, which cannot be compared; embed with --output pooled")
        }
        embedding = try record.floats()
        encoding = record.kind(of: "embedding") == .string ? .base64 : .array
        space = try record.string("space")
        if let name = try record.string("modality") {
            guard let known = Modality(rawValue: name) else {
                throw RecordError(code: "record.modality", message: "'modality' must be image or text, found '\(name)'")
            }
            modality = known
        } else if record.has("text") {
            modality = .text
        } else if record.has("path") || record.has("path_base64") {
            modality = .image
        }
        var names = ["id", "modality", "space", "embedding"]
        switch modality {
        case .text:
            content = try record.string("text").map { .text($0) }
            names.append("text")
        case .image:
            if let path = try RecordContent.base64Path(record) {
                content = .image(path)
            } else if let path = try record.string("path") {
                content = .image(try RecordPath(path))
            }
            names += ["path", "path_base64"]
        case nil: break
        }
        // What is null is not there.
        extra = record.fields(except: names + ["text", "path", "path_base64"].filter { !record.has($0) })
    }

    public func write(to object: inout ObjectWriter) throws(RecordError) {
        object.raw("id", id.json)
        if let modality { object.string("modality", modality.rawValue) }
        content?.write(to: &object)
        if let space { object.string("space", space) }
        object.raw(extra)
        try object.floats("embedding", embedding, encoding: encoding)
    }
}

/// Reads embeddings, one item a line, in order.
public final class EmbeddingReader {
    public enum Item: Sendable {
        case embedding(EmbeddingRecord, line: Int)
        /// A line that holds no good embedding.
        case failed(ErrorRecord)
        /// A record that failed in a command upstream, to pass on.
        case upstream(ErrorRecord)
    }

    private let lines: RecordLines
    private let parser = JSONRecordParser()

    public init(_ lines: LineReader) { self.lines = RecordLines(lines) }

    /// True when `next()` answers without waiting for input.
    public var isReady: Bool { lines.isReady }

    /// The next item, or nil at the end. Empty lines at the end of the stream are no items; others are errors.
    public func next() throws(ReadError) -> Item? {
        try lines.next().map { Item($0, parser) }
    }
}

extension EmbeddingReader.Item {
    /// Parses one line.
    package init(_ line: RecordLines.Item, _ parser: JSONRecordParser) {
        switch line {
        case .failed(let record): self = .failed(record)
        case .line(let line):
            var id = RecordID(line: line.number)
            do throws(RecordError) {
                let record = try parser.parse(line.bytes)
                if let error = ErrorRecord(record, line: line.number, parser: parser) {
                    self = .upstream(error)
                } else {
                    id = try RecordID(record, line: line.number)
                    self = .embedding(try EmbeddingRecord(record, line: line.number), line: line.number)
                }
            } catch {
                self = .failed(ErrorRecord(id: id, line: line.number, error: error))
            }
        }
    }
}
