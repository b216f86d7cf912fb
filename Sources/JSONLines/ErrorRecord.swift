/// A record that failed: `{"id":"8","line":8,"error":{"code":"image.decode","message":"…"}}`.
public struct ErrorRecord: WireRecord, Hashable, CustomStringConvertible {
    public var id: RecordID
    /// The 1-based line of the input on which the record stood.
    public var line: Int
    public var error: RecordError
    /// The record as it came from a command upstream; it is written as it came.
    public private(set) var received: [UInt8]?

    public init(id: RecordID, line: Int, error: RecordError) {
        self.id = id
        self.line = line
        self.error = error
    }

    /// Reads an error record; nil when the record is none: it has no object under `error`.
    init?(_ record: JSONRecord, line: Int, parser: JSONRecordParser) {
        guard let raw = record.raw("error"), raw.kind == .object, !record.has("embedding") else {
            return nil
        }
        let inner = try? parser.parse(raw.bytes)
        let code = (try? inner?.string("code")) ?? "upstream"
        let message = (try? inner?.string("message")) ?? "the record failed upstream"
        let number = (try? record.number("line")).flatMap { $0.flatMap(Int.init(exactly:)) }
        id = (try? RecordID(record, line: line)) ?? RecordID(line: line)
        self.line = number ?? line
        error = RecordError(code: code, message: message)
        received = record.bytes
    }

    public func write(to object: inout ObjectWriter) throws(RecordError) {
        object.raw("id", id.json)
        object.int("line", line)
        object.object("error") { error in
            error.string("code", self.error.code)
            error.string("message", self.error.message)
        }
    }

    /// For standard error: "line 8: dog2.png: not a PNG file".
    public var description: String { description(place: "line") }

    /// - Parameter place: what its number counts: lines, arguments, queries.
    public func description(place: String) -> String { "\(place) \(line): \(error)" }
}

extension RecordWriter {
    /// Writes an error record: one from upstream byte for byte.
    public func write(_ record: ErrorRecord) throws {
        if let line = record.received {
            try write(line: line)
        } else {
            try write { try record.write(to: &$0) }
        }
    }
}
