import Imaging
import Multimodal
import YAML

/// A directory that is known to hold a published model, so that its description can be compared with what is published.
///
/// It is known by its repository: the hub's cache says it in the path, and transformers' config.json in `_name_or_path`;
/// or by the name under which it was asked for.
struct PublishedCopy: Sendable {
    let model: PublishedModel
    /// The repository that it came from, where that is known.
    let repository: String?

    /// The copy that was asked for by a published name, wherever its directory is.
    init(_ model: PublishedModel) {
        self.model = model
        repository = nil
    }

    /// The copy in `folder`, whose description is `document`; nil where no published model is known to be there.
    init?(folder: String, document: YAMLNode) throws {
        let stated = document.written("_name_or_path").flatMap { try? $0.text() }
        guard let repository = Self.repository(cachePath: FileSystem.realPath(folder)) ?? stated,
            let model = try PublishedModels.find(repository: repository)
        else { return nil }
        self.model = model
        self.repository = repository
    }

    /// "org/name" from ".../models--org--name/snapshots/...", as the hub's cache is laid out
    /// (huggingface/huggingface_hub docs/source/en/guides/manage-cache.md); nil for another path.
    static func repository(cachePath path: String) -> String? {
        let parts = path.split(separator: "/")
        guard let snapshots = parts.lastIndex(of: "snapshots"), snapshots > 0, snapshots < parts.count - 1 else {
            return nil
        }
        let names = parts[snapshots - 1].split(separator: "-", omittingEmptySubsequences: false)
        // "models--org--name": single hyphens belong to the names.
        let pieces = names.reduce(into: [[Substring]]([[]])) { pieces, name in
            if name.isEmpty { pieces.append([]) } else { pieces[pieces.count - 1].append(name) }
        }.map { $0.joined(separator: "-") }
        guard pieces.count == 3, pieces[0] == "models" else { return nil }
        return pieces[1] + "/" + pieces[2]
    }

    /// Refuses a description that contradicts what is published, with its place and both values.
    func check(_ config: ModelConfig, plugins: PluginRegistry) throws {
        // The setting itself, else the mapping that lacks it.
        func place(_ setting: String, _ choice: PluginChoice) -> [YAMLNode?] {
            [choice.config?[path: setting], choice.config, config.node]
        }
        if let image = config.image as PluginChoice? {
            let settings = try plugins.settings(.imageEncoder, image)
            if let published = model.activation.image, let own = try settings["activation"]?.text() {
                try compare(.activation, own, published, at: place("activation", image))
            }
            if let own = try settings["imageSize"]?.int() {
                try compare(.imageSize, own, model.imageSize, at: place("imageSize", image))
            }
        }
        if let text = config.text as PluginChoice? {
            let settings = try plugins.settings(.textEncoder, text)
            if let own = try settings["activation"]?.text() {
                try compare(.activation, own, model.activation.text, at: place("activation", text))
            }
            if let own = try settings["contextLength"]?.int() {
                try compare(.contextLength, own, model.contextLength, at: place("contextLength", text))
            }
        }
        if let tokenizer = config.tokenizer as PluginChoice? {
            try compare(.tokenizer, tokenizer.name, model.tokenizer, at: [tokenizer.place, config.node])
        }
        if let preprocess = config.preprocess as YAMLNode? { try check(preprocess, at: config.node) }
        try compare(.embedding, config.embedding, model.embedding, at: [config.node[path: "embedding"], config.node])
    }

    private func check(_ preprocess: YAMLNode, at node: YAMLNode) throws {
        let own = try ImageTransform(preprocess: preprocess)
        let published = model.transform
        func places(_ key: String) -> [YAMLNode?] { [preprocess[path: key], preprocess, node] }
        try compare(.imageSize, own.resize, published.resize, at: places("resize"))
        try compare(
            .interpolation, own.interpolation.rawValue, published.interpolation.rawValue, at: places("interpolation"))
        try compare(.resizeMode, own.resizeMode.rawValue, published.resizeMode.rawValue, at: places("resizeMode"))
        if Self.differ(own.mean, published.mean) {
            try compare(.mean, "\(own.mean)", "\(published.mean)", at: places("mean"))
        }
        if Self.differ(own.std, published.std) {
            try compare(.std, "\(own.std)", "\(published.std)", at: places("std"))
        }
    }

    /// Beyond what writing with fewer digits makes of a number.
    private static func differ(_ a: [Float], _ b: [Float]) -> Bool { zip(a, b).contains { abs($0 - $1) > 1e-5 } }

    /// `places`: where the fact is written, the likeliest first; those made in translating a layout have no line.
    private func compare<Value: Equatable>(
        _ fact: PublishedModel.Fact, _ own: Value, _ published: Value, at places: [YAMLNode?]
    ) throws {
        guard own != published, !isStatedOtherwise(fact) else { return }
        let place = places.compactMap { $0 }.first { $0.line > 0 } ?? .null
        throw place.error(
            "\(fact.rawValue) is \(own), and \(published) in the published model '\(model.name)'"
                + (repository.map { " (\($0))" } ?? ""),
            remedy: "correct it, download the model again, or take the directory at its word with --trust-model")
    }

    /// Whether this repository states the fact otherwise; of one that is not known, whether any does.
    private func isStatedOtherwise(_ fact: PublishedModel.Fact) -> Bool {
        model.mirrors.contains { mirror in
            mirror.differs.contains(fact)
                && mirror.repository.lowercased() == (repository ?? mirror.repository).lowercased()
        }
    }
}
