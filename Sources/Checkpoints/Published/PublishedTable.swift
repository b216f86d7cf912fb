import Imaging
import YAML

/// Reads the table of published models strictly; see `scripts/published-models.py`, which writes it.
struct PublishedTable: Sendable {
    private(set) var models: [PublishedModel] = []
    private(set) var byKey: [String: PublishedModel] = [:]
    private(set) var byRepository: [String: PublishedModel] = [:]

    private static let openCLIPFiles = ["open_clip_model.safetensors", "open_clip_pytorch_model.bin"]

    init(_ bytes: [UInt8], file: String = "published.yaml") throws {
        var document = try YAMLNode.parse(bytes, file: file).mapping()
        let preprocessing = try Self.named(document.required("preprocessing"))
        let architectures = try Self.named(document.required("architectures"))
        let sources = try Self.named(document.required("sources"))
        let entries = try document.required("models").array()
        try document.finish()
        for entry in entries {
            let model = try Self.model(entry, preprocessing, architectures, sources)
            guard byKey.updateValue(model, forKey: Self.key(model.name)) == nil else {
                throw entry.error("there are two models of the name '\(model.name)'", remedy: "remove one")
            }
            for repository in model.repositories {
                guard byRepository.updateValue(model, forKey: repository.lowercased()) == nil else {
                    throw entry.error("the repository '\(repository)' is given twice", remedy: "remove one")
                }
            }
            models.append(model)
        }
        for model in models where model.activation.text == "quick_gelu" {
            let key = Self.key(model.name.split(separator: ":").joined(separator: "-quickgelu:"))
            if byKey[key] == nil { byKey[key] = model }
        }
    }

    /// What two ways of writing one name have in common.
    static func key(_ name: String) -> String {
        String(name.lowercased().map { $0 == "/" ? ":" : $0 == "_" ? "-" : $0 })
    }

    private static func named(_ node: YAMLNode) throws -> [String: YAMLNode] {
        var map = try node.mapping()
        return Dictionary(map.rest().map { ($0.key, $0.value) }, uniquingKeysWith: { first, _ in first })
    }

    private static func lookUp(_ node: YAMLNode, in table: [String: YAMLNode]) throws -> YAMLNode {
        let name = try node.string()
        guard let found = table[name] else {
            throw node.error("there is no '\(name)'", remedy: NearestName.remedy(for: name, among: table.keys.sorted()))
        }
        return found
    }

    private static func model(
        _ node: YAMLNode, _ preprocessing: [String: YAMLNode], _ architectures: [String: YAMLNode],
        _ sources: [String: YAMLNode]
    ) throws -> PublishedModel {
        var map = try node.mapping()
        let nameNode = try map.required("name")
        let name = try nameNode.string()
        let parts = name.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, let architecture = architectures[String(parts[0])] else {
            throw nameNode.error("'\(name)' must be an architecture of this table, a colon and what it was trained on")
        }
        var shape = try architecture.mapping()
        let imageSize = try shape.required("imageSize")
        let embedding = try shape.required("embedding").int(in: 1...1 << 16)
        let contextLength = try shape.required("contextLength").int(in: 1...1 << 16)
        let tokenizer = try shape.required("tokenizer").string()
        let isResNet = try shape.optional("resnet")?.bool() ?? false
        try shape.finish()

        let steps = try lookUp(map.required("preprocessing"), in: preprocessing)
        let transform = try ImageTransform(preprocess: steps.setting("resize", to: imageSize))
        let activation = try activation(map.required("activation"))
        let text = try map.optional("textActivation").map(Self.activation) ?? activation
        let family = try map.required("family").string()
        let repository = try repository(map.required("repository"))
        let mirrors = try map.optional("mirrors")?.array(mirror) ?? []
        let revision = try map.optional("revision")?.string()
        var accuracy: PublishedModel.Accuracy?
        if let percent = map.optional("imagenet") {
            accuracy = PublishedModel.Accuracy(
                percent: try percent.double(), source: try lookUp(map.required("source"), in: sources).string())
        }
        try map.finish()
        return PublishedModel(
            name: name, family: family, repository: repository, revision: revision, files: openCLIPFiles,
            mirrors: mirrors, activation: PublishedModel.Activation(image: isResNet ? nil : activation, text: text),
            transform: transform, tokenizer: tokenizer, contextLength: contextLength, embedding: embedding,
            accuracy: accuracy)
    }

    private static func mirror(_ node: YAMLNode) throws -> PublishedModel.Mirror {
        var map = try node.mapping()
        let repository = try repository(map.required("repository"))
        let differs = try map.optional("differs")?.array { try $0.value(of: PublishedModel.Fact.self) } ?? []
        try map.finish()
        return PublishedModel.Mirror(repository: repository, differs: Set(differs))
    }

    private static func activation(_ node: YAMLNode) throws -> String {
        try node.string(oneOf: ["gelu", "quick_gelu", "gelu_tanh"])
    }

    private static func repository(_ node: YAMLNode) throws -> String {
        let name = try node.string()
        guard name.split(separator: "/", omittingEmptySubsequences: false).count == 2 else {
            throw node.error("'\(name)' is no repository", remedy: "write organisation/name")
        }
        return name
    }
}
