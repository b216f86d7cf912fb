import ArgumentParser
import CLIPKit
import YAML

extension Models {
    struct Info: ClipSubcommand {
        static let title = "models info"
        static let configuration = CommandConfiguration(
            abstract: "Show what a model is: its encoders, sizes and space.",
            discussion: "Opens the model and checks all of it: settings, plugins, and that every weight is there.")

        @Argument(
            help: ArgumentHelp("A name of 'clip models list', or the path of a model directory.", valueName: "name"))
        var name: String

        @Flag(name: .long, help: "One JSON object.")
        var json = false

        func run(in context: CommandContext) async throws {
            let plugins = try context.registry()
            let directory = try context.modelStore().open(name, plugins: plugins)
            let facts = try Self.facts(directory)
            if json { return try context.print(YAMLNode.mapping(facts.map { ($0.key, $0.value) }).jsonText()) }
            var table = Table()
            for fact in facts { table.add([fact.key, try fact.value.text() + fact.unit]) }
            try context.print(table.text)
        }

        private static func facts(
            _ directory: ModelDirectory
        ) throws -> [(key: String, value: YAMLNode, unit: String)] {
            let model = directory.model
            let config = directory.config
            let parameters = directory.weights.entries.reduce(0) { $0 + $1.type.shape.count }
            var facts: [(key: String, value: YAMLNode, unit: String)] = [
                ("name", .string(config.name), ""), ("path", .string(directory.folder), ""),
                ("space", .string(directory.space), ""), ("embedding", .int(config.embedding), " numbers"),
                ("parameters", .int(parameters), ""),
            ]
            if let image = config.image {
                facts += [
                    ("imageEncoder", .string(image.name), ""), ("imageSize", .int(try model.image.imageSize), " pixels"),
                ]
            }
            if let text = config.text, let tokenizer = config.tokenizer {
                facts += [
                    ("textEncoder", .string(text.name), ""),
                    ("contextLength", .int(try model.text.contextLength), " tokens"),
                    ("tokenizer", .string(tokenizer.name), ""),
                    ("vocabularySize", .int(try directory.tokenizer.vocabularySize), " tokens"),
                ]
            }
            if let loss = config.loss, let calibration = try directory.calibration() {
                facts += [
                    ("loss", .string(loss.name), ""), ("probability", .string(calibration.link.rawValue), ""),
                    ("scale", .double(Double(calibration.scale)), ""),
                    ("bias", .double(Double(calibration.bias)), ""),
                ]
            }
            return facts
        }
    }
}
