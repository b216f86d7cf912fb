import ArgumentParser
import CLIPKit

/// `clip graph`
struct GraphCommand: ClipSubcommand {
    static let title = "graph"
    static let configuration = CommandConfiguration(
        commandName: "graph",
        abstract: "Print the graph of tensor operations that a model computes.",
        discussion: """
            One node a line: number, operation, inputs, type and the source line that made it. The weights are not needed: \
            a model.yaml is enough.

            EXAMPLES:
              clip graph --tower text
              clip graph --tower loss --gradient
              clip graph --format dot | dot -Tsvg > model.svg
            """)

    @OptionGroup var model: ModelOption

    @Option(
        name: .long,
        help: ArgumentHelp("image and text: what embeds. loss: what training minimises.", valueName: "image|text|loss"))
    var tower: Tower = .image

    @Flag(name: .long, help: "Add the gradient of the loss with respect to every parameter; for --tower loss.")
    var gradient = false

    @Option(name: .long, help: ArgumentHelp("text, or dot for Graphviz.", valueName: "text|dot"))
    var format: Format = .text

    @Option(
        name: .long,
        help: ArgumentHelp("Pictures or texts in the batch. (default: 1, for --tower loss 2)", valueName: "count"))
    var batchSize: Int?

    enum Tower: String, CaseIterable, ExpressibleByArgument { case image, text, loss }
    enum Format: String, CaseIterable, ExpressibleByArgument { case text, dot }

    func validate() throws {
        if gradient, tower != .loss {
            throw ValidationError("--gradient is of the loss, which is a single number; add --tower loss.")
        }
        if let batchSize, !(1...1 << 20).contains(batchSize) {
            throw ValidationError("--batch-size is \(batchSize); use 1 to \(1 << 20).")
        }
    }

    func run(in context: CommandContext) async throws {
        let config = try self.model.opening(in: context.settings()) { name in
            try context.modelStore().source(name, options: self.model.options()).layout.config
        }
        let model = try DualEncoder(config, plugins: context.registry())
        let graph =
            switch tower {
            case .image: try model.imageGraph(batch: batchSize ?? 1)
            case .text: try model.textGraph(batch: batchSize ?? 1, length: model.text.contextLength)
            case .loss: try lossGraph(model)
            }
        try context.print(format == .dot ? graph.dot : graph.description)
    }

    private func lossGraph(_ model: DualEncoder) throws -> Graph {
        let forward = try model.lossGraph(batch: batchSize ?? 2, length: model.text.contextLength)
        guard gradient, let loss = forward.outputs.first(where: { $0.name == "loss" }) else { return forward }
        let builder = GraphBuilder(extending: forward)
        let trained = zip(forward.parameters, forward.parameterSignature).filter { $1.parameter.isTrainable }
        let gradients = builder.tensor(loss.id).gradients(withRespectTo: trained.map { builder.tensor($0.0) })
        return try builder.finish(
            forward.outputs.map { ($0.name, builder.tensor($0.id)) }
                + zip(trained, gradients).map { ("gradient of \($0.1.parameter.name)", $1) })
    }
}
