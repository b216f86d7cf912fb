import ArgumentParser

/// `clip models`
struct Models: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show the models that --model takes by name; fetch, convert, quantise and verify them.",
        subcommands: [List.self, Info.self, Pull.self, Convert.self, Quantize.self, Verify.self],
        defaultSubcommand: List.self)
}
