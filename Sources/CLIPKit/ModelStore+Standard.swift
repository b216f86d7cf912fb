public import Checkpoints

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

extension ModelStore {
    /// Where models are looked for: `CLIP_MODEL_PATH`, the user's models, then those that come with the program.
    public static func standard(environment: [String: String]) -> ModelStore {
        ModelStore(environment: environment, bundled: bundledFolders())
    }

    /// Folders of bundled models that exist: beside an installed program (`bin/../share/clip/models`), else in the
    /// checkout that it was built from (`Models`).
    package static func bundledFolders() -> [String] {
        var folders: [String] = []
        if let program = programPath() {
            let bin = program.prefix(upTo: program.lastIndex(of: "/") ?? program.startIndex)
            folders.append(bin + "/../share/clip/models")
        }
        // Sources/CLIPKit/<this file> -> Models
        let parts = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3)
        folders.append(parts.joined(separator: "/") + "/Models")
        return folders.filter { access($0, R_OK | X_OK) == 0 }
    }

    /// The running program's file, with links resolved.
    private static func programPath() -> String? {
        #if os(Linux)
            let path = "/proc/self/exe"
        #else
            let path = CommandLine.arguments.first ?? ""
        #endif
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return String(cString: resolved)
    }
}
