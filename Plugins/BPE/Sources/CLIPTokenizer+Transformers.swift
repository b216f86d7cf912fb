public import Multimodal

extension CLIPTokenizer: TransformersTokenizer {
    /// The files of transformers' CLIPTokenizer, with the tokens that are found in texts.
    public func transformersFiles(contextLength: Int) -> [(name: String, contents: [UInt8])] {
        let table = encoder.table
        // Others than transformers find no more than the two, and fill with what no text shows.
        let tokens = encoder.cleaning == .transformers ? encoder.addedTokens.tokens : []
        func spelling(_ id: Int32, _ otherwise: String) -> String { tokens.first { $0.id == id }?.content ?? otherwise }
        let specials =
            [(spelling(table.startToken, Self.start), table.startToken)]
            + [(spelling(table.endToken, Self.end), table.endToken)]
        let symbols = (0..<Int32(clamping: table.vocabularySize)).compactMap { id in
            table.symbol(id).map { (String(decoding: $0, as: UTF8.self), id) }
        }
        let others = specials.filter { special in !symbols.contains { $0.1 == special.1 } }
        let vocabulary = (symbols + others).map { "\(Self.quoted($0)):\($1)" }.joined(separator: ",")
        var settings = [
            ("bos_token", Self.quoted(specials[0].0)), ("do_lower_case", "true"),
            ("eos_token", Self.quoted(specials[1].0)), ("model_max_length", "\(contextLength)"),
            ("pad_token", Self.quoted(tokens.isEmpty ? specials[1].0 : spelling(padToken, specials[1].0))),
            ("tokenizer_class", "\"CLIPTokenizer\""), ("unk_token", Self.quoted(specials[1].0)),
        ]
        let plain = specials.map { AddedTokens.Token($0.0, id: $0.1) }
        if !Set(tokens).isSubset(of: plain) {
            let listed = tokens.map { "\"\($0.id)\": \(Self.object($0))" }.joined(separator: ", ")
            settings.insert(("added_tokens_decoder", "{\(listed)}"), at: 0)
        }
        let lines = settings.map { "  \"\($0.0)\": \($0.1)" }.joined(separator: ",\n")
        return [
            ("vocab.json", Array("{\(vocabulary)}\n".utf8)), ("merges.txt", table.fileText()),
            ("tokenizer_config.json", Array("{\n\(lines)\n}\n".utf8)),
        ]
    }

    private static let start = "<|startoftext|>"
    private static let end = "<|endoftext|>"

    /// A token and how it is found. Those that fill or end a text are special by their part.
    private static func object(_ token: AddedTokens.Token) -> String {
        "{\"content\": \(quoted(token.content)), \"lstrip\": \(token.stripsLeft), \"normalized\": \(token.isNormalized), "
            + "\"rstrip\": \(token.stripsRight), \"single_word\": \(token.isSingleWord), \"special\": true}"
    }

    /// A JSON string.
    private static func quoted(_ symbol: String) -> String {
        var text = "\""
        for scalar in symbol.unicodeScalars {
            switch scalar {
            case "\"", "\\": text += "\\\(scalar)"
            case "\0"..<" ":
                let digits = String(scalar.value, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: text.unicodeScalars.append(scalar)
            }
        }
        return text + "\""
    }
}
