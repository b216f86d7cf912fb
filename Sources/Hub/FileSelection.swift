import Checkpoints

/// Which files of a repository a model needs: descriptions, tokenizer and one set of weights; nothing of other frameworks.
struct FileSelection {
    /// The file of the weights, or the index of its parts.
    let weights: HubListing.File
    /// Whether `weights` is an index, which names the files to fetch.
    var isSharded: Bool { weights.name.hasSuffix(Self.indexSuffix) }
    /// Tokenizer and settings; last those files that make a folder a model's.
    let descriptions: [HubListing.File]

    private static let indexSuffix = ".index.json"
    private static let layouts = ["model.yaml", "open_clip_config.json", "config.json"]

    /// Weights, the best first, each with the description that they belong to. safetensors come before pickles.
    private static let known = [
        ("model.yaml", "model.safetensors"), ("open_clip_config.json", "open_clip_model.safetensors"),
        ("config.json", "model.safetensors"), ("open_clip_config.json", "open_clip_pytorch_model.bin"),
        ("config.json", "pytorch_model.bin"),
    ]

    /// - Parameter preferred: Names of weights that are taken before all others.
    init(_ listing: HubListing, _ reference: HubReference, preferred: [String]) throws(HubError) {
        // Folders hold other frameworks' files, or parts of pipelines.
        let files = listing.files.filter { !$0.name.contains("/") }
        func file(_ name: String) -> HubListing.File? { files.first { $0.name == name } }
        func weights(_ name: String) -> HubListing.File? { file(name) ?? file(name + Self.indexSuffix) }
        func only(_ suffixes: String...) -> HubListing.File? {
            let found = files.filter { file in suffixes.contains { file.name.hasSuffix($0) } }
            return found.count == 1 ? found.first : nil
        }
        let choice =
            preferred.lazy.compactMap(weights).first
            ?? Self.known.lazy.compactMap { file($0) == nil ? nil : weights($1) }.first
            ?? only(".safetensors") ?? only(".bin", ".pt", ".pth")
        guard let choice else {
            throw HubError(
                .noModel, "\(reference)",
                "none of its files is known to hold a model's weights (model.safetensors, open_clip_model.safetensors, "
                    + "pytorch_model.bin, open_clip_pytorch_model.bin); it has "
                    + (files.isEmpty ? "none" : files.prefix(20).map(\.name).joined(separator: ", ")))
        }
        self.weights = choice
        let wanted = files.filter { file in
            [".json", ".txt", ".yaml", ".model", ".txt.gz"].contains { file.name.hasSuffix($0) }
                && !file.name.hasSuffix(Self.indexSuffix)
        }
        descriptions =
            wanted.filter { !Self.layouts.contains($0.name) } + wanted.filter { Self.layouts.contains($0.name) }
    }
}
