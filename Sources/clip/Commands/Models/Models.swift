import ArgumentParser

/// `clip models`
struct Models: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show and fetch the models that --model takes by name.",
        subcommands: [List.self, Info.self, Pull.self], defaultSubcommand: List.self)
}
