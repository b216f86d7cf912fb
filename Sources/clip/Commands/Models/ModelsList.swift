import ArgumentParser
import CLIPKit
import YAML

extension Models {
    struct List: ClipSubcommand {
        static let title = "models list"
        static let configuration = CommandConfiguration(
            abstract: "List models and where they are.",
            discussion: """
                Looked up in this order: the folders of CLIP_MODEL_PATH (separated by colons), the user's models \
                ($XDG_DATA_HOME/clip/models), the models that come with the program.
                """)

        @Flag(name: .long, help: "One JSON object a line.")
        var json = false

        func run(in context: CommandContext) async throws {
            let store = try context.modelStore()
            let models = store.models()
            if json {
                for model in models {
                    try context.print(
                        YAMLNode.mapping(["name": .string(model.name), "path": .string(model.path)]).jsonText())
                }
                return
            }
            if models.isEmpty {
                return context.note("there are no models in \(store.folders.joined(separator: ", "))")
            }
            var table = Table(["NAME", "PATH"])
            for model in models { table.add([model.name, model.path]) }
            try context.print(table.text)
        }
    }
}
