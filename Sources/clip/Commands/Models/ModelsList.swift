import ArgumentParser
import CLIPKit
import YAML

extension Models {
    struct List: ClipSubcommand {
        static let title = "models list"
        static let configuration = CommandConfiguration(
            abstract: "List models: those that are here, and published ones that can be had.",
            discussion: """
                Models that are here are looked up in this order: the folders of CLIP_MODEL_PATH (separated by colons), \
                the user's models ($XDG_DATA_HOME/clip/models), the models that come with the program, the hub's cache \
                (HF_HUB_CACHE; 'clip models pull' fetches them). IMAGENET is the \
                published zero-shot accuracy in percent; 'clip models info NAME' says where it was read.
                """)

        @Flag(name: .long, help: "Only the models that are here.")
        var local = false

        @Flag(name: .long, help: "Only published models.")
        var published = false

        @Flag(name: .long, help: "One JSON object a line: a model that is here has a path.")
        var json = false

        func validate() throws {
            if local, published { throw ValidationError("--local and --published exclude each other; leave out both") }
        }

        func run(in context: CommandContext) async throws {
            let store = try context.modelStore()
            let models = store.models()
            let known = local ? [] : try PublishedModels.all()
            if json {
                for model in published ? [] : models where !known.contains(where: { $0.name == model.name }) {
                    try context.print(
                        YAMLNode.mapping(["name": .string(model.name), "path": .string(model.path)]).jsonText())
                }
                for model in known {
                    let facts = Info.facts(model, path: store.path(of: model))
                    try context.print(YAMLNode.mapping(facts.map { ($0.key, $0.value) }).jsonText())
                }
                return
            }
            if !published {
                if models.isEmpty {
                    context.note("there are no models in \(store.folders.joined(separator: ", "))")
                } else {
                    var table = Table(["NAME", "PATH"])
                    for model in models { table.add([model.name, model.path]) }
                    try context.print(table.text + (known.isEmpty ? "" : "\n"))
                }
            }
            if known.isEmpty { return }
            var table = Table(["PUBLISHED", "EMBEDDING", "IMAGE", "IMAGENET", "HERE", "REPOSITORY"])
            for model in known {
                table.add([
                    model.name, "\(model.embedding)", "\(model.imageSize)",
                    model.accuracy.map { "\($0.percent)" } ?? "-", store.path(of: model) == nil ? "-" : "yes",
                    model.repository,
                ])
            }
            try context.print(table.text)
        }
    }
}
