import ModelGraph
import SentencePieceTokenizer
import Testing

@Suite("Damaged files")
struct DamageTests {
    private func message(_ bytes: [UInt8], cleaning: SentencePieceTokenizer.Cleaning = .none) throws -> String? {
        try Fixtures.withFile(bytes) { path in
            do {
                // What can be opened encodes, whatever was changed.
                _ = try SentencePieceTokenizer(contentsOf: path, cleaning: cleaning).encode(
                    "Où est le chat? ½ 猫 \n\n<b>")
                return nil
            } catch {
                #expect("\(error)".contains(path), "the message does not name the file: \(error)")
                return "\(error)"
            }
        }
    }

    @Test(
        "are refused by name or read, and never crash",
        arguments: ["unigram.model", "unigram.json", "bpe.model", "bpe.json"])
    func mutations(file: String) throws {
        let good = try Fixtures.bytes(file)
        var random = SeededGenerator(seed: 7)
        var refused = 0
        for _ in 0..<150 {
            var bytes = good
            switch random.next() % 4 {
            case 0: bytes.removeLast(random.below(bytes.count))
            case 1: bytes.removeSubrange(random.below(bytes.count)..<bytes.count)
            case 2:
                let start = random.below(bytes.count)
                bytes.removeSubrange(start..<min(bytes.count, start + 1 + random.below(40)))
            default:
                for _ in 0...random.below(8) {
                    bytes[random.below(bytes.count)] = UInt8(truncatingIfNeeded: random.next())
                }
            }
            if try message(bytes) != nil { refused += 1 }
        }
        #expect(refused > 50)
    }

    @Test("what a tokenizer.json holds that is not supported is named")
    func unsupported() throws {
        let good = String(decoding: try Fixtures.bytes("unigram.json"), as: UTF8.self)
        for (old, new, name) in [
            ("\"Metaspace\"", "\"ByteLevel\"", "ByteLevel"), ("\"Unigram\"", "\"WordPiece\"", "WordPiece"),
            ("\"Precompiled\"", "\"NFKD\"", "NFKD"), ("\"always\"", "\"first\"", "first"),
        ] {
            let parts = good.split(separator: old)
            #expect(parts.count > 1, "\(old) is not in the fixture")
            let text = try #require(try message(Array(parts.joined(separator: new).utf8)))
            #expect(text.contains(name) && text.contains("is not supported"), "\(text)")
        }
        let text = try #require(try message(Array(good.utf8), cleaning: .transformers))
        #expect(text.contains("spiece.model"))
    }

    @Test("an empty file and other files are no model")
    func others() throws {
        for bytes in [[], Array("#version: 0.2\n".utf8), [0x1F, 0x8B, 0, 0], [UInt8](repeating: 0xFF, count: 99)] {
            #expect(try message(bytes)?.contains("not a SentencePiece model") == true)
        }
    }
}

extension SeededGenerator {
    fileprivate mutating func below(_ count: Int) -> Int { Int(next() % UInt64(max(1, count))) }
}
