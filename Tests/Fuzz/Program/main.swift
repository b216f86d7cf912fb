// One target of the fuzzer, named by CLIP_FUZZ_TARGET. Built by scripts/fuzz.sh it takes libFuzzer's arguments; built in
// the usual way it gives the files that are named to the target.

import CFuzzer
import FuzzTargets
import TestSupport

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

enum Fuzzing {
    static let target: FuzzTarget = {
        let name = getenv("CLIP_FUZZ_TARGET").map { String(cString: $0) } ?? ""
        if let target = FuzzTarget.all.first(where: { $0.name == name }) { return target }
        tell("set CLIP_FUZZ_TARGET to one of: \(FuzzTarget.all.map(\.name).joined(separator: ", "))")
        exit(64)
    }()

    static let folder: String = {
        do { return try temporaryFolder() } catch {
            tell("\(error)")
            exit(74)
        }
    }()

    /// Ends the program where something does not hold, as libFuzzer wants it: it then writes the input down.
    static func check(_ bytes: [UInt8]) {
        do { try target.check(bytes, folder) } catch {
            tell("\(target.name): \(error)")
            abort()
        }
    }

    /// Writes a line to standard error.
    static func tell(_ message: String) {
        let line = Array("\(message)\n".utf8)
        _ = write(2, line, line.count)
    }
}

_ = Fuzzing.target
let status = fuzzer_run(CommandLine.argc, CommandLine.unsafeArgv) { bytes, count in
    Fuzzing.check(Array(UnsafeBufferPointer(start: bytes, count: count)))
    return 0
}
if status >= 0 { exit(status) }
for path in CommandLine.arguments.dropFirst() { Fuzzing.check(try contents(of: path)) }
