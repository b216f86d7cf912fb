import Imaging
import Multimodal
import YAML

/// The layouts that a model can be written in.
public enum ModelLayoutName: String, Sendable, CaseIterable {
    /// This project's own: `model.yaml`, `model.safetensors`.
    case clip
    /// huggingface/transformers' CLIPModel: `config.json`, `preprocessor_config.json`, `model.safetensors`.
    case hf
    /// mlfoundations/open_clip: `open_clip_config.json`, `open_clip_model.safetensors`.
    case openCLIP = "open_clip"
}

/// A model's files in a layout, but for the weights' bytes.
struct LayoutFiles {
    /// The weights' file.
    var weights: String
    /// Under which names, and in which form, it has the parameters.
    var keys: KeyMap
    /// Name and contents of all others.
    var files: [(name: String, contents: [UInt8])]
}

/// What is taken of a plugin's settings when they are written in another layout. A setting that nobody takes must be one
/// that came later and keeps what was before; anything else the layout cannot express.
struct SettingsWriting {
    private let what: String
    private let refusal: (String) -> CheckpointError
    private var rest: [String: PluginRegistry.ResolvedSetting]

    init(
        _ kind: PluginKind, _ choice: PluginChoice, plugins: PluginRegistry,
        refusal: @escaping (String) -> CheckpointError
    ) throws {
        what = "the \(kind.rawValue) '\(choice.name)'"
        self.refusal = refusal
        rest = Dictionary(uniqueKeysWithValues: try plugins.resolvedSettings(kind, choice).map { ($0.name, $0) })
    }

    /// The value of a setting that the plugin has.
    mutating func take(_ name: String) throws -> YAMLNode {
        guard let setting = rest.removeValue(forKey: name) else { throw refusal("\(what) has no setting '\(name)'") }
        return setting.value
    }

    func finish() throws {
        if let setting = rest.values.filter({ !$0.isLaterDefault }).min(by: { $0.name < $1.name }) {
            throw refusal("it has no setting for \(setting.name): \(try setting.value.text()) of \(what)")
        }
    }
}

extension ModelDirectory {
    /// Why this model cannot be written in a layout.
    func refusal(_ layout: ModelLayoutName) -> (String) -> CheckpointError {
        { CheckpointError(folder, "cannot be written in the layout \(layout.rawValue): \($0); --layout clip can") }
    }

    /// What is written of a model with both encoders.
    struct Parts {
        var image: PluginChoice
        var text: PluginChoice
        var transform: ImageTransform
        var tokenizer: any TransformersTokenizer
    }

    /// Refuses encoders, losses and tokenizers other than those that a layout has.
    func parts(_ layout: ModelLayoutName, images: [String]) throws -> Parts {
        guard let image = config.image, let text = config.text, let loss = config.loss else {
            throw refusal(layout)("it is for models with both encoders")
        }
        let names = [
            ("image encoder", image.name, images), ("text encoder", text.name, ["transformer"]),
            ("loss", loss.name, ["info-nce"]),
        ]
        for (kind, name, allowed) in names where !allowed.contains(name) {
            throw refusal(layout)("it has no \(kind) '\(name)', only \(allowed.joined(separator: ", "))")
        }
        guard let tokenizer = try tokenizer as? any TransformersTokenizer else {
            throw refusal(layout)("the tokenizer '\(config.tokenizer?.name ?? "")' has no files for it")
        }
        return Parts(image: image, text: text, transform: try transform, tokenizer: tokenizer)
    }

    /// How texts are cleaned before they are split, where the tokenizer has that setting.
    func cleaning(_ plugins: PluginRegistry) throws -> String? {
        try config.tokenizer.flatMap { try plugins.resolvedSettings(.tokenizer, $0).first { $0.name == "cleaning" } }?
            .value.text()
    }
}

extension YAMLNode {
    /// Shortest text of a float32 that reads back as the same one.
    static func float(_ value: Float) -> YAMLNode { YAMLNode(.scalar(text: "\(value)", isQuoted: false)) }

    /// JSON for people: a key a line.
    func indentedJSON(_ indent: String = "") -> String {
        guard case .mapping(let entries) = content, !entries.isEmpty else { return jsonText() }
        let inner = indent + "  "
        let lines = entries.map { "\(inner)\(YAMLNode.string($0.key).jsonText()): \($0.value.indentedJSON(inner))" }
        return "{\n\(lines.joined(separator: ",\n"))\n\(indent)}"
    }
}
