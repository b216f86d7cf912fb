import Multimodal
import YAML

extension ModelDirectory {
    /// `model.yaml` with every setting stated, defaults too, and the tokenizer's own files.
    func clipFiles(_ plugins: PluginRegistry) throws -> LayoutFiles {
        func settings(_ kind: PluginKind, _ choice: PluginChoice) throws -> YAMLNode {
            .mapping(try plugins.resolvedSettings(kind, choice).map { ($0.name, $0.value) })
        }
        let weights = "model.safetensors"
        var files: [(name: String, contents: [UInt8])] = []
        var entries: [(key: String, value: YAMLNode)] = [("name", .string(config.name))]
        if let image = config.image {
            entries += [
                ("image", .mapping(["encoder": .string(image.name), "config": try settings(.imageEncoder, image)])),
                ("preprocess", try transform.settings),
            ]
        }
        if let text = config.text, let tokenizer = config.tokenizer {
            var tokenizerSettings = try settings(.tokenizer, tokenizer)
            for (setting, file) in try plugins.stringSettings(.tokenizer, tokenizer) {
                let source = FileSystem.resolve(file, in: folder)
                guard !file.isEmpty, FileSystem.isFile(source) else { continue }
                files.append((FileSystem.name(of: file), try MappedFile(source).withBytes { Array($0) }))
                tokenizerSettings = try tokenizerSettings.setting(setting, to: .string(FileSystem.name(of: file)))
            }
            let encoder: YAMLNode = .mapping([
                "encoder": .string(text.name),
                "tokenizer": .mapping(["name": .string(tokenizer.name), "config": tokenizerSettings]),
                "config": try settings(.textEncoder, text),
            ])
            entries.append(("text", encoder))
        }
        entries.append(("embedding", .int(config.embedding)))
        if let loss = config.loss {
            entries.append(("loss", .mapping(["name": .string(loss.name), "config": try settings(.loss, loss)])))
        }
        entries.append(("weights", .string(weights)))
        let description = YAMLNode.mapping(entries)
        files.append((Self.configName, Array(description.yamlText().utf8)))
        return LayoutFiles(weights: weights, keys: .identity, files: files)
    }
}
