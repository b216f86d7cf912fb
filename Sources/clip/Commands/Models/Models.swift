import ArgumentParser

/// `clip models`
struct Models: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show the models that --model takes by name.",
        subcommands: [List.self, Info.self], defaultSubcommand: List.self)
}
