public import Multimodal

/// Provides the tokenizer `bpe`.
public struct BPEPlugin: Plugin {
    public init() {}

    public var manifest: [UInt8] { PackageResources.plugin_yaml }

    public func register(in registrar: inout PluginRegistrar) {
        registrar.tokenizer("bpe") { config, folder in
            func path(_ setting: String) throws -> String? {
                let name = try config.string(setting)
                return name.isEmpty ? nil : SettingFile.path(name, in: folder)
            }
            let merges = SettingFile.path(try config.string("merges"), in: folder)
            let vocabulary = try path("vocabulary")
            let size = try config.integer("vocabularySize")
            if TokenizerFile.isOne(merges), vocabulary != nil || size != 0 {
                throw config.error(
                    "merges", "a tokenizer.json has its own vocabulary",
                    remedy: "leave out vocabulary and vocabularySize")
            }
            let side = TokenizerSideFiles.Paths(
                config: try path("tokenizerConfig"), specialTokensMap: try path("specialTokensMap"),
                addedTokens: try path("addedTokens"))
            let reading: TokenizerReading
            do {
                reading = try TokenizerReading(
                    merges: merges, vocabulary: vocabulary, vocabularySize: size == 0 ? nil : size, side: side)
            } catch {
                throw config.error("merges", "\(error)", remedy: "")
            }
            let encoder = BytePairEncoder(
                table: reading.table, cleaning: TextCleaning(rawValue: try config.string("cleaning")) ?? .openai,
                specialTokens: SpecialTokens(rawValue: try config.string("specialTokens")) ?? .openai,
                addedTokens: reading.addedTokens)
            let end = reading.table.endToken
            let pad = try config.string("padding") == "end" ? (side.isEmpty ? nil : reading.padToken) ?? end : 0
            return CLIPTokenizer(encoder: encoder, padToken: pad, hasWrittenIDs: reading.hasWrittenIDs)
        }
    }
}
