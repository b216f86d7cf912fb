import Imaging
import ModelGraph
import Multimodal

extension ModelDirectory {
    /// Changing what goes in here makes old embeddings incomparable: then the leading field must change, too.
    static func space(
        weights: any WeightFile, names: [String], model: DualEncoder, transform: ImageTransform,
        tokenizer: any Tokenizer, plugins: PluginRegistry
    ) throws -> String {
        var digest = Digest64()
        digest.combine("clip space 1")
        let config = model.config
        digest.combine("\(config.image.name) \(try plugins.canonicalSettings(.imageEncoder, config.image))")
        digest.combine("\(config.text.name) \(try plugins.canonicalSettings(.textEncoder, config.text))")
        digest.combine("embedding \(config.embedding)")
        digest.combine(transform.canonicalText)
        digest.combine(tokenizer.digest)
        for name in names {
            guard let entry = weights[name] else { continue }
            digest.combine("\(name) \(entry.type)")
            try weights.tensor(name).withUnsafeBytes { digest.combine($0) }
        }
        return digest.shortText
    }
}
