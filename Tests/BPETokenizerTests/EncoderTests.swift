import BPETokenizer
import ModelGraph
import Multimodal
import Testing

@Suite("Encoding")
struct EncoderTests {
    private let table: MergeTable

    init() throws { table = try MergeTable(contentsOf: Fixtures.folder + "small-merges.txt") }

    @Test("a piece too long to scan merges as short ones do", arguments: ["a", "the", "猫", "!?", "aab", "🎉"])
    func longPieces(_ unit: String) throws {
        // The oracle merges as the definition says, one rank at a time over the whole word.
        let encoder = BytePairEncoder(table: table, cleaning: .none)
        for count in [1, 15, 16, 17, 40, 65, 100, 333] {
            let word = String(repeating: unit, count: count)
            #expect(encoder.encode(word) == Oracle.encode(word, table))
        }
    }

    @Test("random words of frequent letters merge as the definition says")
    func randomWords() {
        let encoder = BytePairEncoder(table: table, cleaning: .none)
        var random = SeededGenerator(seed: 7)
        let letters = Array("aeiotnshr")
        for _ in 0..<300 {
            let word = String(
                (0..<Int.random(in: 1...200, using: &random)).map { _ in letters.randomElement(using: &random) ?? "a" })
            #expect(encoder.encode(word) == Oracle.encode(word, table))
        }
    }

    @Test("a word of a megabyte without a space is done in seconds")
    func megabyteWord() {
        let encoder = BytePairEncoder(table: table)
        let time = ContinuousClock().measure {
            #expect(!encoder.encode(String(repeating: "ab", count: 500_000)).isEmpty)
        }
        // Quadratic time would be hours.
        #expect(time < .seconds(120))
    }

    @Test("entities wrapped twenty thousand times do not hold up a stream")
    func nestedEntities() {
        let encoder = BytePairEncoder(table: table)
        let time = ContinuousClock().measure {
            #expect(!encoder.encode("&" + String(repeating: "amp;", count: 20_000)).isEmpty)
        }
        #expect(time < .seconds(240))
    }

    @Test("decoding gives the words back")
    func decoding() {
        let encoder = BytePairEncoder(table: table)
        let text = "the wörld is 猫 & 🎉 !"
        #expect(encoder.decode(encoder.encode(text)) == text + " ")
        #expect(encoder.decode([table.startToken, -1, table.endToken, .max]) == "<|startoftext|><|endoftext|>")
    }

    @Test("special tokens in a text are ids only as they are spelled")
    func specialTokens() {
        let start = [table.startToken]
        let openai = BytePairEncoder(table: table)
        #expect(openai.encode("<|startoftext|>") == start)
        #expect(openai.encode("<|StartOfText|>") == start)
        #expect(openai.encode("<start_of_text>") != start)
        #expect(BytePairEncoder(table: table, specialTokens: .openclip).encode("<start_of_text>") == start)
        #expect(BytePairEncoder(table: table, cleaning: .none).encode("<|StartOfText|>") != start)
        #expect(
            !BytePairEncoder(table: table, specialTokens: .none).encode("<|startoftext|>").contains(table.startToken))
    }

    @Test("many threads share an encoder")
    func threads() async {
        let encoder = BytePairEncoder(table: table)
        let texts = (0..<200).map { "text number \($0) of the “many” &amp; ﬁne" }
        let expected = texts.map { BytePairEncoder(table: table).encode($0) }
        await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<8 { group.addTask { texts.map(encoder.encode) == expected } }
            for await same in group { #expect(same) }
        }
    }

    @Test("any bytes read as text give ids below the vocabulary's size")
    func anyBytes() {
        var random = SeededGenerator(seed: 99)
        for cleaning in TextCleaning.allCases {
            let encoder = BytePairEncoder(table: table, cleaning: cleaning)
            for _ in 0..<300 {
                let bytes = (0..<Int.random(in: 0...60, using: &random)).map { _ in
                    Bool.random(using: &random)
                        ? UInt8.random(in: 0...255, using: &random) : UInt8.random(in: 0xC2...0xF4, using: &random)
                }
                let ids = encoder.encode(String(decoding: bytes, as: UTF8.self))
                #expect(ids.allSatisfy { $0 >= 0 && $0 < table.vocabularySize })
            }
        }
    }
}

/// Byte-pair encoding of one word by its definition: the first merge of the table that occurs, everywhere from the
/// left.
enum Oracle {
    static func encode(_ word: String, _ table: MergeTable) -> [Int32] {
        let lookup = Dictionary(
            uniqueKeysWithValues: table.merges.enumerated().map { ([$1.left, $1.right], UInt32(512 + $0)) })
        let ids = byteIDs(table)
        var symbols = word.utf8.compactMap { ids[$0] }
        if let last = symbols.popLast() { symbols.append(last + 256) }
        while let merged = zip(symbols, symbols.dropFirst()).compactMap({ lookup[[$0, $1]] }).min() {
            let pair = table.merges[Int(merged) - 512]
            var result: [UInt32] = []
            var index = 0
            while index < symbols.count {
                if index + 1 < symbols.count, symbols[index] == pair.left, symbols[index + 1] == pair.right {
                    result.append(merged)
                    index += 2
                } else {
                    result.append(symbols[index])
                    index += 1
                }
            }
            symbols = result
        }
        return symbols.map { Int32($0) }
    }

    private static func byteIDs(_ table: MergeTable) -> [UInt8: UInt32] {
        var ids: [UInt8: UInt32] = [:]
        for id in Int32(0)..<256 { if let byte = table.bytes(id)?.bytes.first { ids[byte] = UInt32(id) } }
        return ids
    }
}
