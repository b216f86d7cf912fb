import BPETokenizer
import Testing
import YAML

@testable import Multimodal

@Suite("The plugin")
struct PluginTests {
    private func tokenizer(_ config: String, folder: String = Fixtures.folder) throws -> any Tokenizer {
        let registry = try PluginRegistry([BPEPlugin()])
        let config = try YAMLNode.parse(Array(config.utf8), file: "model.yaml")
        return try registry.tokenizer(
            PluginChoice(name: "bpe", place: .string("bpe"), config: config), folder: folder)
    }

    @Test("its manifest fits what it registers")
    func manifest() throws {
        #expect(try PluginRegistry([BPEPlugin()]).names(of: .tokenizer) == ["bpe"])
    }

    @Test("every choice in the manifest is one the code knows")
    func choices() throws {
        for cleaning in TextCleaning.allCases {
            for specials in SpecialTokens.allCases {
                let made = try tokenizer(
                    "{merges: small-merges.txt, cleaning: \(cleaning.rawValue), specialTokens: \(specials.rawValue)}")
                let encoder = try #require(made as? CLIPTokenizer).encoder
                #expect(encoder.cleaning == cleaning)
                #expect(encoder.specialTokens == specials)
            }
        }
        #expect(throws: (any Error).self) { try tokenizer("{merges: small-merges.txt, cleaning: ftfy}") }
    }

    @Test("a model's texts get start and end, and padding as the model says")
    func tokens() throws {
        let zero = try tokenizer("{merges: small-merges.txt}")
        #expect(zero.vocabularySize == 814)
        #expect(zero.startToken == 812)
        #expect(zero.endToken == 813)
        #expect(zero.padToken == 0)
        #expect(try tokenizer("{merges: small-merges.txt, padding: end}").padToken == 813)
        let text = zero.tokenize("1 2 3 4", contextLength: 4)
        #expect(text == TokenizedText(ids: [812] + zero.encode("1 2") + [813], truncated: 2))
    }

    @Test("whatever decides ids changes the digest")
    func digest() throws {
        let configs = [
            "{merges: small-merges.txt}", "{merges: small-merges.txt, vocabularySize: 800}",
            "{merges: small-merges.txt, cleaning: none}", "{merges: small-merges.txt, specialTokens: open_clip}",
        ]
        #expect(try Set(configs.map { try tokenizer($0).digest }).count == configs.count)
        #expect(try tokenizer(configs[0]).digest == tokenizer(configs[0], folder: Fixtures.folder + ".").digest)
    }

    @Test("a missing merge file is named with its place in the model")
    func missing() throws {
        let error = #expect(throws: YAMLError.self) { try tokenizer("{merges: nowhere.txt}") }
        let text = error?.description ?? ""
        #expect(text.hasPrefix("model.yaml:1:"))
        #expect(text.contains("nowhere.txt: cannot be read: No such file or directory"))
    }
}
