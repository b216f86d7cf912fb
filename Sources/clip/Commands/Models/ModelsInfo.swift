import ArgumentParser
import CLIPKit
import YAML

extension Models {
    struct Info: ClipSubcommand {
        static let title = "models info"
        static let configuration = CommandConfiguration(
            abstract: "Show what a model is: its encoders, sizes and space.",
            discussion: """
                Opens the model and checks all of it: settings, plugins, and that every weight is there. Of a published \
                model that is not here, it shows what is known.
                """)

        @Argument(
            help: ArgumentHelp(
                "A name of 'clip models list', or the path of a model directory or of weights.", valueName: "name"))
        var name: String

        @OptionGroup var openingOptions: OpeningOptions
        @OptionGroup var trust: TrustOption

        @Flag(name: .long, help: "One JSON object.")
        var json = false

        func run(in context: CommandContext) async throws {
            let plugins = try context.registry()
            let store = try context.modelStore(trusts: trust.trustModel)
            let facts: [Fact]
            if !openingOptions.areGiven, let model = try PublishedModels.find(name), (try? store.path(of: name)) == nil
            {
                facts = Self.facts(model, path: nil)
            } else {
                let directory = try store.open(name, plugins: plugins, options: openingOptions.options())
                facts = try Self.facts(directory) + (directory.published.map(Self.origin) ?? [])
            }
            if json { return try context.print(YAMLNode.mapping(facts.map { ($0.key, $0.value) }).jsonText()) }
            var table = Table()
            for fact in facts { table.add([fact.key, try Self.text(fact.value) + fact.unit]) }
            try context.print(table.text)
        }

        /// How far the embeddings of a quantised model are from those of the one that it was made from.
        private static func quantization(
            _ record: QuantizationRecord?
        ) -> [(key: String, value: YAMLNode, unit: String)] {
            guard let record else { return [] }
            var facts = [(key: "precision", value: YAMLNode.string(record.precision.rawValue), unit: "")]
            for (name, drift) in [("image", record.images), ("text", record.texts)] {
                guard let drift else { continue }
                facts.append(
                    ("\(name)MeanCosine", .double(drift.meanCosine), " of \(drift.inputs) inputs to float32's"))
                facts.append(("\(name)MinimumCosine", .double(drift.minimumCosine), ""))
            }
            return facts
        }

        private static func text(_ value: YAMLNode) throws -> String {
            guard case .sequence = value.content else { return try value.text() }
            return try value.array { try $0.text() }.joined(separator: ", ")
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
                    ("imageEncoder", .string(image.name), ""),
                    ("imageSize", .int(try model.image.imageSize), " pixels"),
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
            if let knows = config.knows {
                facts.append(("knows", .string("\(knows.summary) (\(knows.images.rawValue))"), ""))
            }
            return facts + quantization(config.quantization)
        }
    }
}
