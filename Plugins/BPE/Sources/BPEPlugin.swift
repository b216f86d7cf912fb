public import Multimodal

/// Provides the tokenizer `bpe`.
public struct BPEPlugin: Plugin {
    public init() {}

    public var manifest: [UInt8] { PackageResources.plugin_yaml }

    public func register(in registrar: inout PluginRegistrar) {
        registrar.tokenizer("bpe") { config, folder in
            let name = try config.string("merges")
            let path = name.hasPrefix("/") || folder.isEmpty ? name : folder + "/" + name
            let size = try config.integer("vocabularySize")
            let table: MergeTable
            do throws(MergeTableError) {
                table = try MergeTable(contentsOf: path, vocabularySize: size == 0 ? nil : size)
            } catch {
                throw config.error("merges", error.description, remedy: "")
            }
            let cleaning = try config.string("cleaning")
            let specials = try config.string("specialTokens")
            return CLIPTokenizer(
                encoder: BytePairEncoder(
                    table: table, cleaning: TextCleaning(rawValue: cleaning) ?? .openai,
                    specialTokens: SpecialTokens(rawValue: specials) ?? .openai),
                padsWithEnd: try config.string("padding") == "end")
        }
    }
}
