import Multimodal

/// A `tokenizer.json` of Hugging Face's tokenizers that holds a CLIP tokenizer. Any other is refused, by what differs.
struct TokenizerFile {
    let root: JSONValue
    let table: MergeTable
    let symbols: ByteStringTable
    let vocabulary: Vocabulary

    /// The pattern of openai/CLIP, as transformers 4 wrote it (convert_slow_tokenizer.py), and with the special tokens, which
    /// are found before, as 5 writes it (models/clip/tokenization_clip.py).
    private static let pattern = #"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"#
    private static let patterns = [#"<\|startoftext\|>|<\|endoftext\|>|"# + pattern, pattern]

    /// Whether the file at `path` is one: it begins with a brace, as no merge file does.
    static func isOne(_ path: String) -> Bool {
        guard let bytes = try? MergeFile.contents(path, limit: 64) else { return false }
        return bytes.first { $0 > 0x20 } == UInt8(ascii: "{")  // the file is read without its byte order mark
    }

    /// - Parameter checksSteps: whether to refuse a file whose normalizer and pattern are not CLIP's.
    init(contentsOf path: String, checksSteps: Bool) throws {
        root = try JSONDocument(contentsOf: path).root
        if checksSteps {
            try Self.checkNormalizer(root.required("normalizer"))
            try Self.checkSplitting(root.required("pre_tokenizer"))
        }
        // What is put around texts is CLIP's, whatever this says; text is cut and filled at its end.
        for name in ["truncation", "padding"] {
            if let side = try root.written(name)?.written("direction"), try side.string() != "Right" {
                throw side.otherThanCLIP("it cuts or fills texts at their start")
            }
        }
        let model = try root.required("model")
        try model.expect("type", "BPE")
        try model.expect("end_of_word_suffix", "</w>")
        try model.refuse("continuing_subword_prefix", unless: "")
        for name in ["dropout", "fuse_unk", "byte_fallback", "ignore_merges"] { try model.refuse(name) }
        try model.check(
            keys: [
                "type", "end_of_word_suffix", "continuing_subword_prefix", "dropout", "fuse_unk", "byte_fallback",
                "ignore_merges", "unk_token", "merges", "vocab",
            ])
        try root.check(
            keys: [
                "version", "truncation", "padding", "added_tokens", "normalizer", "pre_tokenizer", "post_processor",
                "decoder", "model",
            ])
        (table, symbols) = try Self.read(model.required("merges"), file: path)
        vocabulary = try Vocabulary(model.required("vocab"))
        if let name = try model.written("unk_token"), try vocabulary[name.utf8()] == nil {
            throw name.error("the vocabulary lacks it", remedy: "fetch the file again")
        }
    }

    /// Merges are pairs, or in older files pairs in one string.
    private static func read(_ merges: JSONValue, file: String) throws -> (MergeTable, ByteStringTable) {
        var text: [UInt8] = []
        for merge in try merges.elements() {
            let start = text.count
            if merge.isString {
                text += try merge.utf8()
            } else {
                for (index, symbol) in try merge.elements().enumerated() {
                    if index > 0 { text.append(0x20) }
                    text += try symbol.utf8()
                }
            }
            guard text.count > start, !text[start...].contains(where: { $0 == 0x0A || $0 == 0x0D }) else {
                throw merge.error("this is not a merge", remedy: "fetch the file again")
            }
            text.append(0x0A)
        }
        do throws(MergeTableError) {
            return try MergeTable.read(Array("#version: 0.2\n".utf8) + text, file: file, mergeCount: nil)
        } catch {
            let line = error.line - 2
            let merge = try merges.elements().enumerated().first { $0.offset == line }?.element
            throw (merge ?? merges).error(error.reason.description, remedy: "fetch the file again")
        }
    }

    private static func checkNormalizer(_ normalizer: JSONValue) throws {
        try normalizer.expect("type", "Sequence")
        let steps = try Array(normalizer.required("normalizers").elements())
        guard steps.count == 3 else { throw normalizer.otherThanCLIP("it has \(steps.count) steps, not 3") }
        try steps[0].expect("type", "NFC")
        try steps[1].expect("type", "Replace")
        try steps[1].required("pattern").expect("Regex", #"\s+"#)
        try steps[1].expect("content", " ")
        try steps[2].expect("type", "Lowercase")
    }

    private static func checkSplitting(_ splitting: JSONValue) throws {
        try splitting.expect("type", "Sequence")
        let steps = try Array(splitting.required("pretokenizers").elements())
        guard steps.count == 2 else { throw splitting.otherThanCLIP("it has \(steps.count) steps, not 2") }
        try steps[0].expect("type", "Split")
        let regex = try steps[0].required("pattern").required("Regex")
        guard patterns.contains(try regex.string()) else { throw regex.otherThanCLIP("its pattern is another") }
        try steps[0].expect("behavior", "Removed")
        guard try steps[0].required("invert").bool() else { throw steps[0].otherThanCLIP("'invert' is false") }
        try steps[1].expect("type", "ByteLevel")
        try steps[1].refuse("add_prefix_space")
        // Without it, a special token in capitals would not be split.
        if let splits = try steps[1].member("use_regex"), try !splits.bool() {
            throw splits.otherThanCLIP("'use_regex' is false")
        }
    }
}

extension JSONValue {
    fileprivate func otherThanCLIP(_ why: String) -> any Error {
        error(
            "this is not CLIP's tokenizer: \(why)", remedy: "only byte-level BPE as transformers' CLIPTokenizer is read"
        )
    }

    fileprivate func required(_ name: String) throws -> JSONValue {
        guard let value = try member(name), !value.isNull else { throw otherThanCLIP("'\(name)' is missing") }
        return value
    }

    fileprivate func expect(_ name: String, _ wanted: String) throws {
        let value = try required(name)
        let text = try value.string()
        guard text == wanted else { throw value.otherThanCLIP("'\(name)' is '\(text)', not '\(wanted)'") }
    }

    /// Refuses members that are not known; null is as if it were not there.
    fileprivate func check(keys: [String]) throws {
        for (name, value) in try members() where !value.isNull {
            guard keys.contains(try name.string()) else {
                throw name.otherThanCLIP("'\(try name.string())' is not known")
            }
        }
    }

    /// Takes null, false, and a member that is not there; `unless` as well.
    fileprivate func refuse(_ name: String, unless text: String? = nil) throws {
        guard let value = try member(name), !value.isNull else { return }
        if value.isString ? try value.string() == text : (try? value.bool()) == false { return }
        throw value.otherThanCLIP("'\(name)' is set")
    }
}
