import Multimodal
import YAML

/// Something that a plugin made.
enum Provided {
    case imageEncoder(any ImageEncoder)
    case textEncoder(any TextEncoder)
    case tokenizer(any Tokenizer)
    case loss(any ContrastiveLoss)
    case backend(any Backend)
}

/// Settings as a model writes them, in its order.
struct SettingValues {
    var pairs: [(key: String, value: YAMLNode)] = []

    init() {}

    init(_ name: String, _ text: String) throws {
        var map = try YAMLNode.parse(Array(text.utf8), file: "settings of \(name)").mapping()
        pairs = map.rest()
    }

    var node: YAMLNode { .mapping(pairs) }
    var text: String { pairs.isEmpty ? "with its defaults" : node.jsonText() }

    subscript(name: String) -> YAMLNode? { pairs.first { $0.key == name }?.value }

    func setting(_ name: String, to value: YAMLNode) -> SettingValues {
        var result = self
        result.pairs = pairs.filter { $0.key != name } + [(name, value)]
        return result
    }
}

/// Makes what a plugin provides, as a model does.
struct ProvisionMaker {
    let registry: PluginRegistry
    let provision: PluginManifest.Provision
    let folder: String

    func make(_ values: SettingValues) throws -> Provided {
        let choice = try PluginChoice(provision.name, settings: values.node.jsonText())
        return switch provision.kind {
        case .imageEncoder: .imageEncoder(try registry.imageEncoder(choice))
        case .textEncoder: .textEncoder(try registry.textEncoder(choice))
        case .tokenizer: .tokenizer(try registry.tokenizer(choice, folder: folder))
        case .loss: .loss(try registry.loss(choice))
        case .backend: .backend(try registry.backend(provision.name))
        }
    }

    /// What can be told of a thing without running it: equal for things that do the same. Encoders and losses are built.
    func fingerprint(_ values: SettingValues) throws -> [AnyHashable] {
        switch try make(values) {
        case .imageEncoder(let encoder):
            let size = encoder.imageSize
            return [size] + (try tower(TensorType(.float32, [1, 3, size, size]), encoder.build))
        case .textEncoder(let encoder):
            let type = TensorType(.int32, [1, encoder.contextLength])
            return [encoder.contextLength, encoder.vocabularySize, encoder.ignoresPadding]
                + (try tower(type, encoder.build))
        case .tokenizer(let tokenizer):
            let ids = OrdinaryTexts.fixed.map { tokenizer.encode($0.text) }
            let frame = [tokenizer.startToken, tokenizer.endToken, tokenizer.padToken]
            return [tokenizer.vocabularySize, tokenizer.digest, frame, ids]
        case .loss(let loss):
            let graph = try Graph.build { builder in
                let (a, b) = (
                    builder.input("a", TensorType(.float32, [3, 4])), builder.input("b", TensorType(.float32, [3, 4]))
                )
                let output = loss.build(images: a, texts: b, in: ParameterScope(builder: builder, isTraining: true))
                return [("loss", output.loss), ("scale", output.logitScale)]
            }
            let scalars = graph.initialParameters(seed: 0).filter { $0.value.shape.count == 1 }
            return [graph, loss.isSymmetric, try loss.calibration(scalars.compactMapValues(\.floats.first))]
        case .backend: return []
        }
    }

    private func tower(
        _ type: TensorType, _ build: (Tensor, ParameterScope) -> EncoderFeatures
    ) throws -> [AnyHashable] {
        try [false, true].flatMap { isTraining -> [AnyHashable] in
            var projection = EncoderFeatures.Projection.none
            let graph = try Graph.build { builder in
                let features = build(
                    builder.input("x", type), ParameterScope(builder: builder, isTraining: isTraining))
                projection = features.projection
                return [("pooled", features.pooled)]
                    + [("tokens", features.tokens), ("penultimate", features.penultimate)]
                    .compactMap { name, tensor in tensor.map { (name, $0) } }
            }
            return [graph, projection]
        }
    }
}
