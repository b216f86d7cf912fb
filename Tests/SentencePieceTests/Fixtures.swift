import BPETokenizer
import Multimodal
import SentencePieceTokenizer
import TestSupport

/// Finds and reads the fixtures that `Tests/Fixtures/SentencePiece/make_fixtures.py` wrote.
enum Fixtures {
    static let folder = fixture("SentencePiece/")

    struct Expectation {
        var file: String
        var cleaning: SentencePieceTokenizer.Cleaning
        var category: String
        var text: String
        /// With the end.
        var ids: [Int32]
    }

    struct Malformed: Error { var line: String }

    static func bytes(_ name: String) throws -> [UInt8] { try MergeFile.contents(folder + name) }

    static func expectations() throws -> [Expectation] {
        try bytes("ids.tsv.gz").split(separator: 0x0A).map { line in
            let fields = line.split(separator: 0x09, omittingEmptySubsequences: false)
                .map { String(decoding: $0, as: UTF8.self) }
            guard fields.count == 5, let cleaning = SentencePieceTokenizer.Cleaning(rawValue: fields[1]) else {
                throw Malformed(line: String(decoding: line, as: UTF8.self))
            }
            return Expectation(
                file: fields[0], cleaning: cleaning, category: fields[2], text: unescaped(fields[3]),
                ids: fields[4].split(separator: " ").compactMap { Int32($0) })
        }
    }

    /// What `body` gives for a file with these bytes, which is then removed.
    static func withFile<Result>(_ bytes: [UInt8], _ body: (String) throws -> Result) throws -> Result {
        try withTemporaryFolder { folder in
            try overwrite(folder + "/model", bytes)
            return try body(folder + "/model")
        }
    }
}
