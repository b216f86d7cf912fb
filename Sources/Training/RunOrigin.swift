import Checkpoints
import ModelGraph
import Multimodal
import YAML

/// What a run starts from: random weights, or those of a model, whole or some towers of it.
struct RunOrigin: CustomStringConvertible {
    private let config: TrainingConfig
    /// The model that the weights are taken from.
    private let source: ModelDirectory?
    /// The towers that are; both and the loss where `isWhole`.
    let towers: Set<DualEncoder.Tower>
    private let isWhole: Bool
    /// The values, by parameter.
    private let values: [String: TensorData]

    /// Opens the model that the recipe names, and checks that its parameters are those of `model`.
    init(_ config: TrainingConfig, model: DualEncoder, tokenizer: any Tokenizer, plugins: PluginRegistry) throws {
        self.config = config
        guard let initial = config.initial else {
            (source, towers, isWhole, values) = (nil, [], false, [:])
            return
        }
        let source = try initial.open(plugins)
        if let space = initial.space, space != source.space {
            throw initial.place.error(
                "'\(initial.model)' is of the space \(source.space), not \(space)",
                remedy: "use the model that was meant, or leave 'space' out")
        }
        isWhole = initial.towers == nil
        towers = initial.towers ?? Set(DualEncoder.Tower.allCases)
        let match = ParameterMatch(recipe: model, source: source, name: initial.model, place: initial.place)
        for tower in DualEncoder.Tower.allCases where towers.contains(tower) { try match.check(tower) }
        if towers.contains(.text), try source.tokenizer.digest != tokenizer.digest {
            throw initial.place.error(
                "the tokenizer of '\(initial.model)' gives other ids than the recipe's",
                remedy: "use the model's own tokenizer, or take only its image tower: init: {model: …, towers: [image]}"
            )
        }
        if isWhole { try match.checkWhole() }
        values = try match.values(towers, isWhole: isWhole)
        self.source = source
    }

    /// The first values of the parameters of `graph`.
    func parameters(of graph: Graph) -> [String: TensorData] {
        graph.initialParameters(seed: config.seed).merging(values) { $1 }
    }

    /// Element type of the finished model's weights, where the recipe does not say: that of the model that it started from.
    var dtype: DType {
        guard let source else { return .bfloat16 }
        let types = source.weights.entries.filter { $0.type.shape.count > 1 }.map(\.type.dtype)
        return types.contains { $0 != .bfloat16 && $0 != .float16 }
            ? .float32 : types.max { $0.rawValue < $1.rawValue } ?? .float32
    }

    /// Files that are read.
    var inputs: [String] { source?.sources ?? [] }

    /// For people: "random weights, seed 3", "the weights of starter (Models/starter, space 3f9c12ab)".
    var description: String {
        guard let source, let initial = config.initial else {
            return "random weights, seed \(config.seed) (model '\(config.model.name)')"
        }
        let folder = source.folder == initial.model ? "" : "\(source.folder), "
        let place = "\(initial.model) (\(folder)space \(source.space))"
        if isWhole { return "the weights of \(place)" }
        let names = towers.map(\.rawValue).sorted().joined(separator: " and ")
        return "the \(names) tower\(towers.count == 1 ? "" : "s") of \(place), the rest random, seed \(config.seed)"
    }

    /// What the user may have meant otherwise; nil where nothing.
    var note: String? {
        config.unusedWeights.map {
            "the weights of '\($0)' are not used, only its description; 'init: \($0)' starts from them"
        }
    }

    /// What a checkpoint keeps of it.
    var identity: String {
        guard let source else { return "random" }
        return "space \(source.space)" + (isWhole ? "" : " " + towers.map(\.rawValue).sorted().joined(separator: " "))
    }

    /// As the recipe's `init` would have it.
    var node: YAMLNode {
        guard let source, let initial = config.initial else { return .string("random") }
        var pairs: [(String, YAMLNode)] = [("model", .string(initial.model))]
        if !isWhole { pairs.append(("towers", .sequence(towers.map(\.rawValue).sorted().map { .string($0) }))) }
        return .mapping(pairs + [("space", .string(source.space))])
    }
}

/// Compares the parameters of a recipe's model with those of the model that it starts from.
private struct ParameterMatch {
    let recipe: DualEncoder
    let source: ModelDirectory
    /// The source's, as the recipe has it.
    let name: String
    let place: YAMLNode

    /// Refuses a tower that the source lacks, that has other parameters there, or computes otherwise with the same.
    func check(_ tower: DualEncoder.Tower) throws {
        let (own, theirs) = (recipe.config.has(tower), source.config.has(tower))
        guard own, theirs else {
            let remaining = DualEncoder.Tower.allCases.filter { $0 != tower }.map(\.rawValue).joined()
            throw place.error(
                "\(own ? "'\(name)'" : "the recipe's model") has no \(tower.rawValue) encoder",
                remedy: "take only the other tower: init: {model: \(name), towers: [\(remaining)]}")
        }
        let (a, b) = (try recipe.graph(of: tower), try source.model.graph(of: tower))
        try compare(a.parameterSignature, b.parameterSignature)
        guard a == b else {
            throw place.error(
                "the \(tower.rawValue) encoder of '\(name)' has the same parameters, and computes otherwise with them than "
                    + "the recipe's; \(settings(tower))",
                remedy: "write the model's own settings into the recipe, or leave 'model' out to take them")
        }
    }

    /// Refuses a loss with other parameters.
    func checkWhole() throws {
        try compare(recipe.completeGraph().parameterSignature, source.model.completeGraph().parameterSignature)
    }

    /// What the towers, or all, have in the source.
    func values(_ towers: Set<DualEncoder.Tower>, isWhole: Bool) throws -> [String: TensorData] {
        if isWhole { return try source.parameters(for: source.model.completeGraph()) }
        return try towers.reduce(into: [:]) { values, tower in
            values.merge(try source.parameters(for: source.model.graph(of: tower))) { $1 }
        }
    }

    private typealias Signature = [(parameter: Parameter, type: TensorType)]

    private func compare(_ own: Signature, _ theirs: Signature) throws {
        let types = Dictionary(theirs.map { ($0.parameter.name, $0.type) }) { first, _ in first }
        let remedy = "start from a model of the recipe's sizes, or leave 'model' out to take the model's own"
        for (parameter, type) in own {
            guard let other = types[parameter.name] else {
                throw place.error(
                    "'\(name)' has no parameter '\(parameter.name)', which is \(type.shape) in the recipe's model",
                    remedy: remedy)
            }
            guard other.shape == type.shape else {
                throw place.error(
                    "the parameter '\(parameter.name)' is \(other.shape) in '\(name)' and \(type.shape) in the recipe's model",
                    remedy: remedy)
            }
        }
        let names = Set(own.map(\.parameter.name))
        if let extra = theirs.first(where: { !names.contains($0.parameter.name) }) {
            throw place.error(
                "'\(name)' has the parameter '\(extra.parameter.name)' \(extra.type.shape), which the recipe's model lacks",
                remedy: remedy)
        }
    }

    /// Both settings, for a message.
    private func settings(_ tower: DualEncoder.Tower) -> String {
        func text(_ config: ModelConfig) -> String {
            guard let choice = tower == .image ? config.image : config.text else { return "none" }
            return choice.name + (choice.config.map { " " + $0.jsonText() } ?? "")
        }
        return "there \(text(source.config)), here \(text(recipe.config))"
    }
}

extension ModelConfig {
    fileprivate func has(_ tower: DualEncoder.Tower) -> Bool { (tower == .image ? image : text) != nil }
}

extension DualEncoder {
    fileprivate func graph(of tower: Tower) throws -> Graph {
        switch tower {
        case .image: try imageGraph(batch: 1)
        case .text: try textGraph(batch: 1, length: text.contextLength)
        }
    }
}
