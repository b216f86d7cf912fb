public import ArgumentParser
public import Multimodal

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// The command line. A program of yours adds its own plugins to it:
///
///     import ClipCommands
///
///     await Clip.run(plugins: Clip.linkedPlugins + [MyPlugin()])
public struct Clip: ParsableCommand {
    public static let configuration = CommandConfiguration(
        commandName: "clip",
        abstract: "Images and texts in one space: embed them, rank them, train models of your own.",
        discussion: """
            Which of these pictures and sentences belong together? One a line, in any order:

              clip embed < list.txt | clip rank

            Records are JSON objects, one a line; what a command does not know passes through. Messages go to standard \
            error. Exit status: 0 fine, 2 some records failed, 1 could not run, 64 wrong usage.

            Settings come from flags, then from the environment (CLIP_MODEL, CLIP_BACKEND, CLIP_THREADS, ...), then from \
            $XDG_CONFIG_HOME/clip/config.yaml; 'clip doctor' shows what holds.
            """,
        version: "0.1.0",
        subcommands: [
            Embed.self, Rank.self, Train.self, Tokenize.self, TokenizerCommand.self, Models.self, Plugins.self,
            GraphCommand.self, Bench.self, Doctor.self,
        ])

    public init() {}

    /// Parses the program's arguments, runs the command and ends the process with its exit status.
    public static func run(plugins: [any Plugin]) async -> Never {
        // A reader that goes away shows as an error of the write, which is no failure.
        signal(SIGPIPE, SIG_IGN)
        let command: any ParsableCommand
        do {
            command = try parseAsRoot(CommandNames.checked(DashedNames.resolve(RawArguments.ofProcess)))
        } catch let unknown as CommandNames.Unknown {
            CommandContext(name: unknown.parent, plugins: []).note(RawArguments.revealed(unknown.message))
            _exit(64)
        } catch {
            leave(with: error)
        }
        guard let command = command as? any ClipSubcommand else {
            var command = command
            do { try command.run() } catch { leave(with: error) }
            leave(with: CleanExit.message(""))
        }
        if command is Embed || command is Rank || command is Train || command is Bench { sleepWhenIdle() }
        let context = CommandContext(name: commandName(of: command), plugins: plugins)
        let status = await context.run(command)
        _exit(status)
    }

    /// Ends the process with what the argument parser has to say: help on standard output, wrong usage on the other.
    private static func leave(with error: any Error) -> Never {
        let context = CommandContext(name: "clip", plugins: [])
        let status = error is UsageError ? ExitCode.validationFailure.rawValue : exitCode(for: error).rawValue
        let message = error is UsageError ? "clip: \(error)" : fullMessage(for: error)
        let text = RawArguments.revealed(HelpText.wrapped(message))
        if status == 0, !text.isEmpty { try? context.print(text) }
        if status != 0 { context.writeError(text + "\n") }
        _exit(status)
    }

    private static func commandName(of command: any ClipSubcommand) -> String { "clip " + type(of: command).title }
}
