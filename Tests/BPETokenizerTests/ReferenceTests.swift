import BPETokenizer
import Multimodal
import Testing

@Suite("Ids of the reference tokenizers")
struct ReferenceTests {
    /// Compares every line, and names the first of each category that differs.
    private func compare(_ name: String, _ table: MergeTable) throws -> Int {
        let expectations = try Fixtures.expectations(name)
        var encoders: [String: BytePairEncoder] = [:]
        var failed: Set<String> = []
        for line in expectations {
            let key = "\(line.cleaning) \(line.specialTokens)"
            let encoder =
                encoders[key]
                ?? BytePairEncoder(table: table, cleaning: line.cleaning, specialTokens: line.specialTokens)
            encoders[key] = encoder
            let ids = encoder.encode(line.text)
            if ids != line.ids, failed.insert("\(key) \(line.category)").inserted {
                Issue.record("\(key), \(line.category): \(line.text.debugDescription) gives \(ids), not \(line.ids)")
            }
        }
        return expectations.count
    }

    @Test(
        "with the published merges, on 2,600 texts of many scripts",
        .enabled(
            if: Fixtures.publishedMerges != nil,
            "set CLIP_BPE_MERGES to the published bpe_simple_vocab_16e6.txt.gz to run this"))
    func published() throws {
        let table = try MergeTable(contentsOf: #require(Fixtures.publishedMerges))
        #expect(table.vocabularySize == 49408)
        #expect(table.startToken == 49406)
        #expect(table.endToken == 49407)
        #expect(try compare("published.tsv.gz", table) == 3250)
        // Words that the cache holds by now give the same ids again.
        #expect(BytePairEncoder(table: table).encode("a photo of a cat") == [320, 1125, 539, 320, 2368])
    }

    @Test("with a small vocabulary, on 700 texts")
    func small() throws {
        let table = try MergeTable(contentsOf: Fixtures.folder + "small-merges.txt")
        #expect(table.vocabularySize == 814)
        #expect(try compare("small.tsv.gz", table) == 875)
    }

    @Test("a trainer written as plainly as possible learns the same merges")
    func training() throws {
        let texts = try Fixtures.lines("training.txt.gz")
        var trainer = BPETrainer()
        for text in texts { trainer.add(text) }
        let table = try trainer.train(vocabularySize: 814)
        #expect(try table.fileText() == MergeFile.contents(Fixtures.folder + "small-merges.txt"))
        var reversed = BPETrainer()
        for text in texts.reversed() { reversed.add(text) }
        #expect(try reversed.train(vocabularySize: 814).fileText() == table.fileText())
    }
}
