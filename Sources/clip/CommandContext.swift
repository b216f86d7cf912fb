import ArgumentParser
import AtomicFiles
import CLIPKit
import Synchronization
import YAML

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// A command of ours: like `ParsableCommand`, with what it may touch handed in.
protocol ClipSubcommand: ParsableCommand {
    /// As it is typed after "clip".
    static var title: String { get }
    func run(in context: CommandContext) async throws
}

/// What a command may touch.
final class CommandContext: Sendable {
    /// "clip embed", for messages.
    let name: String
    let environment: [String: String]
    let input: Int32 = 0
    let output: Int32 = 1
    let error: Int32 = 2
    private let plugins: [any Plugin]

    init(name: String, plugins: [any Plugin]) {
        self.name = name
        self.plugins = plugins
        environment = Self.processEnvironment()
    }

    /// The plugins, their manifests checked. Made when a command needs it.
    func registry() throws -> PluginRegistry { try PluginRegistry(plugins) }

    func settings() throws -> Settings { try Settings(environment: environment) }

    /// Where models are looked for.
    /// - Parameter trusts: Whether a flag says to take a model at its word; else the settings do.
    func modelStore(trusts: Bool = false) throws -> ModelStore {
        let settings = try settings()
        var environment = environment
        environment["CLIP_MODEL_PATH"] = try settings.value(.modelPath)?.text
        var store = ModelStore.standard(environment: environment)
        store.checksPublished = try !trusts && settings.choice(.trustModel, default: Answer.false).0 == .false
        return store
    }

    /// One line on standard error, after the command's name.
    func note(_ message: String) { writeError("\(name): \(RawArguments.revealed(message))\n") }

    func writeError(_ text: String) {
        Array(text.utf8).withUnsafeBytes { bytes in
            var rest = bytes
            while !rest.isEmpty {
                let count = write(error, rest.baseAddress, rest.count)
                if count <= 0 {
                    if count < 0, errno == EINTR { continue }
                    return  // there is nowhere left to complain
                }
                rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(count))
            }
        }
    }

    /// Text for people or pipes on standard output, whole.
    func print(_ text: String) throws {
        let text = text.hasSuffix("\n") ? String(text.dropLast()) : text
        let writer = RecordWriter(descriptor: output)
        try writer.write(line: Array(text.utf8))
        try writer.flush()
    }

    /// Refuses to wait for somebody to type, and says how the command is used.
    func refuseTerminalInput(_ usage: String) throws {
        if isatty(input) == 1 { throw UsageError(usage) }
    }

    /// Refuses a command whose standard output is a file that it reads: the shell has emptied it (`>`), or what is written
    /// would be read again (`>>`).
    private func refuseOutputOverInput() throws {
        guard let target = FileIdentity(descriptor: output) else { return }
        let remedy = "write to another file, and rename it afterwards"
        if FileIdentity(descriptor: input) == target {
            throw UsageError("standard input and standard output are the same file; \(remedy)")
        }
        for argument in RawArguments.ofProcess {
            let value =
                argument.starts(with: Array("--".utf8)) ? argument.drop { $0 != UInt8(ascii: "=") }.dropFirst() : []
            for path in [argument, Array(value)] {
                let path = RawArgument(bytes: path)
                guard path.withCString(FileIdentity.init(cPath:)) == target else { continue }
                throw UsageError("'\(path)' is read, and is standard output, too; \(remedy)")
            }
        }
    }

    /// Whether progress may be drawn over itself on standard error.
    var showsProgress: Bool { isatty(error) == 1 && environment["TERM"] != "dumb" }

    /// Runs a command and gives its exit status.
    func run(_ command: any ClipSubcommand) async -> Int32 {
        if !(command is Doctor) {
            for case (let name, let remedy?) in Settings.strangers(in: environment) {
                note("the variable \(name) is not read; \(remedy)")
            }
        }
        do {
            try refuseOutputOverInput()
            try await command.run(in: self)
            return 0
        } catch let code as ExitCode {
            return code.rawValue
        } catch WriteError.closedPipe {
            return 0
        } catch let error where error is UsageError || error is SettingError {
            note("\(error)")
            return 64
        } catch {
            note("\(error)")
            return 1
        }
    }

    private static func processEnvironment() -> [String: String] {
        var result: [String: String] = [:]
        var next = environ
        while let entry = next.pointee {
            let text = String(cString: entry)
            if let equals = text.firstIndex(of: "=") {
                result[String(text[..<equals])] = String(text[text.index(after: equals)...])
            }
            next += 1
        }
        return result
    }
}

/// The command was used wrongly: exit status 64.
struct UsageError: Error, CustomStringConvertible {
    var description: String
    init(_ description: String) { self.description = description }
}

/// Some records failed: exit status 2.
let someRecordsFailed = ExitCode(2)
