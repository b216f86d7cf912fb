import AtomicFiles
import BPETokenizer
import Imaging
import InfoNCELoss
import ModelGraph
import Multimodal
import ReferenceBackend
import SentencePieceTokenizer
import SigmoidLoss
import Testing
import TransformerEncoder
import ViTEncoder
import YAML

@testable import Checkpoints

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// What the side files of a published directory decide: the small model of transformers with files beside it, and what
/// transformers makes of them (Tests/Fixtures/Published/make_side_files.py).
@Suite struct SideFilesTests {
    struct Case: Sendable, CustomStringConvertible {
        let node: YAMLNode
        var description: String { (try? node[path: "name"]?.string()) ?? "" }
    }

    private static let fixtures =
        #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(2).joined(separator: "/")
        + "/Fixtures/Published/"
    private static let document = (try? YAMLNode.loadJSON(fixtures + "side-files.json")) ?? .null

    static func cases(with key: String) -> [Case] {
        ((try? document[path: "cases"]?.array()) ?? []).filter { $0[path: key] != nil }.map(Case.init)
    }

    private let plugins: PluginRegistry

    init() throws {
        plugins = try PluginRegistry([
            BPEPlugin(), SentencePiecePlugin(), ViTPlugin(), TransformerPlugin(), InfoNCEPlugin(), SigmoidPlugin(),
            ReferencePlugin(),
        ])
    }

    /// A copy of the small model with the case's files.
    private func folder(_ files: YAMLNode?) throws -> String {
        let folder = try copy(of: "transformers")
        guard case .mapping(let entries)? = files?.content else { return folder }
        for entry in entries { try AtomicFile.write(entry.value.jsonText(), to: folder + "/" + entry.key) }
        return folder
    }

    private func copy(of name: String) throws -> String {
        var template = Array("/tmp/clip-side-XXXXXX".utf8CString)
        let folder = String(cString: try #require(mkdtemp(&template)))
        for file in [
            "config.json", "model.safetensors", "vocab.json", "merges.txt", "preprocessor_config.json", "spiece.model",
            "tokenizer_config.json",
        ] {
            let source = Self.fixtures + name + "/" + file
            guard FileSystem.isFile(source) else { continue }
            try AtomicFile.write(MappedFile(source).withBytes { Array($0) }, to: folder + "/" + file)
        }
        return folder
    }

    private func tokenizer(_ folder: String) throws -> any Tokenizer {
        let layout = try ModelLayout(file: folder + "/config.json")
        return try plugins.tokenizer(#require(layout.config.tokenizer), folder: folder)
    }

    private func message(_ folder: String) -> String {
        do {
            _ = try ModelDirectory.open(path: folder, plugins: plugins)
            return ""
        } catch { return "\(error)" }
    }

    private func floats(_ node: YAMLNode?) throws -> [Float] { try #require(node).array { Float(try $0.double()) } }

    @Test("the fixture has its cases")
    func isThere() {
        #expect(Self.cases(with: "ids").count >= 25 && Self.cases(with: "pixels").count >= 20)
        #expect(Self.cases(with: "refused").count >= 25 && Self.cases(with: "text").count >= 5)
    }

    @Test("ids and what fills texts are transformers'", arguments: cases(with: "ids"))
    func ids(_ example: Case) throws {
        let tokenizer = try tokenizer(folder(example.node[path: "files"]))
        let texts = try #require(Self.document[path: "texts"]).array { try $0.string() }
        let ids = texts.map { tokenizer.tokenize($0, contextLength: 77).ids.map(Int.init) }
        #expect(try ids == example.node[path: "ids"]?.array { try $0.array { try $0.int() } })
        #expect(try Int(tokenizer.padToken) == example.node[path: "pad"]?.int())
    }

    @Test("pixels are those of the image processor that is named", arguments: cases(with: "pixels"))
    func pixels(_ example: Case) throws {
        let model = try ModelDirectory.open(path: folder(example.node[path: "files"]), plugins: plugins)
        let path = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3).joined(separator: "/")
        let image = try Image(contentsOfFile: path + "/Examples/pictures/pink-star-above-orange-square.png")
        let pixels = try model.transform.apply(to: image.resized(width: 37, height: 23, interpolation: .bicubic))
        let expected = try floats(example.node[path: "pixels"])
        let own = stride(from: 0, to: pixels.count, by: 31).map { pixels[$0] }
        #expect(own.count == expected.count)
        #expect(zip(own, expected).allSatisfy { abs($0 - $1) < 2e-5 }, "\(own.prefix(6)) \(expected.prefix(6))")
    }

    @Test("what is not supported, or not known, is refused by name and place", arguments: cases(with: "refused"))
    func refusals(_ example: Case) throws {
        let folder = try folder(example.node[path: "files"])
        let text = message(folder)
        #expect(try text.contains(#require(example.node[path: "refused"]).string()), "\(text)")
        #expect(text.contains(folder), "\(text)")
    }

    @Test("the older copies of a configuration go before it", arguments: cases(with: "text"))
    func olderCopies(_ example: Case) throws {
        let model = try ModelDirectory.open(path: folder(example.node[path: "files"]), plugins: plugins)
        let embedder = Embedder(
            model: model.model, backend: try plugins.backend("reference"), parameters: { try model.parameters(for: $0) }
        )
        let ids = try model.tokenizer.tokenize("a photo of a cat", contextLength: 16)
        let text = try embedder.embed(texts: [ids], padToken: model.tokenizer.padToken, normalize: false).floats
        let pixels = try Safetensors(path: Self.fixtures + "transformers/expected.safetensors").tensor("pixels").floats
        let images = try embedder.embed(images: pixels, count: 2, normalize: false).floats
        for (own, name) in [(text, "text"), (Array(images.prefix(20)), "image")] {
            let expected = try floats(example.node[path: name])
            #expect(own.count == expected.count && zip(own, expected).allSatisfy { abs($0 - $1) < 1e-4 })
        }
    }

    // MARK: - JSON

    @Test(
        "config.json is read as JSON",
        arguments: [
            "\"_name_or_path\": \"me/clip-\\ud83d\\udc15\"", "\"_name_or_path\": \"caf\\u00e9 \\\"x\\\" \\/\"",
            "\"_name_or_path\": \"tab\\tand \u{85}\u{2028} in it\"", "\"max_length\": 1000000000000000019884624838656",
            "\"temperature\": 1E-7", "\"temperature\": NaN", "\"temperature\": -Infinity", "\"top_p\": 1e400",
            "\"prefix\": \"- a: *b # c\"", "\"label2id\": {\"y\": 0, \"~\": 1, \"<<\": 2, \"\": 3}",
            "\"label2id\": {\"\(String(repeating: "k", count: 3000))\": 0}",
            "\"id2label\": {\((0..<70_000).map { "\"\($0)\":\"L\"" }.joined(separator: ","))}",
        ])
    func json(entry: String) throws {
        #expect(try message(edited("transformers", "config.json", inserting: entry + ",")) == "")
    }

    @Test("a byte order mark is passed over in every file of JSON, and before merges")
    func byteOrderMarks() throws {
        let folder = try copy(of: "transformers")
        for file in ["config.json", "preprocessor_config.json", "vocab.json", "merges.txt"] {
            let bytes = try MappedFile(folder + "/" + file).withBytes { Array($0) }
            try AtomicFile.write([0xEF, 0xBB, 0xBF] + bytes, to: folder + "/" + file)
        }
        #expect(message(folder) == "")
        #expect(
            try ModelDirectory.open(path: folder, plugins: plugins).space
                == ModelDirectory.open(path: Self.fixtures + "transformers", plugins: plugins).space)
    }

    @Test(
        "what is no JSON is refused with file, line and column",
        arguments: [
            ("\"prefix\": null,,", "a name in quotes"), ("# no comment", "a name in quotes"),
            ("// no comment", "a name in quotes"), ("'prefix': 'x',", "a name in quotes"),
            ("prefix: x,", "a name in quotes"), ("\"prefix\": yes,", "a value is expected"),
            ("\"max_length\": 0x10,", "','"), ("\"max_length\": 007,", "not a number"),
            ("\"prefix\": \"\\ud83d\",", "surrogate"), ("\"prefix\": \"\\x41\",", "bad escape"),
            ("\"prefix\": \"a\tb\",", "control character"), ("\"prefix\": [1,],", "a value is expected"),
            ("\"model_type\": \"clip\",", "was given already"),
        ])
    func notJSON(entry: String, why: String) throws {
        let text = message(try edited("transformers", "config.json", inserting: entry))
        #expect(text.contains("/config.json:2:") || text.contains("was given already on line 2"), "\(text)")
        #expect(text.contains(why), "\(text)")
    }

    /// A copy of a small model with something after the first brace of a file, on line 2.
    private func edited(_ name: String, _ file: String, inserting text: String) throws -> String {
        let folder = try copy(of: name)
        let old = try MappedFile(folder + "/" + file).withBytes { String(decoding: $0, as: UTF8.self) }
        let brace = try #require(old.firstIndex(of: "{"))
        try AtomicFile.write("{\n" + text + old[old.index(after: brace)...], to: folder + "/" + file)
        return folder
    }

    // MARK: - Keys

    @Test(
        "keys without effect are passed over, others refused by name and line",
        arguments: [
            (
                "transformers",
                "\"attention_dropout\": 0.5, \"output_hidden_states\": true, \"torch_dtype\": \"float16\"", ""
            ),
            ("transformers", "\"pruned_heads\": {}, \"quantization_config\": null, \"auto_map\": {}", ""),
            ("transformers", "\"foo\": null", ""), ("transformers", "\"foo\": 1", "'foo' is no key"),
            ("transformers", "\"projection_dims\": 20", "did you mean 'projection_dim'"),
            ("transformers", "\"quantization_config\": {\"quant_method\": \"bitsandbytes\"}", "quantization_config"),
            ("transformers", "\"auto_map\": {\"AutoModel\": \"m.M\"}", "auto_map"),
            ("transformers", "\"pruned_heads\": {\"0\": [1]}", "pruned_heads"),
            ("transformers", "\"tokenizer_class\": \"BertTokenizer\"", "BertTokenizer is not supported"),
            ("transformers", "\"num_patches\": 256", "'num_patches' is no key"),
            ("siglip", "\"text_config_dict\": {\"num_attention_heads\": 1}", ""),
            ("siglip", "\"logit_bias\": 1", "'logit_bias' is no key"),
        ])
    func keys(name: String, entry: String, refusal: String) throws {
        let text = message(try edited(name, "config.json", inserting: entry + ","))
        if refusal.isEmpty {
            #expect(text == "")
        } else {
            #expect(text.contains(refusal) && text.contains("/config.json:2:"), "\(text)")
        }
    }

    @Test(
        "keys of SigLIP's tokenizer",
        arguments: [
            ("\"model_input_names\": [\"input_ids\"], \"sp_model_kwargs\": {}, \"do_lower_case\": true", ""),
            ("\"model_input_names\": [\"input_ids\", \"attention_mask\"]", "masks of the text tower"),
            ("\"do_lower_case\": false", "capitals"),
            ("\"sp_model_kwargs\": {\"enable_sampling\": true}", "sp_model_kwargs"),
            ("\"unk_token\": \"▁\"", "another unknown token"), ("\"additional_special_tokens\": [\"▁the\"]", "▁the"),
            ("\"pad_token\": \"<nothing>\"", "lacks the pad_token '<nothing>'"),
            ("\"eos_token\": \"<end>\"", "lacks the eos_token '<end>'"),
        ])
    func siglipKeys(entry: String, refusal: String) throws {
        let text = message(try edited("siglip", "tokenizer_config.json", inserting: entry + ","))
        #expect(refusal.isEmpty ? text == "" : text.contains(refusal), "\(text)")
    }

    @Test("SigLIP's end is the one of its SentencePiece model, whatever id that has")
    func otherEnd() throws {
        let folder = try copy(of: "siglip")
        try AtomicFile.write(
            MappedFile(Self.fixtures + "other-end.model").withBytes { Array($0) }, to: folder + "/spiece.model")
        let tokenizer = try tokenizer(folder)
        let expected = Self.document[path: "otherEnd"]
        let texts = try #require(Self.document[path: "texts"]).array { try $0.string() }
        let ids = texts.map { tokenizer.tokenize($0, contextLength: 64).ids.map(Int.init) }
        #expect(try ids == expected?[path: "ids"]?.array { try $0.array { try $0.int() } })
        #expect(tokenizer.endToken == 3 && tokenizer.padToken == 3)
        #expect(try tokenizer.vocabularySize == expected?[path: "size"]?.int())
    }

    @Test("a text encoder of diffusers finds its tokenizer where diffusers keeps it")
    func diffusers() throws {
        let base = try copy(of: "transformers")
        for name in ["text_encoder_2", "tokenizer_2"] { try FileSystem.makeDirectory("\(base)/\(name)") }
        let source = Self.fixtures + "transformers-text-states/"
        for file in ["config.json", "model.safetensors"] {
            try AtomicFile.write(
                MappedFile(source + file).withBytes { Array($0) }, to: "\(base)/text_encoder_2/\(file)")
        }
        #expect(message(base + "/text_encoder_2").contains("has no merges.txt"))
        for file in ["vocab.json", "merges.txt"] {
            try AtomicFile.write(MappedFile(source + file).withBytes { Array($0) }, to: "\(base)/tokenizer_2/\(file)")
        }
        try AtomicFile.write("{\"pad_token\": \"!\"}", to: base + "/tokenizer_2/special_tokens_map.json")
        let model = try ModelDirectory.open(path: base + "/text_encoder_2", plugins: plugins)
        #expect(try model.tokenizer.padToken == 0 && model.tokenizer.endToken == 530)
    }

    // MARK: - A tokenizer and its tower

    @Test(
        "a tokenizer that does not fit its text tower is refused with both numbers and the files",
        arguments: [
            // Cut or empty merges, with the vocabulary that says the ids and without it.
            (["merges.txt": "#version: 0.2\n", "vocab.json": ""], ["514", "531", "merges.txt"]),
            (["merges.txt": "", "vocab.json": ""], ["514", "531", "merges.txt"]),
            (["merges.txt": "#version: 0.2\nt h\nth e</w>\n", "vocab.json": ""], ["516", "531", "config.json:"]),
            (["merges.txt": "#version: 0.2\n"], ["vocab.json", "'th'", "0 merges"]),
            (["merges.txt": "#version: 0.2\nt h\nth e</w>\n"], ["vocab.json", "2 merges of", "merges.txt"]),
        ])
    func cutMerges(files: [String: String], parts: [String]) throws {
        let folder = try copy(of: "transformers")
        for (name, text) in files {
            if name == "vocab.json" {
                #expect(unlink(folder + "/" + name) == 0)
            } else {
                try AtomicFile.write(text, to: folder + "/" + name)
            }
        }
        let text = message(folder)
        for part in parts { #expect(text.contains(part), "\(text)") }
    }

    @Test(
        "ids that the configuration says are the tokenizer's",
        arguments: [
            ("\"bos_token_id\": 529", "\"bos_token_id\": 5", "begins texts with id 5, the tokenizer with 529"),
            ("\"bos_token_id\": 529", "\"bos_token_id\": 0", ""),  // PretrainedConfig's default
            ("\"eos_token_id\": 530", "\"eos_token_id\": 529", "ends texts with id 529"),
            ("\"pad_token_id\": 1", "\"pad_token_id\": 7", "fills texts with id 7, the tokenizer with 530"),
            ("\"pad_token_id\": 1", "\"pad_token_id\": 530", ""),
        ])
    func configuredIDs(old: String, new: String, refusal: String) throws {
        let folder = try copy(of: "transformers")
        let text = try MappedFile(folder + "/config.json").withBytes { String(decoding: $0, as: UTF8.self) }
        #expect(text.contains(old))
        try AtomicFile.write(text.replacing(old, with: new), to: folder + "/config.json")
        let error = message(folder)
        #expect(refusal.isEmpty ? error == "" : error.contains(refusal) && error.contains("/config.json:"), "\(error)")
    }

    @Test("a padded table of embeddings is taken where the ids are written, and only there")
    func paddedTable() throws {
        // The weights then lack rows, which is the next thing that is said.
        func error(without vocabulary: Bool) throws -> String {
            let folder = try copy(of: "transformers")
            let text = try MappedFile(folder + "/config.json").withBytes { String(decoding: $0, as: UTF8.self) }
            try AtomicFile.write(
                text.replacing("\"vocab_size\": 531", with: "\"vocab_size\": 576"), to: folder + "/config.json")
            if vocabulary { #expect(unlink(folder + "/vocab.json") == 0) }
            return message(folder)
        }
        #expect(try error(without: false).contains("token_embedding.weight"))
        #expect(try error(without: true).contains("has 531 ids, the text encoder's vocabulary 576"))
    }
}
