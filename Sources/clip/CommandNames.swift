import ArgumentParser
import YAML

/// Commands as people type them: says which was probably meant where there is none of a name. The argument parser calls
/// such a word an unexpected argument.
enum CommandNames {
    private typealias Command = any ParsableCommand.Type

    /// A word that should name a command and does not.
    struct Unknown: Error {
        /// "clip", "clip models"
        var parent: String
        var message: String
    }

    /// What the parser shall read: `arguments`, with `help` in front where it stood after a command.
    static func checked(_ arguments: [String]) throws(Unknown) -> [String] {
        var command: Command = Clip.self
        var path: [String] = []
        var rest = arguments[...]
        let asksHelp = rest.first == "help"
        if asksHelp { rest.removeFirst() }
        while !command.configuration.subcommands.isEmpty, let word = rest.first {
            if word.hasPrefix("-") {
                if path.isEmpty, !asksHelp { try check(option: word, rest) }
                break
            }
            if word == "help" { return ["help"] + path + rest.dropFirst() }
            guard let next = subcommand(word, of: command) else {
                throw Unknown(
                    parent: (["clip"] + path).joined(separator: " "),
                    message: "there is no command '\(word)'; \(remedy(for: word, in: command, path))")
            }
            command = next
            path.append(word)
            rest.removeFirst()
        }
        return arguments
    }

    /// Refuses an option that stands before the command it belongs to.
    private static func check(option: String, _ rest: ArraySlice<String>) throws(Unknown) {
        let own = [
            "--help", "-h", "--help-hidden", "--version", "--generate-completion-script", "--experimental-dump-help",
        ]
        let name = option.split(separator: "=").first.map(String.init) ?? option
        if own.contains(name) || option.hasPrefix("---") { return }
        if let command = rest.dropFirst().first(where: { subcommand($0, of: Clip.self) != nil }) {
            let others = rest.filter { $0 != command }.joined(separator: " ")
            throw Unknown(
                parent: "clip", message: "options stand after their command: clip \(command) \(others)")
        }
        let remedy =
            NearestName.of(option, among: own.prefix(4)).map { "did you mean '\($0)'?" }
            ?? "name a command first; 'clip --help' lists them"
        throw Unknown(parent: "clip", message: "'\(option)' is no option of 'clip' itself; \(remedy)")
    }

    private static func remedy(for word: String, in command: Command, _ path: [String]) -> String {
        let names = command.configuration.subcommands.map { $0._commandName }
        if let near = NearestName.of(word, among: names) { return "did you mean '\(near)'?" }
        let longer = names.filter { word.count > 1 && $0.hasPrefix(word.lowercased()) }
        if !longer.isEmpty { return "did you mean \(list(longer))?" }
        let elsewhere = all(Clip.self, []).filter { $0.last == word.lowercased() }
        if !elsewhere.isEmpty { return "did you mean \(list(elsewhere.map { "clip " + $0.joined(separator: " ") }))?" }
        if path.isEmpty, word.contains(".") || word.contains("/") {
            return "name a command first, as in 'clip embed \(word)' or 'clip embed < \(word)'"
        }
        return "use one of " + names.joined(separator: ", ")
    }

    /// "'a' or 'b'"
    private static func list(_ names: [String]) -> String { names.map { "'\($0)'" }.joined(separator: " or ") }

    private static func subcommand(_ name: String, of command: Command) -> Command? {
        command.configuration.subcommands.first {
            $0._commandName == name || $0.configuration.aliases.contains(name)
        }
    }

    /// The paths of all commands below `command`.
    private static func all(_ command: Command, _ path: [String]) -> [[String]] {
        command.configuration.subcommands.flatMap { child in
            let path = path + [child._commandName]
            return [path] + all(child, path)
        }
    }
}
