import BPETokenizer
import Multimodal
import TestSupport

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Finds and reads the fixtures that `Tests/Fixtures/BPE/make_fixtures.py` wrote.
enum Fixtures {
    static let folder = fixture("BPE/")

    /// The published merges: named by CLIP_BPE_MERGES, or in ../shared/data beside the checkout.
    static let publishedMerges: String? = {
        let named = getenv("CLIP_BPE_MERGES").map { String(cString: $0) }
        let path = named ?? repositoryRoot + "/../shared/data/bpe_simple_vocab_16e6.txt.gz"
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

    /// The path of a file with these bytes.
    static func temporary(_ bytes: [UInt8], name: String = "merges.txt") throws -> String {
        let path = try temporaryFolder() + "/" + name
        try overwrite(path, bytes)
        return path
    }
}
