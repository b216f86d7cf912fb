import Multimodal
import YAML

/// The tokenizer's files of a directory in transformers' layout, and which of this program's tokenizers reads them.
///
/// Their keys are checked here, and the tokens that they name are read by the tokenizers (`TokenizerSideFiles`).
struct TokenizerFolder {
    let folder: String
    /// How the files' names begin, as seen from `folder`.
    private let place: String
    /// `tokenizer_config.json`
    private let config: YAMLNode?
    /// The class, by `tokenizer_config.json` or else by the model's description.
    private let className: YAMLNode?

    private static let sideFiles = [
        (setting: "tokenizerConfig", file: "tokenizer_config.json"),
        (setting: "specialTokensMap", file: "special_tokens_map.json"),
        (setting: "addedTokens", file: "added_tokens.json"),
    ]

    /// - Parameter model: `config.json`; nil in open_clip's layout.
    init(folder: String, model: YAMLNode?) throws {
        self.folder = folder
        let place = Self.place(of: folder)
        self.place = place
        func load(_ name: String, _ table: KeyTable) throws -> YAMLNode? {
            let path = FileSystem.resolve(place + name, in: folder)
            guard FileSystem.isFile(path) else { return nil }
            let node = try YAMLNode.loadJSON(path)
            try table.check(node)
            return node
        }
        config = try load("tokenizer_config.json", .transformersTokenizer)
        _ = try load("special_tokens_map.json", .transformersSpecialTokens)
        className = config?.written("tokenizer_class") ?? model?.written("tokenizer_class")
    }

    /// diffusers keeps the tokenizer of `text_encoder` beside it, in `tokenizer`, and that of `text_encoder_2` in
    /// `tokenizer_2`.
    private static func place(of folder: String) -> String {
        let own = ["tokenizer.json", "merges.txt", "spiece.model", "tokenizer.model"]
        let (encoder, name) = ("text_encoder", FileSystem.name(of: FileSystem.realPath(folder)))
        guard name.hasPrefix(encoder), !own.contains(where: { FileSystem.isFile(FileSystem.resolve($0, in: folder)) })
        else { return "" }
        let sibling = "../tokenizer" + name.dropFirst(encoder.count)
        return FileSystem.isDirectory(FileSystem.resolve(sibling, in: folder)) ? sibling + "/" : ""
    }

    private func has(_ name: String) -> Bool { FileSystem.isFile(FileSystem.resolve(place + name, in: folder)) }

    private func setting(_ file: String) -> YAMLNode { .string(place + file) }

    private var sideSettings: [(key: String, value: YAMLNode)] {
        Self.sideFiles.filter { has($0.file) }.map { ($0.setting, setting($0.file)) }
    }

    /// Refuses settings by which programs cut texts sooner than the tower must.
    private func checkLength(_ contextLength: YAMLNode) throws {
        guard let most = config?.written("model_max_length") ?? config?.written("max_len"),
            try most.double() < Double(contextLength.int())
        else { return }
        throw LayoutReading.refusal(
            most, "texts are cut to \(try most.text()) ids, and the text tower takes \(try contextLength.int())",
            remedy: "write \(try contextLength.int())")
    }

    // MARK: - CLIP

    /// CLIPTokenizer: vocabulary and merges of `tokenizer.json`, or else of `vocab.json` and `merges.txt`.
    func clip(contextLength: YAMLNode) throws -> YAMLNode {
        if let className, !["CLIPTokenizer", "CLIPTokenizerFast"].contains(try className.text()) {
            throw LayoutReading.refusal(
                className, "the tokenizer \(try className.text()) is not supported", remedy: "CLIPTokenizer is")
        }
        try checkLength(contextLength)
        guard let merges = ["tokenizer.json", "merges.txt"].first(where: has) else {
            throw CheckpointError(
                folder,
                "has no merges.txt and no tokenizer.json; put the model's vocab.json and merges.txt, or its "
                    + "tokenizer.json, beside config.json")
        }
        let files =
            merges == "merges.txt" && has("vocab.json") ? [("vocabulary", setting("vocab.json"))] : []
        return .mapping([
            "name": .string("bpe"),
            "config": .mapping(
                [("merges", setting(merges))] + files
                    + [("cleaning", .string("transformers")), ("padding", .string("end"))] + sideSettings),
        ])
    }

    // MARK: - SigLIP

    /// SigLIP's tokenizer, or SigLIP2's, from the file of it that is there: the `tokenizer.json` first, as transformers and
    /// open_clip do, but for `SiglipTokenizer`, which reads no such file.
    ///
    /// Neither has a start. The file's own end, and what fills shorter texts, which the towers see, are those that the side
    /// files name: SigLIP's end fills its texts, SigLIP2's tokenizer is Gemma's and has an id for that.
    func sentencePiece(vocabularySize: YAMLNode?, contextLength: YAMLNode, isOpenCLIP: Bool) throws -> YAMLNode {
        let type = try className?.text()
        let isSecond =
            try type.map { $0.hasPrefix("Gemma") || $0.hasPrefix("Siglip2") } ?? (vocabularySize?.int() == 256_000)
        let isT5 = type?.hasPrefix("T5Tokenizer") ?? false
        if let className, let type, !isSecond, !isT5, !["SiglipTokenizer", "SiglipTokenizerFast"].contains(type) {
            throw LayoutReading.refusal(
                className, "the tokenizer \(type) is not supported",
                remedy: "SiglipTokenizer, T5Tokenizer, GemmaTokenizer and Siglip2Tokenizer are")
        }
        let cleaning = isOpenCLIP ? "open_clip" : isSecond ? "lower" : isT5 ? "none" : "transformers"
        if !isOpenCLIP {
            try checkLength(contextLength)
            if cleaning == "transformers", let lower = config?.written("do_lower_case"), try !lower.bool() {
                throw LayoutReading.refusal(lower, "texts with capitals are not supported", remedy: "use true")
            }
            if let inputs = config?.written("model_input_names"),
                try inputs.array({ try $0.text() }).contains("attention_mask")
            {
                throw LayoutReading.refusal(
                    inputs, "masks of the text tower are not supported, which sees what fills a text",
                    remedy: #"use ["input_ids"], as SigLIP's models have it"#)
            }
        }
        let names = (cleaning == "transformers" ? [] : ["tokenizer.json"]) + ["spiece.model", "tokenizer.model"]
        guard let model = names.first(where: has) else {
            throw CheckpointError(
                folder, "has none of \(names.joined(separator: ", ")); put the model's tokenizer beside its description"
            )
        }
        return .mapping([
            "name": .string("sentencepiece"),
            "config": .mapping([("model", setting(model)), ("cleaning", .string(cleaning))] + sideSettings),
        ])
    }
}
