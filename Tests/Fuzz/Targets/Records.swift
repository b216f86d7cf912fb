import JSONLines
import TestSupport

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// JSON lines.
enum Records {
    /// What `clip embed` reads: plain lines and records. Each input that is taken comes out as it went in.
    static func inputs(_ bytes: [UInt8], _ folder: String) throws {
        let reader = EmbedInputReader(LineReader(bytes: bytes))
        while let item = try reader.next() {
            switch item {
            case .input(let input):
                let record = EmbeddingRecord(input, space: "0123abcd", embedding: [0.5, -1.25e-9])
                let again = try written(record, folder)
                try require(again.content == input.content, "\(input.content) becomes \(again.content as Any)")
                try require(again.id == input.id && again.extra == input.extra, "\(input) becomes \(again)")
            case .failed(let record), .upstream(let record):
                try require(!record.error.message.isEmpty && !record.error.code.isEmpty, "no message")
            }
        }
    }

    /// What `clip rank` reads: each record that is taken is written as one that reads back equal, in both encodings.
    static func embeddings(_ bytes: [UInt8], _ folder: String) throws {
        let reader = EmbeddingReader(LineReader(bytes: bytes))
        while let item = try reader.next() {
            switch item {
            case .embedding(var record, _):
                for encoding in EmbeddingEncoding.allCases {
                    record.encoding = encoding
                    try require(try written(record, folder) == record, "\(record) reads back changed")
                }
                try require(
                    !record.embedding.isEmpty && record.embedding.allSatisfy(\.isFinite), "\(record.embedding)")
            case .failed(let record), .upstream(let record):
                try require(!record.error.message.isEmpty && !record.error.code.isEmpty, "no message")
            }
        }
    }

    /// The record after it is written and read.
    private static func written(_ record: EmbeddingRecord, _ folder: String) throws -> EmbeddingRecord {
        let path = folder + "/records.jsonl"
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
        try require(descriptor >= 0, "\(path) cannot be written")
        defer { close(descriptor) }
        let writer = RecordWriter(descriptor: descriptor)
        try writer.write(record)
        try writer.flush()
        let lines = EmbeddingReader(LineReader(bytes: try contents(of: path)))
        guard case .embedding(let again, _) = try lines.next(), try lines.next() == nil else {
            throw Fault("\(record) is written as \(try text(of: path))")
        }
        return again
    }
}
