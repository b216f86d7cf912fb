import ArgumentParser

/// `clip models`
struct Models: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show the models that --model takes by name, and make new ones.",
        subcommands: [List.self, Info.self, Quantize.self], defaultSubcommand: List.self)
}
