import BPETokenizer
import Multimodal
import SentencePieceTokenizer
import TestSupport
import YAML

/// Files of tokenizers, and the texts that these are given.
enum Tokenizers {
    private static let texts = [
        "", "a photo of a cat", "Où est le chat? ½ 猫 \n\n<|endoftext|> <b>1234", "é\u{301}\u{0}",
    ]

    private static func tokenizer(_ plugin: String, _ settings: String, _ folder: String) throws -> any Tokenizer {
        let yaml = """
            name: fuzz
            text: {encoder: transformer, tokenizer: {name: \(plugin), config: \(settings)}}
            embedding: 8
            """
        let config = try ModelConfig(YAMLNode.parse(yaml, file: folder + "/model.yaml"))
        guard let choice = config.tokenizer else { throw Fault("no tokenizer is described in \(yaml)") }
        return try PluginRegistry([BPEPlugin(), SentencePiecePlugin()]).tokenizer(choice, folder: folder)
    }

    /// A tokenizer that can be opened encodes, and gives ids that it has.
    private static func check(
        _ plugin: String, _ settings: String, _ bytes: [UInt8], as name: String, _ folder: String
    ) throws {
        try overwrite("\(folder)/\(name)", bytes)
        let opened = try reading("\(folder)/\(name)") { try tokenizer(plugin, settings, folder) }
        guard let tokenizer = opened else { return }
        for text in texts { try check(tokenizer, text) }
    }

    private static func check(_ tokenizer: any Tokenizer, _ text: String) throws {
        let ids = tokenizer.tokenize(text, contextLength: 16).ids + tokenizer.encode(text)
        let size = tokenizer.vocabularySize
        try require(ids.allSatisfy { $0 >= 0 && Int($0) < size }, "\(text.debugDescription) gives \(ids) of \(size)")
    }

    static func merges(_ bytes: [UInt8], _ folder: String) throws {
        try check("bpe", "{merges: merges.txt}", bytes, as: "merges.txt", folder)
    }

    static func bpe(_ bytes: [UInt8], _ folder: String) throws {
        try check("bpe", "{merges: tokenizer.json, cleaning: transformers}", bytes, as: "tokenizer.json", folder)
    }

    static func sentencePiece(_ bytes: [UInt8], _ folder: String) throws {
        try check("sentencepiece", "{model: spiece.model}", bytes, as: "spiece.model", folder)
    }

    // MARK: - Texts

    private static let good: [any Tokenizer] = {
        let bpe = ["openai", "canonicalize", "transformers"].map {
            ("bpe", "{merges: small-merges.txt, cleaning: \($0)}", "BPE")
        }
        let pieces = ["unigram.model", "bpe.json"].map { ("sentencepiece", "{model: \($0)}", "SentencePiece") }
        return (bpe + pieces).compactMap { try? tokenizer($0.0, $0.1, fixture($0.2)) }
    }()

    /// Any text gives ids that the tokenizer has.
    static func text(_ bytes: [UInt8], _: String) throws {
        try require(good.count == 5, "a tokenizer of Tests/Fixtures is not read")
        let text = String(decoding: bytes, as: UTF8.self)
        for tokenizer in good { try check(tokenizer, text) }
    }
}
