import CLIPKit
import YAML

extension Models.Info {
    typealias Fact = (key: String, value: YAMLNode, unit: String)

    /// What is known of a published model without opening it.
    static func facts(_ model: PublishedModel, path: String?) -> [Fact] {
        let transform = model.transform
        var facts: [Fact] = [("name", .string(model.name), "")]
        if let path { facts.append(("path", .string(path), "")) }
        facts += [
            ("family", .string(model.family), ""), ("repository", .string(model.repository), ""),
            ("embedding", .int(model.embedding), " numbers"), ("imageSize", .int(model.imageSize), " pixels"),
            ("resizeMode", .string(transform.resizeMode.rawValue), ""),
            ("interpolation", .string(transform.interpolation.rawValue), ""),
            ("mean", numbers(transform.mean), ""), ("std", numbers(transform.std), ""),
        ]
        if let image = model.activation.image { facts.append(("imageActivation", .string(image), "")) }
        facts += [
            ("textActivation", .string(model.activation.text), ""), ("tokenizer", .string(model.tokenizer), ""),
            ("contextLength", .int(model.contextLength), " tokens"),
        ]
        return facts + accuracy(model)
    }

    /// What an opened model is known to be a copy of.
    static func origin(_ model: PublishedModel) -> [Fact] {
        [("published", .string(model.name), "")] + accuracy(model)
    }

    private static func accuracy(_ model: PublishedModel) -> [Fact] {
        guard let accuracy = model.accuracy else { return [] }
        return [("imagenet", .double(accuracy.percent), " % zero-shot"), ("source", .string(accuracy.source), "")]
    }

    private static func numbers(_ values: [Float]) -> YAMLNode {
        .sequence(values.map { .double(Double("\($0)") ?? Double($0)) })
    }
}
