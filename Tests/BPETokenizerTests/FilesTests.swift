import BPETokenizer
import MultimodalTesting
import TestSupport
import Testing
import YAML

@testable import Multimodal

@Suite("vocab.json and tokenizer.json")
struct FilesTests {
    private func tokenizer(_ config: String, folder: String = Fixtures.folder) throws -> any Tokenizer {
        let registry = try PluginRegistry([BPEPlugin()])
        let config = try YAMLNode.parse(Array(config.utf8), file: "model.yaml")
        return try registry.tokenizer(
            PluginChoice(name: "bpe", place: .string("bpe"), config: config), folder: folder)
    }

    private static let vocabulary = "{merges: small-merges.txt, vocabulary: vocab.json, cleaning: transformers}"
    private static let file = "{merges: tokenizer.json, cleaning: transformers}"

    @Test("give the ids of transformers' CLIPTokenizer")
    func ids() throws {
        let tokenizers = [try tokenizer(Self.vocabulary), try tokenizer(Self.file)]
        let lines = try Fixtures.lines("files.tsv.gz")
        #expect(lines.count > 400)
        for line in lines {
            let fields = line.utf8.split(separator: 0x09, omittingEmptySubsequences: false).map { Substring($0) }
            let text = unescaped(fields[0])
            for (tokenizer, expected) in zip(tokenizers, fields.dropFirst()) {
                let ids = expected.split(separator: " ").compactMap { Int32($0) }
                #expect(tokenizer.encode(text) == ids, "\(text.debugDescription)")
            }
        }
    }

    @Test("are what a tokenizer promises", arguments: [vocabulary, file, "{merges: small-merges.txt}"])
    func conformance(config: String) throws {
        let report = TokenizerConformance.run(try tokenizer(config), longText: 1 << 14)
        #expect(report.hasPassed, "\(report)")
    }

    @Test("decide the digest")
    func digest() throws {
        let configs = [Self.vocabulary, Self.file, "{merges: small-merges.txt, cleaning: transformers}"]
        #expect(try Set(configs.map { try tokenizer($0).digest }).count == 3)
    }

    @Test("that are not CLIP's are refused, by what differs")
    func others() throws {
        let good = String(decoding: try contents(of: Fixtures.folder + "tokenizer.json"), as: UTF8.self)
        for (old, new, name) in [
            ("\"type\":\"NFC\"", "\"type\":\"NFD\"", "'NFD', not 'NFC'"),
            ("\"BPE\"", "\"Unigram\"", "'Unigram', not 'BPE'"),
            ("\"</w>\"", "\"@@\"", "'@@', not '</w>'"), ("\"Removed\"", "\"Isolated\"", "'Isolated', not 'Removed'"),
            ("\"byte_fallback\":false", "\"byte_fallback\":true", "'byte_fallback' is set"),
        ] {
            let parts = good.split(separator: old)
            #expect(parts.count > 1, "\(old) is not in the fixture")
            let file = try Fixtures.temporary(Array(parts.joined(separator: new).utf8), name: "tokenizer.json")
            let error = #expect(throws: (any Error).self) { try tokenizer(Self.file, folder: folder(of: file)) }
            let text = error.map { "\($0)" } ?? ""
            #expect(text.contains(name) && text.contains("this is not CLIP's tokenizer"), "\(text)")
            #expect(text.contains(file))
        }
    }

    @Test("that are damaged are refused by name or read, and never crash", arguments: ["tokenizer.json", "vocab.json"])
    func damage(name: String) throws {
        let good = try contents(of: Fixtures.folder + name)
        let merges = Fixtures.folder + "small-merges.txt"
        var refused = 0
        for round in 1...120 {
            var bytes = good
            let place = (round &* 7919) % good.count
            switch round % 3 {
            case 0: bytes.removeLast(place)
            case 1: bytes.removeSubrange(place..<min(good.count, place + round))
            default: bytes[place] = UInt8(truncatingIfNeeded: round &* 31)
            }
            let file = try Fixtures.temporary(bytes, name: name)
            let config =
                name == "vocab.json"
                ? "{merges: \(merges), vocabulary: vocab.json, cleaning: transformers}" : Self.file
            do {
                _ = try tokenizer(config, folder: folder(of: file)).encode("Où est le chat? ~ <dog>")
            } catch {
                refused += 1
                #expect("\(error)".contains(file), "\(error)")
            }
        }
        #expect(refused > 60)
    }
}
