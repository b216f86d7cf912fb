import AtomicFiles
import ModelGraph
import Multimodal
import TestModels
import TestSupport
import Testing

@testable import Checkpoints

@Suite struct ShardedWeightsTests {
    /// Writes the tiny model's weights in two files, `model-1` and `model-2`, with the index that `change` makes of the
    /// right one.
    private func write(change: (String) -> String = { $0 }) throws -> (folder: String, index: String) {
        let folder = try temporaryFolder()
        let values = try TinyModel.write(to: folder).sorted { $0.key < $1.key }
        let half = values.count / 2
        var lines: [String] = []
        for (number, part) in [values[..<half], values[half...]].enumerated() {
            let name = "model-\(number + 1).safetensors"
            try Safetensors.write(to: folder + "/" + name, Dictionary(uniqueKeysWithValues: Array(part)))
            lines += part.map { "\"\($0.key)\": \"\(name)\"" }
        }
        let index = folder + "/model.safetensors.index.json"
        let text = "{\"metadata\": {\"total_size\": 1.5}, \"weight_map\": {\(lines.joined(separator: ",\n"))}}"
        try AtomicFile.write(change(text), to: index)
        return (folder, index)
    }

    private func replacing(_ old: String, _ new: String) -> (String) -> String {
        { $0.split(separator: old, maxSplits: 1, omittingEmptySubsequences: false).joined(separator: new) }
    }

    @Test("weights in several files give the same model as one file, and the same space")
    func same() throws {
        let (folder, index) = try write()
        let plugins = try TinyModel.plugins()
        let whole = try ModelDirectory.open(path: folder, plugins: plugins)
        try AtomicFile.write(
            TinyModel.yaml + "\nweights: model.safetensors.index.json\n", to: folder + "/model.yaml")
        let parts = try ModelDirectory.open(path: folder, plugins: plugins)
        #expect(parts.weights is ShardedWeights && parts.weights.path == index)
        #expect(Set(parts.weights.entries) == Set(whole.weights.entries))
        #expect(parts.space == whole.space)
        let graph = try whole.model.lossGraph(batch: 2, length: 6)
        #expect(try parts.parameters(for: graph) == whole.parameters(for: graph))
    }

    @Test("an index may name PyTorch archives")
    func archives() throws {
        let folder = try temporaryFolder()
        try FileSystem.copy(TorchArchiveTests.folder + "parameters.pt", to: folder + "/pytorch_model-00001.bin")
        let archive = try TorchArchive(path: TorchArchiveTests.folder + "parameters.pt")
        let lines = archive.entries.map { "\"\($0.name)\": \"pytorch_model-00001.bin\"" }.joined(separator: ", ")
        let index = folder + "/pytorch_model.bin.index.json"
        try AtomicFile.write("{\"weight_map\": {\(lines)}}", to: index)
        let weights = try WeightFiles.open(path: index)
        #expect(weights.entries == archive.entries)
        for entry in archive.entries { #expect(try weights.tensor(entry.name) == archive.tensor(entry.name)) }
        #expect(failure { _ = try weights.tensor("no") }.contains("tensor 'no'"))
    }

    @Test(
        "an index that its files contradict is refused, with the file to blame",
        arguments: [
            ("model-1.safetensors", "model-3.safetensors", "index.json:", "model-3.safetensors is missing"),
            ("model-1.safetensors", "../model-1.safetensors", "index.json:", "is not the name of a file"),
            ("model-1.safetensors", "../\u{301}x", "index.json:", "is not the name of a file"),
            ("model-1.safetensors", "/etc/passwd", "index.json:", "is not the name of a file"),
            ("model-1.safetensors", "..", "index.json:", "is not the name of a file"),
            ("model-1.safetensors", "model.safetensors.index.json", "index.json:", "is not the name of a file"),
            ("model-1.safetensors", "table.txt", "table.txt: ", "is text, and no weights"),
            ("model-1.safetensors", "model-2.safetensors", "model-2.safetensors: ", "is missing, though"),
            ("\"ln_final.bias\":", "\"ln_final.more\":", "model-1.safetensors: ", "tensor 'ln_final.more': is missing"),
            (
                "\"ln_final.bias\": \"model-1.safetensors\",", "", "model-1.safetensors: ",
                "'ln_final.bias': is here, but"
            ),
            ("weight_map", "weights", "index.json:", "'weight_map'"),
            ("\"model-1.safetensors\"", "[1]", "index.json:", ""),
        ])
    func refused(old: String, new: String, file: String, message: String) throws {
        let (_, index) = try write(change: replacing(old, new))
        let text = failure { _ = try WeightFiles.open(path: index) }
        #expect(text.contains(file) && text.contains(message), "\(text)")
    }
}
