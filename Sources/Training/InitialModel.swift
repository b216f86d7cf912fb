import Checkpoints
public import Multimodal
import YAML

/// What a recipe's `init` names: the model whose weights a run starts from.
///
///     init: starter                                      # whole, with the scale of its loss
///     init: {model: starter, towers: [image]}            # one tower; the rest is random
///     init: {model: starter, space: 3f9c12ab}            # refused where it is another by now
///     init: random                                       # as without it
public struct InitialModel: Sendable {
    /// As it is written: a path, or a name of 'clip models list'.
    public var model: String
    /// The towers that are taken; nil for the whole model.
    public var towers: Set<DualEncoder.Tower>?
    /// The space that the model must be of.
    public var space: String?
    let place: YAMLNode
    let models: RecipeModels

    /// Nil for `random`.
    init?(_ node: YAMLNode, models: RecipeModels) throws {
        place = node
        self.models = models
        guard case .mapping = node.content else {
            model = try node.string()
            if model == "random" { return nil }
            return
        }
        var map = try node.mapping()
        model = try map.required("model").string()
        space = try map.optional("space")?.string()
        if let node = map.optional("towers") {
            let names = try node.array {
                try $0.string(oneOf: DualEncoder.Tower.allCases.map(\.rawValue))
            }
            let towers = Set(names.compactMap(DualEncoder.Tower.init))
            guard !towers.isEmpty else {
                throw node.error("no tower is named", remedy: "name image, text or both, or leave 'towers' out")
            }
            self.towers = towers
        }
        try map.finish()
    }

    func open(_ plugins: PluginRegistry) throws -> ModelDirectory {
        try models.open(model, plugins: plugins)
    }
}

/// How a recipe names models: by a path that starts at its folder, else by a name that `--model` takes.
struct RecipeModels: Sendable {
    let folder: String
    let store: ModelStore?

    /// What is known of the model before its weights are looked at.
    func source(_ name: String) throws -> ModelDirectory.Source {
        let model = reference(name)
        return try store?.source(model, options: ModelDirectory.Options()) ?? ModelDirectory.source(path: model)
    }

    func open(_ name: String, plugins: PluginRegistry) throws -> ModelDirectory {
        let model = reference(name)
        return try store?.open(model, plugins: plugins) ?? ModelDirectory.open(path: model, plugins: plugins)
    }

    /// A path with a slash in it, or a name for the store.
    private func reference(_ name: String) -> String {
        let path = FileSystem.resolve(name, in: folder)
        let isThere = FileSystem.isFile(path) || FileSystem.isFile(ModelDirectory.configFile(path))
        let isName = name.hasPrefix(HubReference.prefix) || !name.contains("/") && !name.hasSuffix(".yaml")
        if store != nil, !isThere, isName { return name }
        // What has no slash would be looked up as a name.
        return path.contains("/") ? path : "./" + path
    }
}
