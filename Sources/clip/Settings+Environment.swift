import CLIPKit
import YAML

/// What the environment holds beside settings.
extension Settings {
    /// Variables of ours that are no settings: the merges of CLIP's tokenizer, and the instruction set of the backend `cpu`.
    private static let others = ["CLIP_BPE_MERGES", "CLIP_CPU_ISA"]

    /// Variables that are named like ours and are none, with the one that was probably meant.
    static func strangers(in environment: [String: String]) -> [(name: String, remedy: String?)] {
        let known = Key.allCases.map(\.variable) + others
        return environment.keys.sorted().filter { $0.uppercased().hasPrefix("CLIP_") && !known.contains($0) }.map {
            name in
            (name, NearestName.of(name, among: known).map { "did you mean \($0)?" })
        }
    }

    /// Refuses variables that should hold a path and hold none that can be used.
    static func checkPaths(in environment: [String: String]) throws {
        if let merges = environment["CLIP_BPE_MERGES"], !merges.isEmpty, !FileSystem.isFile(merges) {
            throw UsageError("CLIP_BPE_MERGES is '\(merges)', where there is no file; name a merge file, or unset it")
        }
        for name in ["XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"] {
            guard let path = environment[name], !path.isEmpty, !path.hasPrefix("/") else { continue }
            throw UsageError(
                "\(name) is '\(path)', which is ignored, as it is no whole path; write one from /, or unset it")
        }
    }
}
