import Imaging
import ModelGraph
import Multimodal

extension ModelDirectory {
    /// Changing what goes in here makes old embeddings incomparable: then the leading field must change, too.
    static func space(
        weights: any WeightFile, keys: KeyMap, parameters: [(name: String, shape: Shape)], model: DualEncoder,
        transform: ImageTransform?, tokenizer: (any Tokenizer)?, plugins: PluginRegistry,
        cache: SpaceCache?
    ) throws -> String {
        var digest = Digest64()
        digest.combine("clip space 1")
        let config = model.config
        for (kind, tower) in [(PluginKind.imageEncoder, config.image), (.textEncoder, config.text)] {
            guard let tower else { continue }
            digest.combine("\(tower.name) \(try plugins.canonicalSettings(kind, tower))")
        }
        digest.combine("embedding \(config.embedding)")
        if let transform { digest.combine(transform.canonicalText) }
        if let tokenizer { digest.combine(tokenizer.digest) }
        let head = digest
        func read() throws -> String {
            var digest = head
            for (name, shape) in parameters {
                let values = try keys.values(name, shape, in: weights)
                digest.combine("\(name) \(values.type)")
                values.withUnsafeBytes { digest.combine($0) }
                release(try keys.entries(name, shape, in: weights), of: weights)
            }
            return digest.shortText
        }
        guard let cache, let mapped = weights as? any MappedWeightFile else { return try read() }
        var key = head
        key.combine("1")  // to be changed when the same files begin to give other values
        for (name, shape) in parameters {
            key.combine("\(name) \(shape) \(try keys.entries(name, shape, in: weights).map(\.name))")
        }
        return try cache.space(of: mapped.files, key, compute: read)
    }
}
