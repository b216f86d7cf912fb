#if canImport(Glibc)
    package import Glibc
#elseif canImport(Musl)
    package import Musl
#else
    package import Darwin
#endif

/// The built `clip`, run as users run it.
package struct Program {
    package struct Result: Sendable {
        /// The exit status, or minus the signal that ended it.
        package var status: Int32
        package var output: String
        package var error: String
        /// Bytes.
        package var peakMemory: Int

        package var lines: [String] { output.split(separator: "\n").map(String.init) }
    }

    /// Beside the test bundle, in the folder of build products; the bundle is the running program, or an argument of it.
    package static let path: String = {
        for start in ["/proc/self/exe"] + CommandLine.arguments.filter({ $0.contains(".xctest") }) {
            guard let resolved = realpath(start, nil) else { continue }
            defer { free(resolved) }
            var folder = String(cString: resolved)
            while let slash = folder.lastIndex(of: "/") {
                folder = String(folder[..<slash])
                if access(folder + "/clip", X_OK) == 0, !isFolder(folder + "/clip") { return folder + "/clip" }
            }
        }
        return "clip"
    }()

    /// Runs `clip` to its end. What it writes goes through files, so that nothing blocks.
    package static func run(
        _ arguments: [String], input: [UInt8] = [], inputPath: String? = nil, outputPath: String? = nil,
        environment: [String: String] = [:], in folder: TemporaryFolder
    ) throws -> Result {
        try execute(
            [path] + arguments, input: input, inputPath: inputPath, outputPath: outputPath, environment: environment,
            in: folder)
    }

    package static func run(
        _ arguments: [String], lines: [String], environment: [String: String] = [:], in folder: TemporaryFolder
    ) throws -> Result {
        try run(
            arguments, input: Array((lines.joined(separator: "\n") + "\n").utf8), environment: environment, in: folder)
    }

    /// Runs a shell script in which `clip` is the program.
    package static func shell(
        _ script: String, environment: [String: String] = [:], in folder: TemporaryFolder
    ) throws -> Result {
        let bin = path.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
        var environment = environment
        environment["PATH"] = bin + ":/usr/bin:/bin"
        return try execute(["/bin/sh", "-c", script], input: [], environment: environment, in: folder)
    }

    private static func execute(
        _ command: [String], input: [UInt8], inputPath: String? = nil, outputPath: String? = nil,
        environment: [String: String], in folder: TemporaryFolder
    ) throws -> Result {
        let run = folder.unique()
        let inputFile = inputPath ?? run + ".in"
        if inputPath == nil { try folder.write(input, to: inputFile) }
        let outputFile = outputPath ?? run + ".out"
        let files: [(String, Int32, Int32)] = [
            (inputFile, O_RDONLY, 0), (outputFile, O_WRONLY | O_CREAT, 1), (run + ".err", O_WRONLY | O_CREAT, 2),
        ]
        let process = try spawn(command, environment: environment, folder: folder) { actions in
            for (path, flags, target) in files {
                posix_spawn_file_actions_addopen(&actions, target, path, flags, 0o644)
            }
        }
        let (status, peakMemory) = wait(process, folder)
        return Result(
            status: exitStatus(status), output: outputPath == nil ? folder.text(outputFile) : "",
            error: folder.text(run + ".err"), peakMemory: peakMemory)
    }

    /// Waits for the end, and looks at the memory meanwhile: on Linux, what the system tells of it at the end counts the
    /// memory of this process, too, as it was when the other was started.
    private static func wait(_ process: pid_t, _ folder: TemporaryFolder) -> (status: Int32, peakMemory: Int) {
        var (status, usage, peak) = (Int32(0), rusage(), 0)
        while wait4(process, &status, WNOHANG, &usage) != process {
            #if os(Linux)
                let lines = folder.text("/proc/\(process)/status").split(separator: "\n")
                if let line = lines.first(where: { $0.hasPrefix("VmHWM:") }),
                    let kilobytes = line.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first.flatMap({
                        Int($0)
                    })
                {
                    peak = max(peak, kilobytes << 10)
                }
            #endif
            usleep(3000)
        }
        #if !os(Linux)
            peak = usage.ru_maxrss
        #endif
        return (status, peak)
    }

    package static func exitStatus(_ status: Int32) -> Int32 {
        status & 0x7F == 0 ? (status >> 8) & 0xFF : -(status & 0x7F)
    }

    /// Starts a process with the descriptors that `arrange` sets up.
    package static func spawn(
        _ command: [String], environment: [String: String], folder: TemporaryFolder,
        _ arrange: (inout FileActions) -> Void
    ) throws -> pid_t {
        var actions = FileActions.empty
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        arrange(&actions)
        // Nothing of this machine's own settings, models or caches.
        var variables = ["HOME": folder.path, "PATH": "/usr/bin:/bin", "TMPDIR": folder.path]
        variables.merge(environment) { $1 }
        if let library = getenv("LD_LIBRARY_PATH") { variables["LD_LIBRARY_PATH"] = String(cString: library) }
        let arguments = command.map { strdup($0) } + [nil]
        let values = variables.map { strdup("\($0)=\($1)") } + [nil]
        defer { for pointer in arguments + values { free(pointer) } }
        var process = pid_t()
        let code = posix_spawn(&process, command[0], &actions, nil, arguments, values)
        guard code == 0 else {
            throw SupportError("\(command[0]) cannot be started: \(String(cString: strerror(code)))")
        }
        return process
    }

    private static func isFolder(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }
}

#if canImport(Darwin)
    package typealias FileActions = posix_spawn_file_actions_t?
    extension Optional where Wrapped == OpaquePointer { package static var empty: FileActions { nil } }
#else
    package typealias FileActions = posix_spawn_file_actions_t
    extension posix_spawn_file_actions_t { package static var empty: FileActions { FileActions() } }
#endif
