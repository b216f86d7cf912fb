import Multimodal
import YAML

/// A directory that mlfoundations/open_clip pushes to a hub: `open_clip_config.json`, `open_clip_model.safetensors` (or
/// `open_clip_pytorch_model.bin`), and its tokenizer. The merges of open_clip's own tokenizer are in its package only:
/// `merges.txt` or `bpe_simple_vocab_16e6.txt.gz` must be put there.
///
/// Settings and defaults: open_clip's model.py (`CLIPVisionCfg`, `CLIPTextCfg`) and transform.py (`PreprocessCfg`). Texts
/// are cleaned as its tokenizers do it. Every setting is read, named as one that decides no vector, or refused.
struct OpenCLIPLayout {
    static let configName = "open_clip_config.json"
    static let weightsName = "open_clip_model.safetensors"

    let node: YAMLNode
    let folder: String
    /// The tokenizer's merges, where none lie in `folder`.
    let otherMerges: String?
    let timmTowers: [String: TimmTower]

    init(
        _ node: YAMLNode, folder: String, merges: String? = nil,
        timmTowers: [String: TimmTower] = TimmTower.published
    ) {
        self.node = node
        self.folder = folder
        otherMerges = merges.map(FileSystem.realPath)  // which is not as seen from `folder`
        self.timmTowers = timmTowers
    }

    /// The tokenizer's merges in `folder`.
    static func merges(in folder: String) -> String? {
        ["merges.txt", "bpe_simple_vocab_16e6.txt.gz"].first { FileSystem.isFile(FileSystem.resolve($0, in: folder)) }
            .map { FileSystem.resolve($0, in: folder) }
    }

    func translated() throws -> ModelLayout {
        try KeyTable.openCLIP.check(node)
        var document = try node.mapping()
        let modelNode = try document.required("model_cfg")
        let preprocessNode = document.optional("preprocess_cfg")

        var model = try modelNode.mapping()
        let embedding = try model.required("embed_dim")
        let visionNode = try model.required("vision_cfg")
        let textNode = try model.required("text_cfg")
        let isQuick = try model.optional("quick_gelu")?.bool() ?? false
        let isCustom = try model.optional("custom_text")?.bool() ?? false
        let hasBias = model.optional("init_logit_bias") != nil  // only SigLIP's loss has one
        try refuse("multimodal_cfg", in: &model, "CoCa's decoder is not supported")
        for name in ["init_logit_scale", "nonscalar_logit_scale", "output_dict", "cast_dtype"] {
            _ = model.optional(name)
        }
        try model.finish()

        let image = try image(visionNode, embedding: embedding, isQuick: isQuick)
        let text = try text(textNode, isQuick: isQuick)
        return ModelLayout(
            config: try LayoutReading.config(
                folder: folder,
                image: LayoutReading.Image(
                    encoder: image.encoder, config: image.config,
                    preprocess: try preprocess(preprocessNode, size: image.size)),
                text: text.tower,
                embedding: embedding, loss: hasBias ? "sigmoid" : "info-nce",
                weights: LayoutReading.weights(Self.weightsName, "open_clip_pytorch_model.bin", in: folder),
                at: modelNode),
            keys: KeyMap(rows: (image.keys?.rows ?? []) + (isCustom ? KeyMap.openCLIPCustomText.rows : [])),
            endToken: text.endToken)
    }

    // MARK: - Refusing

    /// Refuses a setting unless it is absent, null or false.
    func refuse(_ name: String, in map: inout YAMLMapping, _ why: String) throws {
        guard let value = map.optional(name) else { return }
        if case .scalar("false", false) = value.content { return }
        throw LayoutReading.refusal(value, why, remedy: "the model cannot be used here")
    }

    @discardableResult
    func accept(_ name: String, _ values: [String], in map: inout YAMLMapping) throws -> YAMLNode? {
        guard let value = map.optional(name) else { return nil }
        guard values.contains(try value.text()) else {
            throw LayoutReading.refusal(
                value, "'\(try value.text())' is not supported", remedy: "\(values.joined(separator: " and ")) is")
        }
        return value
    }

    // MARK: - Tokenizer and preprocessing

    /// - Parameters:
    ///   - arguments: `tokenizer_kwargs`
    ///   - other: the tokenizer of transformers that is named instead of open_clip's own.
    func tokenizer(_ arguments: YAMLNode?, other: YAMLNode?, vocabularySize: YAMLNode?) throws -> YAMLNode {
        var map = try arguments?.mapping()
        let clean = map?.optional("clean")
        if var map {
            try refuse("reduction_mask", in: &map, "other ways to shorten a text are not supported")
            try map.finish()
        }
        if let other {
            guard let clean, try clean.text() == "canonicalize" else {
                throw LayoutReading.refusal(
                    clean ?? other, "tokenizers of transformers are supported as SigLIP has them",
                    remedy: "only tokenizer_kwargs with clean: canonicalize can be used here")
            }
            return try TokenizerFolder(folder: folder, model: nil).sentencePiece(
                vocabularySize: vocabularySize, contextLength: .int(0), isOpenCLIP: true)
        }
        let cleaning = try clean?.string(oneOf: ["lower", "whitespace", "canonicalize"]) ?? "lower"
        guard let merges = Self.merges(in: folder).map(FileSystem.name) ?? otherMerges else {
            let name = "bpe_simple_vocab_16e6.txt.gz"
            throw CheckpointError(
                folder,
                "has no merges.txt and no \(name); open_clip keeps the latter in its package: copy it from there, or "
                    + "from https://github.com/openai/CLIP/raw/main/clip/\(name), into this directory, or name it in "
                    + "CLIP_BPE_MERGES")
        }
        return YAMLNode.mapping([
            "name": .string("bpe"),
            "config": .mapping([
                "merges": .string(merges), "cleaning": .string(cleaning == "lower" ? "openai" : cleaning),
                "specialTokens": .string("open_clip"),
            ]),
        ])
    }

    private func preprocess(_ node: YAMLNode?, size: YAMLNode) throws -> YAMLNode {
        guard let node else { return LayoutReading.mapping([("resize", size)], at: size) }
        var map = try node.mapping()
        let mode = try accept("resize_mode", ["shortest", "squash", "longest"], in: &map)
        let filter = try accept("interpolation", ["bicubic", "bilinear"], in: &map)
        try accept("mode", ["RGB"], in: &map)
        try accept("fill_color", ["0"], in: &map)
        _ = map.optional("size")  // open_clip takes the tower's
        let (mean, std) = (map.optional("mean"), map.optional("std"))
        try map.finish()
        return LayoutReading.mapping(
            [("resize", size), ("resizeMode", mode), ("interpolation", filter), ("mean", mean), ("std", std)], at: node)
    }
}
