import Multimodal
import MultimodalTesting
import SentencePieceTokenizer
import Testing

@Suite("Ids of the reference tokenizers")
struct ReferenceTests {
    @Test("are given for texts of many scripts, by both models, from both kinds of file, with every cleaning")
    func ids() throws {
        let expectations = try Fixtures.expectations()
        #expect(expectations.count > 2000)
        var tokenizers: [String: SentencePieceTokenizer] = [:]
        var wrong = 0
        for expectation in expectations {
            let key = "\(expectation.file) \(expectation.cleaning.rawValue)"
            let tokenizer =
                try tokenizers[key]
                ?? SentencePieceTokenizer(
                    contentsOf: Fixtures.folder + expectation.file, cleaning: expectation.cleaning)
            tokenizers[key] = tokenizer
            let ids = tokenizer.tokenize(expectation.text, contextLength: .max).ids
            if ids != expectation.ids {
                wrong += 1
                if wrong <= 20 {
                    Issue.record(
                        "\(key), \(expectation.category): \(expectation.text.debugDescription): \(ids), not \(expectation.ids)"
                    )
                }
            }
        }
        #expect(wrong == 0)
        #expect(tokenizers.count == 11)
    }

    @Test(
        "are what a tokenizer promises",
        arguments: ["unigram.model", "unigram.json", "bpe.model", "bpe.json"])
    func conformance(file: String) throws {
        let report = TokenizerConformance.run(
            try SentencePieceTokenizer(contentsOf: Fixtures.folder + file), longText: 1 << 16)
        #expect(report.hasPassed, "\(report)")
    }
}
