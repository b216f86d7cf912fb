import ArgumentParser
import CLIPKit
import YAML

extension Models {
    struct Pull: ClipSubcommand {
        static let title = "models pull"
        static let configuration = CommandConfiguration(
            abstract: "Fetch a model from the hub; prints where it is.",
            discussion: """
                Descriptions, tokenizer and one set of weights come into the cache that Python's tools share \
                (HF_HUB_CACHE, HF_HOME). What is there is not fetched again; what was broken off goes on where it ended. \
                HF_ENDPOINT names another hub, HF_TOKEN opens gated models, HF_HUB_OFFLINE=1 asks nobody.

                EXAMPLES:
                  clip models pull ViT-B-32:openai
                  clip embed --model ViT-B-32:openai < list.txt
                  clip models pull hf:openai/clip-vit-base-patch32
                """)

        @Argument(
            help: ArgumentHelp(
                "A published name of 'clip models list', or a repository: hf:ORG/NAME, hf:ORG/NAME@REVISION.",
                valueName: "name|hf:org/name"))
        var name: String

        @Flag(name: .long, help: "One JSON object.")
        var json = false

        func run(in context: CommandContext) async throws {
            let (reference, weights) = try source()
            let hub = ModelHub(try HubConfiguration(environment: context.environment))
            let progress = PullProgress(context)
            let snapshot: HubSnapshot
            do {
                snapshot = try await hub.pull(reference, weights: weights) { progress.report($0) }
                progress.finish()
            } catch {
                progress.finish()
                throw error
            }
            guard json else { return try context.print(snapshot.path) }
            try context.print(
                YAMLNode.mapping([
                    ("name", .string(name)), ("repository", .string(reference.repository)),
                    ("revision", .string(reference.revision)), ("commit", .string(snapshot.commit)),
                    ("path", .string(snapshot.path)), ("received", .int(snapshot.received)),
                ]).jsonText())
        }

        /// What is to be fetched, and which weights of it.
        private func source() throws -> (HubReference, weights: [String]) {
            if name.hasPrefix(HubReference.prefix) {
                do { return (try HubReference(name), []) } catch { throw UsageError("\(error)") }
            }
            if let model = try PublishedModels.find(name) {
                return (
                    try HubReference(repository: model.repository, revision: model.revision ?? "main"), model.files
                )
            }
            let near = try PublishedModels.meant(by: name).prefix(6).map { "'\($0.name)'" }
            if let reference = try? HubReference(name), near.isEmpty || name.contains("/") {
                throw UsageError("there is no published model '\(name)'; did you mean '\(reference)'?")
            }
            throw UsageError(
                "there is no published model '\(name)'; "
                    + (near.isEmpty ? "" : "did you mean \(near.joined(separator: " or "))? ")
                    + "'clip models list' shows them, and hf:ORG/NAME names any repository")
        }
    }
}
