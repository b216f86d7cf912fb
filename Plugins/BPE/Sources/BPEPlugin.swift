public import Multimodal

/// Provides the tokenizer `bpe`.
public struct BPEPlugin: Plugin {
    public init() {}

    public var manifest: [UInt8] { PackageResources.plugin_yaml }

    public func register(in registrar: inout PluginRegistrar) {
        registrar.tokenizer("bpe") { config, folder in
            let path = SettingFile.path(try config.string("merges"), in: folder)
            let vocabulary = try config.string("vocabulary")
            let size = try config.integer("vocabularySize")
            let table: MergeTable
            var addedTokens: [AddedTokens.Token]?
            do {
                if TokenizerFile.isOne(path) {
                    guard vocabulary.isEmpty, size == 0 else {
                        throw config.error(
                            "merges", "a tokenizer.json has its own vocabulary",
                            remedy: "leave out vocabulary and vocabularySize")
                    }
                    let file = try TokenizerFile(contentsOf: path)
                    (table, addedTokens) = (file.table, file.addedTokens)
                } else if vocabulary.isEmpty {
                    table = try MergeTable(contentsOf: path, vocabularySize: size == 0 ? nil : size)
                } else {
                    table = try MergeTable(
                        contentsOf: path, vocabulary: SettingFile.path(vocabulary, in: folder),
                        vocabularySize: size == 0 ? nil : size)
                }
            } catch {
                throw config.error("merges", "\(error)", remedy: "")
            }
            let cleaning = try config.string("cleaning")
            let specials = try config.string("specialTokens")
            return CLIPTokenizer(
                encoder: BytePairEncoder(
                    table: table, cleaning: TextCleaning(rawValue: cleaning) ?? .openai,
                    specialTokens: SpecialTokens(rawValue: specials) ?? .openai, addedTokens: addedTokens),
                padsWithEnd: try config.string("padding") == "end")
        }
    }
}
