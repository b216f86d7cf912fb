import Multimodal
import YAML

/// Directories that are given where a model's is meant: what they are, and which folder in them would do.
enum ModelFolders {
    /// What the directory is, and what to do, in words that follow its name; nil where nothing is known of it. A folder
    /// is only named where it holds a model that can be opened.
    static func description(of folder: String) -> String? {
        let names = FileSystem.names(in: folder)
        func path(_ name: String) -> String { FileSystem.resolve(name, in: folder) }
        if names.contains(where: ["adapter_config.json", "pytorch_lora_weights.safetensors"].contains) {
            let base = try? YAMLNode.load(path("adapter_config.json"))[path: "base_model_name_or_path"]?.text()
            return
                "holds an adapter (LoRA), which changes a model and is none; merge it into \(base ?? "its base model") in "
                + "Python (merge_and_unload), and name what that saves"
        }
        if names.contains("model_index.json") { return pipeline(folder, names) }
        let inside = names.map(path).filter(opens)
        if names.contains("modules.json") {
            return "is a sentence-transformers directory"
                + (remedy(inside) ?? ", and none of its modules can be opened here")
        }
        if names.contains("snapshots") {
            let snapshots = FileSystem.names(in: path("snapshots")).map { path("snapshots/\($0)") }.filter(opens)
            return remedy(snapshots).map { "is a repository in a hub's cache\($0)" }
        }
        if names.contains("params.txt"), FileSystem.isDirectory(path("checkpoints")) {
            let checkpoints = FileSystem.names(in: path("checkpoints")).map { path("checkpoints/\($0)") }
            guard let last = checkpoints.filter(WeightFiles.claims).max(by: isBefore) else { return nil }
            return "is a training run of open_clip; its weights are '\(last)', to be named with --config FILE"
        }
        return remedy(inside).map {
            "has no \(ModelDirectory.configName), \(OpenCLIPLayout.configName) or \(TransformersLayout.configName), so it is no model directory\($0)"
        }
    }

    /// A pipeline of diffusers has the tokenizer in a folder of its own.
    private static func pipeline(_ folder: String, _ names: [String]) -> String {
        let what = "is a diffusers pipeline"
        let encoders = names.filter { $0.hasPrefix("text_encoder") || $0 == "image_encoder" }
        let paths = encoders.map { FileSystem.resolve($0, in: folder) }
        if let remedy = remedy(paths.filter(opens)) { return what + remedy }
        for name in encoders where name.hasPrefix("text_encoder") {
            let tokenizer = "tokenizer" + name.dropFirst("text_encoder".count)
            if names.contains(tokenizer), isCLIP(FileSystem.resolve(name, in: folder)) {
                let (encoder, files) = (FileSystem.resolve(name, in: folder), FileSystem.resolve(tokenizer, in: folder))
                return
                    "\(what); its text encoder is '\(encoder)', to be named once the files of '\(files)' are copied into it"
            }
        }
        return "\(what), without an encoder that can be opened here"
    }

    private static func isCLIP(_ folder: String) -> Bool {
        let config = try? YAMLNode.load(FileSystem.resolve(TransformersLayout.configName, in: folder))
        return (try? config?[path: "model_type"]?.text())?.hasPrefix("clip") ?? false
    }

    /// Whether the directory holds a description that can be used, its weights, and a tokenizer where it has texts.
    private static func opens(_ folder: String) -> Bool {
        guard FileSystem.isDirectory(folder), let file = ModelLayout.file(in: folder),
            let source = try? ModelDirectory.source(path: folder), FileSystem.isFile(source.weights)
        else { return false }
        let isOwn = FileSystem.name(of: file) == ModelDirectory.configName
        let endings = ["tokenizer.json", "vocab.json", "merges.txt", ".model", ".txt.gz"]
        return isOwn || source.layout.config.text == nil
            || FileSystem.names(in: folder).contains { name in endings.contains(where: name.hasSuffix) }
    }

    private static func remedy(_ folders: [String]) -> String? {
        guard let last = folders.last else { return nil }
        if folders.count == 1 { return "; there is one inside: write \(last)" }
        if folders.count > 6 {
            return "; there are some inside: write \(folders.prefix(6).joined(separator: ", ")), ..."
        }
        return "; there are some inside: write \(folders.dropLast().joined(separator: ", ")) or \(last)"
    }

    /// By their numbers: epoch_9.pt is before epoch_10.pt.
    private static func isBefore(_ a: String, _ b: String) -> Bool {
        func number(_ name: String) -> Int { Int(name.filter { $0.isASCII && $0.isNumber }.suffix(9)) ?? 0 }
        let (first, second) = (FileSystem.name(of: a), FileSystem.name(of: b))
        return (number(first), first) < (number(second), second)
    }
}
