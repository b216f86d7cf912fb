import ArgumentParser
import ClipCommands
import TestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// What `--help` of every command says stands in Tests/Fixtures/Help. To write it again after a change:
///
///     UPDATE_SNAPSHOTS=1 swift test --filter HelpSnapshotTests
@Suite struct HelpSnapshotTests {
    private static let folder = fixture("Help")
    private static let updates = getenv("UPDATE_SNAPSHOTS") != nil

    /// The words of every command, found in the tree of commands: a new one is tested without being listed here.
    private static let commands: [[String]] = {
        var paths: [[String]] = [[]]
        func add(_ commands: [any ParsableCommand.Type], _ path: [String]) {
            for command in commands {
                let path = path + [command._commandName]
                paths.append(path)
                add(command.configuration.subcommands, path)
            }
        }
        add(Clip.configuration.subcommands, [])
        return paths
    }()

    private static func file(_ command: [String]) -> String { (["clip"] + command).joined(separator: "-") + ".txt" }

    @Test("help is what its snapshot says", arguments: commands)
    func snapshot(command: [String]) throws {
        let folder = try TemporaryFolder()
        let help = try Program.run(command + ["--help"], in: folder)
        #expect(help.status == 0 && help.error.isEmpty, "\(help.error)")
        let path = Self.folder + "/" + Self.file(command)
        if Self.updates { try folder.write(help.output, to: path) }
        #expect(
            help.output == folder.text(path),
            "if that is what it shall say: UPDATE_SNAPSHOTS=1 swift test --filter HelpSnapshotTests")
        let asked = try Program.run(["help"] + command, in: folder)
        #expect(asked.status == 0 && asked.output == help.output)
    }

    @Test("no snapshot is left of a command that is gone")
    func leftovers() throws {
        let known = Set(Self.commands.map(Self.file))
        for name in names(in: Self.folder) where !known.contains(name) {
            if Self.updates { unlink(Self.folder + "/" + name) } else { Issue.record("\(name) belongs to no command") }
        }
    }

    @Test("lines fit a terminal, sentences have no runs of blanks, and nothing ends in one", arguments: commands)
    func layout(command: [String]) throws {
        let help = try Program.run(command + ["--help"], in: TemporaryFolder())
        #expect(help.output.contains("OVERVIEW: ") && help.output.contains("USAGE: "))
        for line in help.output.split(separator: "\n", omittingEmptySubsequences: false) {
            #expect(line.count <= 80, "\(line)")
            #expect(line.last != " ", "'\(line)'")
            #expect(!Self.hasRun(line), "'\(line)'")
        }
    }

    /// Whether a line has a run of blanks inside, other than the one before the column of explanations.
    private static func hasRun(_ line: Substring) -> Bool {
        let text = line.drop { $0 == " " }
        let indent = line.count - text.count
        let runs = text.ranges(of: "  ")
        guard let first = runs.first else { return false }
        let explanation = text[first.lowerBound...].drop { $0 == " " }
        return indent != 2 || line.count - explanation.count != 26 || explanation.contains("  ")
    }
}
