public import Multimodal

extension CLIPTokenizer: TransformersTokenizer {
    /// The files of transformers' CLIPTokenizer, which pads with the end token.
    public func transformersFiles(contextLength: Int) -> [(name: String, contents: [UInt8])] {
        let table = encoder.table
        let specials = [(Self.start, table.startToken), (Self.end, table.endToken)]
        let symbols = (0..<Int32(clamping: table.vocabularySize)).compactMap { id in
            specials.contains { $0.1 == id }
                ? nil : table.symbol(id).map { (String(decoding: $0, as: UTF8.self), id) }
        }
        let vocabulary = (symbols + specials).map { "\(Self.quoted($0)):\($1)" }.joined(separator: ",")
        let settings = [
            ("bos_token", Self.quoted(Self.start)), ("do_lower_case", "true"), ("eos_token", Self.quoted(Self.end)),
            ("model_max_length", "\(contextLength)"), ("pad_token", Self.quoted(Self.end)),
            ("tokenizer_class", "\"CLIPTokenizer\""), ("unk_token", Self.quoted(Self.end)),
        ].map { "  \"\($0)\": \($1)" }.joined(separator: ",\n")
        return [
            ("vocab.json", Array("{\(vocabulary)}\n".utf8)), ("merges.txt", table.fileText()),
            ("tokenizer_config.json", Array("{\n\(settings)\n}\n".utf8)),
        ]
    }

    private static let start = "<|startoftext|>"
    private static let end = "<|endoftext|>"

    /// A JSON string; symbols hold no control characters.
    private static func quoted(_ symbol: String) -> String {
        "\"" + symbol.map { $0 == "\"" || $0 == "\\" ? "\\\($0)" : "\($0)" }.joined() + "\""
    }
}
