import ModelGraph

/// Weights without what programs put around the names of a module's tensors: one rule for every kind of file.
///
/// Wrappers whose names no module has are taken out wherever they stand: `_orig_mod` (torch.compile), `_forward_module`
/// (Lightning Fabric), `_fsdp_wrapped_module`, `_checkpoint_wrapped_module`. Others are taken off, again and again, where
/// every tensor has them in front: `module` (DataParallel and its kin), `model` (Lightning), `clip`, ....
struct PlainNames: MappedWeightFile {
    let entries: [WeightEntry]
    let unusable: [String: String]
    private let base: any MappedWeightFile
    /// The names in the file, by plain name.
    private let stored: [String: String]

    private static let inner: Set<Substring> = [
        "_orig_mod", "_forward_module", "_fsdp_wrapped_module", "_checkpoint_wrapped_module",
    ]
    private static let outer = ["module.", "model.", "clip.", "clip_model.", "ema_model.", "state_dict."]
    /// What torch.optim.swa_utils.AveragedModel keeps beside the module that it averages.
    private static let counter = "n_averaged"

    /// `file` under plain names; itself where its names are plain.
    static func of(_ file: any MappedWeightFile) throws(CheckpointError) -> any MappedWeightFile {
        var plain: [String: String] = [:]
        for name in file.entries.map(\.name) + file.unusable.keys { plain[name] = withoutInner(name) }
        while true {
            let names = file.entries.lazy.compactMap { plain[$0.name] }.filter { $0 != counter }
            guard let first = names.first, let prefix = outer.first(where: first.hasPrefix),
                names.allSatisfy({ $0.hasPrefix(prefix) })
            else { break }
            for (name, short) in plain where short.hasPrefix(prefix) {
                plain[name] = String(short.dropFirst(prefix.count))
            }
        }
        guard plain.contains(where: { $0 != $1 }) else { return file }
        return try PlainNames(file, plain)
    }

    private init(_ file: any MappedWeightFile, _ plain: [String: String]) throws(CheckpointError) {
        var entries: [WeightEntry] = []
        var stored: [String: String] = [:]
        for entry in file.entries {
            let name = plain[entry.name] ?? entry.name
            if let other = stored.updateValue(entry.name, forKey: name) {
                throw CheckpointError(
                    file.path, tensor: name, "is there twice, as '\(other)' and as '\(entry.name)'; keep one of them")
            }
            entries.append(WeightEntry(name: name, type: entry.type))
        }
        base = file
        self.entries = entries
        self.stored = stored
        unusable = Dictionary(file.unusable.map { (plain[$0] ?? $0, $1) }) { first, _ in first }
    }

    private static func withoutInner(_ name: String) -> String {
        guard name.utf8.contains(UInt8(ascii: "_")) else { return name }
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.contains(where: inner.contains) else { return name }
        return parts.filter { !inner.contains($0) }.joined(separator: ".")
    }

    var path: String { base.path }
    var files: [MappedFile] { base.files }
    var ignored: [String] { base.ignored }
    func release(_ name: String) { base.release(stored[name] ?? name) }

    subscript(name: String) -> WeightEntry? {
        stored[name].flatMap { base[$0] }.map { WeightEntry(name: name, type: $0.type) }
    }

    func tensor(_ name: String) throws(CheckpointError) -> TensorData { try base.tensor(stored[name] ?? name) }
}
