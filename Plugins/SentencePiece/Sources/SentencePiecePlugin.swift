public import Multimodal

/// Provides the tokenizer `sentencepiece`.
public struct SentencePiecePlugin: Plugin {
    public init() {}

    public var manifest: [UInt8] { PackageResources.plugin_yaml }

    public func register(in registrar: inout PluginRegistrar) {
        registrar.tokenizer("sentencepiece") { config, folder in
            func token(_ name: String) throws -> Int32? {
                let id = try config.integer(name)
                return id < 0 ? nil : Int32(truncatingIfNeeded: id)
            }
            func path(_ name: String) throws -> String? {
                let file = try config.string(name)
                return file.isEmpty ? nil : SettingFile.path(file, in: folder)
            }
            let specialTokens = SentencePieceTokenizer.SpecialTokens(
                start: try token("startToken"), end: try token("endToken"), pad: try token("padToken"))
            let cleaning = SentencePieceTokenizer.Cleaning(rawValue: try config.string("cleaning")) ?? .none
            let model = SettingFile.path(try config.string("model"), in: folder)
            let side = TokenizerSideFiles.Paths(
                config: try path("tokenizerConfig"), specialTokensMap: try path("specialTokensMap"),
                addedTokens: try path("addedTokens"))
            do {
                return try SentencePieceTokenizer(
                    contentsOf: model, cleaning: cleaning, specialTokens: specialTokens, side: side)
            } catch {
                throw config.error("model", "\(error)", remedy: "")
            }
        }
    }
}
