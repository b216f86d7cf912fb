import SentencePieceTokenizer
import Testing
import YAML

@testable import Multimodal

@Suite("The plugin")
struct PluginTests {
    private func tokenizer(_ config: String) throws -> any Tokenizer {
        let registry = try PluginRegistry([SentencePiecePlugin()])
        let config = try YAMLNode.parse(Array(config.utf8), file: "model.yaml")
        return try registry.tokenizer(
            PluginChoice(name: "sentencepiece", place: .string("sentencepiece"), config: config),
            folder: Fixtures.folder)
    }

    @Test("end and padding are SigLIP's for a unigram model, SigLIP2's for BPE", arguments: ["model", "json"])
    func specialTokens(kind: String) throws {
        let first = try tokenizer("{model: unigram.\(kind)}")
        #expect((first.startToken, first.endToken, first.padToken) == (nil, 1, 1))
        let second = try tokenizer("{model: bpe.\(kind)}")
        #expect((second.startToken, second.endToken, second.padToken) == (nil, 1, 0))
    }

    @Test("the settings say other start, end and padding")
    func settings() throws {
        let made = try tokenizer("{model: bpe.model, startToken: 2, endToken: 5, padToken: 6}")
        #expect((made.startToken, made.endToken, made.padToken) == (2, 5, 6))
        #expect(made.tokenize("a b c", contextLength: 4).ids.first == 2)
        #expect(throws: (any Error).self) { try tokenizer("{model: bpe.model, endToken: 999999}") }
    }

    @Test("every choice in the manifest is one the code knows")
    func choices() throws {
        for cleaning in SentencePieceTokenizer.Cleaning.allCases {
            _ = try tokenizer("{model: unigram.model, cleaning: \(cleaning.rawValue)}")
        }
        #expect(throws: (any Error).self) { try tokenizer("{model: unigram.model, cleaning: ftfy}") }
    }

    @Test("whatever decides ids changes the digest")
    func digest() throws {
        let configs = [
            "{model: unigram.model}", "{model: unigram.json}", "{model: unigram.model, cleaning: open_clip}",
            "{model: unigram.model, endToken: 0}", "{model: unigram.model, padToken: 0}",
        ]
        #expect(try Set(configs.map { try tokenizer($0).digest }).count == configs.count)
        #expect(try tokenizer(configs[0]).digest == tokenizer(configs[0]).digest)
    }

    @Test("a missing file is named with its place in the model")
    func missing() throws {
        let error = #expect(throws: YAMLError.self) { try tokenizer("{model: nowhere.model}") }
        let text = error?.description ?? ""
        #expect(text.hasPrefix("model.yaml:1:"))
        #expect(text.contains("nowhere.model"))
    }
}
