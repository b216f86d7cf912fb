import BPETokenizer
import Multimodal

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Finds and reads the fixtures that `Tests/Fixtures/BPE/make_fixtures.py` wrote.
enum Fixtures {
    static let root = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3).joined(
        separator: "/")
    static let folder = root + "/Tests/Fixtures/BPE/"

    /// The published merges: named by CLIP_BPE_MERGES, or in ../shared/data beside the checkout.
    static let publishedMerges: String? = {
        let named = getenv("CLIP_BPE_MERGES").map { String(cString: $0) }
        let path = named ?? root + "/../shared/data/bpe_simple_vocab_16e6.txt.gz"
        return access(path, R_OK) == 0 ? path : nil
    }()

    /// The lines of a fixture, out of gzip where it is in it.
    static func lines(_ name: String) throws -> [String] {
        try MergeFile.contents(folder + name).split(separator: 0x0A).map { String(decoding: $0, as: UTF8.self) }
    }

    struct Expectation {
        var cleaning: TextCleaning
        var specialTokens: SpecialTokens
        var category: String
        var text: String
        var ids: [Int32]
    }

    struct Malformed: Error { var line: String }

    static func expectations(_ name: String) throws -> [Expectation] {
        try lines(name).map { line in
            let fields = line.utf8.split(separator: 0x09, omittingEmptySubsequences: false).map { Substring($0) }
            guard fields.count == 5, let cleaning = TextCleaning(rawValue: String(fields[0])),
                let specialTokens = SpecialTokens(rawValue: String(fields[1]))
            else { throw Malformed(line: line) }
            let ids = fields[4].split(separator: " ").compactMap { Int32($0) }
            return Expectation(
                cleaning: cleaning, specialTokens: specialTokens, category: String(fields[2]),
                text: unescaped(fields[3]), ids: ids)
        }
    }

    static func unescaped(_ field: Substring) -> String {
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

    /// A file with these bytes in a new folder, which the caller removes.
    static func temporary(_ bytes: [UInt8], name: String = "merges.txt") throws -> (path: String, folder: String) {
        let base = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        var template = Array("\(base)/bpe-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Malformed(line: "mkdtemp: \(errno)") }
        let folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let path = folder + "/" + name
        guard let file = fopen(path, "wb") else { throw Malformed(line: "fopen: \(errno)") }
        defer { fclose(file) }
        guard fwrite(bytes, 1, bytes.count, file) == bytes.count else { throw Malformed(line: "fwrite: \(errno)") }
        return (path, folder)
    }

    static func remove(_ file: (path: String, folder: String)) {
        unlink(file.path)
        rmdir(file.folder)
    }
}

/// The bytes of a fixture as they are on disk.
func rawBytes(of name: String) throws -> [UInt8] {
    guard let file = fopen(Fixtures.folder + name, "rb") else { throw Fixtures.Malformed(line: name) }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 1 << 20)
    let count = fread(&bytes, 1, bytes.count, file)
    return Array(bytes.prefix(count))
}
