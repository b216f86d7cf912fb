import Multimodal
import YAML

extension ModelDirectory {
    /// `model.yaml` with every setting stated, defaults too, and the tokenizer's own files.
    func clipFiles(_ plugins: PluginRegistry) throws -> LayoutFiles {
        func settings(_ kind: PluginKind, _ choice: PluginChoice) throws -> YAMLNode {
            .mapping(try plugins.resolvedSettings(kind, choice).map { ($0.name, $0.value) })
        }
        var tokenizerSettings = try settings(.tokenizer, config.tokenizer)
        var files: [(name: String, contents: [UInt8])] = []
        for (setting, file) in try plugins.stringSettings(.tokenizer, config.tokenizer) {
            let source = FileSystem.resolve(file, in: folder)
            guard !file.isEmpty, FileSystem.isFile(source) else { continue }
            files.append((FileSystem.name(of: file), try MappedFile(source).withBytes { Array($0) }))
            tokenizerSettings = try tokenizerSettings.setting(setting, to: .string(FileSystem.name(of: file)))
        }
        let weights = "model.safetensors"
        let description = YAMLNode.mapping([
            "name": .string(config.name),
            "image": .mapping([
                "encoder": .string(config.image.name), "config": try settings(.imageEncoder, config.image),
            ]),
            "preprocess": transform.settings,
            "text": .mapping([
                "encoder": .string(config.text.name),
                "tokenizer": .mapping(["name": .string(config.tokenizer.name), "config": tokenizerSettings]),
                "config": try settings(.textEncoder, config.text),
            ]),
            "embedding": .int(config.embedding),
            "loss": .mapping(["name": .string(config.loss.name), "config": try settings(.loss, config.loss)]),
            "weights": .string(weights),
        ])
        files.append((Self.configName, Array(description.yamlText().utf8)))
        return LayoutFiles(weights: weights, keys: .identity, files: files)
    }
}
