import BPETokenizer
import Multimodal
import SentencePieceTokenizer

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Finds and reads the fixtures that `Tests/Fixtures/SentencePiece/make_fixtures.py` wrote.
enum Fixtures {
    static let folder =
        #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3).joined(separator: "/")
        + "/Tests/Fixtures/SentencePiece/"

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

    private static func unescaped(_ field: String) -> String {
        var text = String.UnicodeScalarView()
        var isEscaped = false
        for scalar in field.unicodeScalars {
            if isEscaped {
                text.append(scalar == "n" ? "\n" : scalar == "r" ? "\r" : scalar == "t" ? "\t" : scalar)
                isEscaped = false
            } else if scalar == "\\" {
                isEscaped = true
            } else {
                text.append(scalar)
            }
        }
        return String(text)
    }

    /// What `body` gives for a file with these bytes, which is then removed.
    static func withFile<Result>(_ bytes: [UInt8], _ body: (String) throws -> Result) throws -> Result {
        let base = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        var template = Array("\(base)/sentencepiece-XXXXXX".utf8CString)
        let descriptor = mkstemp(&template)
        guard descriptor >= 0 else { throw Malformed(line: "mkstemp: \(errno)") }
        let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        defer { unlink(path) }
        let written = write(descriptor, bytes, bytes.count)
        close(descriptor)
        guard written == bytes.count else { throw Malformed(line: "write: \(errno)") }
        return try body(path)
    }
}
