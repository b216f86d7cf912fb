import AtomicFiles
import BPETokenizer
import CAllocationCount
import Multimodal
import TestModels
import TestSupport
import Testing
import YAML

@testable import Checkpoints

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Ten thousand damaged files: each is read, or refused with a message that names it, without a crash, without waiting, and
/// in memory that the file's size bounds.
///
/// One case at a time, so that one alarm guards all of them: a case that hangs ends the program, and its file stays.
@Suite(.serialized) struct CorruptedFilesTests {
    private static let fixtures = fixture("")
    /// Memory that readers take whatever the file: buffers to read into, tables, messages.
    private static let constant = 1 << 20
    /// For other damage than the suite's: CLIP_DAMAGE_SEED=1000 Tests/run.sh --filter CorruptedFiles
    private static let moreSeeds = getenv("CLIP_DAMAGE_SEED").flatMap { UInt64(String(cString: $0)) } ?? 0
    /// Far more than any of them needs.
    private static let patience: UInt32 = 120

    /// Reads `count` damaged copies of the seeds with `read`, which is given the path.
    /// - Parameters:
    ///   - files: What is damaged, and where most of its structure is.
    ///   - refusals: The least number of copies that are refused.
    private func damage(
        _ files: [(bytes: [UInt8], dense: Range<Int>?)], as name: String, isText: Bool, count: Int, refusals: Int,
        constant: Int = constant, folder: String? = nil, seed: UInt64, read: (String) throws -> Void
    ) throws {
        let path = try (folder ?? temporaryFolder()) + "/" + name
        var mutator = Mutator(seed: seed &+ Self.moreSeeds)
        var refused = 0
        for number in 0..<count {
            let file = files[number % files.count]
            let bytes = mutator.damaged(file.bytes, dense: file.dense, isText: isText)
            try overwrite(path, bytes)
            alarm(Self.patience)
            allocation_count_begin()
            let text = failure { try read(path) }
            let peak = Int(clamping: allocation_count_peak())
            if !text.isEmpty { refused += 1 }
            let isNamed = text.isEmpty || text.contains(FileSystem.folder(of: path))
            if !isNamed || peak > 4 * bytes.count + constant {
                let kept = try lastingFolder() + "/" + name
                try overwrite(kept, bytes)
                Issue.record("\(kept) (\(bytes.count) bytes): peak \(peak), \(text.isEmpty ? "read" : text)")
            }
        }
        alarm(0)
        #expect(refused >= refusals, "\(refused) of \(count) were refused")
    }

    private func readAll(_ weights: any WeightFile) throws {
        for entry in weights.entries { #expect(try weights.tensor(entry.name).type == entry.type) }
    }

    @Test("safetensors")
    func safetensors() throws {
        let names = ["dtypes", "views", "training", "parameters"]
        let files = try names.map { name in
            let bytes = try contents(of: Self.fixtures + "Torch/\(name).safetensors")
            let header = bytes.prefix(8).enumerated().reduce(0) { $0 | Int($1.element) << (8 * $1.offset) }
            return (bytes: bytes, dense: Optional(0..<header + 8))
        }
        for isText in [false, true] {
            try damage(
                files, as: "model.safetensors", isText: isText, count: 1300, refusals: 600, seed: isText ? 1 : 2
            ) { try readAll(WeightFiles.open(path: $0)) }
        }
    }

    @Test("PyTorch archives")
    func archives() throws {
        for (name, count) in [
            ("dtypes", 400), ("protocol4", 400), ("views", 400), ("zip64", 600), ("traced", 200),
            ("before-1.6-dtypes", 400),
        ] {
            let bytes = try contents(of: Self.fixtures + "Torch/\(name).pt")
            for dense in [0..<1200, bytes.count - 900..<bytes.count] {
                try damage(
                    [(bytes, dense)], as: "model.pt", isText: false, count: count / 2, refusals: count / 8,
                    seed: UInt64(dense.lowerBound)
                ) { try readAll(WeightFiles.open(path: $0)) }
            }
        }
    }

    @Test("pickles in archives")
    func pickles() throws {
        for (name, count) in [("dtypes", 500), ("protocol4", 500), ("training", 500), ("scripted", 400)] {
            let pickle = try MappedFile(Self.fixtures + "Torch/\(name).pt").withBytes { bytes in
                let zip = try ZipArchive(bytes)
                let record = try #require(zip.records.values.first { $0.name.hasSuffix("/data.pkl") })
                return Array(bytes[try zip.range(of: record, in: bytes)])
            }
            try damage([(pickle, nil)], as: "data.pkl", isText: false, count: count, refusals: count / 3, seed: 7) {
                path in
                let file = try MappedFile(path)
                var names = TorchNames(path: path, pickle: file.bytes.count, file: file.bytes.count)
                _ = try file.withBytes { try names.read($0) }
            }
        }
    }

    @Test("indices of weights in several files")
    func indices() throws {
        let folder = try temporaryFolder()
        let shards = try ["views", "training"].map { name in
            try FileSystem.copy(Self.fixtures + "Torch/\(name).safetensors", to: "\(folder)/\(name).safetensors")
            return try Safetensors(path: "\(folder)/\(name).safetensors").entries.map {
                "    \"\($0.name)\": \"\(name).safetensors\""
            }
        }
        let text =
            "{\n  \"metadata\": {\n    \"total_size\": 1024\n  },\n  \"weight_map\": {\n"
            + shards.joined().joined(separator: ",\n") + "\n  }\n}\n"
        try damage(
            [(Array(text.utf8), nil)], as: "model.safetensors.index.json", isText: true, count: 900, refusals: 300,
            folder: folder, seed: 3
        ) { try readAll(WeightFiles.open(path: $0)) }
    }

    @Test("descriptions of models, in YAML and JSON")
    func descriptions() throws {
        let yaml = Array((TinyModel.yaml + "\nweights: model.safetensors\n").utf8)
        try damage([(yaml, nil)], as: "model.yaml", isText: true, count: 700, refusals: 300, seed: 4) {
            _ = try ModelDirectory.source(path: $0)
        }
        for (model, file) in [
            ("open-clip-vit", "open_clip_config.json"), ("transformers", "config.json"),
            ("transformers", "preprocessor_config.json"),
        ] {
            let folder = try temporaryFolder()
            for name in FileSystem.names(in: Self.fixtures + "Published/" + model) {
                try FileSystem.copy(Self.fixtures + "Published/\(model)/\(name)", to: folder + "/" + name)
            }
            try damage(
                [(contents(of: Self.fixtures + "Published/\(model)/\(file)"), nil)], as: file, isText: true, count: 400,
                refusals: 100,
                folder: folder, seed: 5
            ) { _ in _ = try ModelDirectory.source(path: folder) }
        }
    }

    @Test("models, opened in full")
    func models() throws {
        let plugins = try TinyModel.plugins()
        let folder = try temporaryFolder()
        try TinyModel.write(to: folder)
        let weights = try MappedFile(folder + "/model.safetensors").withBytes(Array.init)
        func open(_ path: String) throws {
            let model = try ModelDirectory.open(path: folder, plugins: plugins)
            _ = try model.parameters(for: model.model.textGraph(batch: 1, length: model.model.text.contextLength))
        }
        // The graphs of a model take memory that its description's few bytes do not bound, but its settings do
        try damage(
            [(weights, 0..<1200)], as: "model.safetensors", isText: false, count: 150, refusals: 30,
            constant: 16 << 20, folder: folder, seed: 6, read: open)
        try overwrite(folder + "/model.safetensors", weights)
        let yaml = try MappedFile(folder + "/model.yaml").withBytes(Array.init)
        try damage(
            [(yaml, nil)], as: "model.yaml", isText: true, count: 350, refusals: 150, constant: 256 << 20,
            folder: folder, seed: 8, read: open)
    }

    @Test("merges of tokenizers")
    func merges() throws {
        for (name, file) in [
            ("merges.txt", "Published/transformers/merges.txt"),
            ("merges.txt.gz", "Published/open-clip-vit/bpe_simple_vocab_16e6.txt.gz"),
        ] {
            try damage(
                [(contents(of: Self.fixtures + file), nil)], as: name, isText: !name.hasSuffix("gz"), count: 400,
                refusals: 50,
                constant: 16 << 20, seed: 9
            ) { _ = try MergeTable(contentsOf: $0) }
        }
    }

    @Test(
        "what is allocated is counted",
        .enabled(if: allocation_count_works() == 1, "allocations are counted on glibc, where no sanitizer counts them"))
    func counts() {
        allocation_count_begin()
        let bytes = [UInt8](repeating: 1, count: 3 << 20)
        #expect(allocation_count_peak() >= 3 << 20 && bytes.last == 1)
        allocation_count_begin()
        #expect(allocation_count_peak() == 0)
    }

    @Test("descriptions that nest without end or repeat themselves are refused")
    func nested() throws {
        let laughs = (1..<30).map {
            "a\($0): &a\($0) [\(Array(repeating: "*a\($0 - 1)", count: 9).joined(separator: ", "))]"
        }
        let depth = 100_000
        let cases = [
            "a0: &a0 [x, x]\n" + laughs.joined(separator: "\n"), String(repeating: "[", count: depth),
            String(repeating: "{\"a\":", count: depth), String(repeating: "- ", count: depth),
            String(repeating: "? ", count: depth), "a: &a [*a]", "{a: 1, a: 2}",
            "name: " + String(repeating: "!!str ", count: 1000) + "x",
        ]
        for (number, text) in cases.enumerated() {
            for name in ["model.yaml", "open_clip_config.json", "weights.index.json", "model.safetensors"] {
                let path = try temporaryFolder() + "/" + name
                var bytes = Array(text.utf8)
                if name == "model.safetensors" {
                    bytes = (0..<8).map { UInt8(truncatingIfNeeded: bytes.count >> (8 * $0)) } + bytes
                }
                try overwrite(path, bytes)
                alarm(Self.patience)
                let isWeights = name.contains(".index.") || name.hasSuffix(".safetensors")
                let message = failure {
                    if isWeights {
                        _ = try WeightFiles.open(path: path)
                    } else {
                        _ = try ModelDirectory.source(path: path)
                    }
                }
                alarm(0)
                #expect(message.contains(path), "\(number) \(name): \(message.prefix(300))")
            }
        }
    }

    @Test(
        "files that are full of the smallest values take no more memory",
        arguments: [
            ("model.safetensors", "\"aN\":{},"), ("model.safetensors", "\"aN\":1,"),
            ("model.safetensors", "\"a\":[1,1,1,1,1,1,1,1,1,1],"), ("model.safetensors", "1,"),
            (
                "model.safetensors",
                "\"aN\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[N,N]},"
            ),
            ("data.pkl", "N"), ("data.pkl", ")"), ("data.pkl", "]"), ("data.pkl", "}"), ("data.pkl", "N\u{85}"),
            ("data.pkl", "N\u{94}"), ("data.pkl", "("), ("data.pkl", "X\u{1}\u{0}\u{0}\u{0}a"), ("data.pkl", "Nq\u{1}"),
            ("model.yaml", "[],"), ("model.yaml", "{},"), ("model.yaml", "1,"), ("model.yaml", "? a,"),
            ("model.yaml", "aN: 1,"), ("model.yaml", "\"\","), ("model.yaml", "word "), ("model.yaml", "*a,"),
        ])
    func dense(name: String, piece: String) throws {
        let piece = piece.unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) }
        var bytes: [UInt8] = []
        for number in 0..<(3 << 20) / max(piece.count, 3) {
            for byte in piece {
                if byte == UInt8(ascii: "N"), name != "data.pkl" {
                    bytes += Array("\(number)".utf8)
                } else {
                    bytes.append(byte)
                }
            }
        }
        switch name {
        case "model.safetensors":
            bytes = [UInt8(ascii: "{")] + bytes.dropLast() + [UInt8(ascii: "}")]
            bytes = (0..<8).map { UInt8(truncatingIfNeeded: bytes.count >> (8 * $0)) } + bytes
        case "model.yaml": bytes = Array("{b: &a [x, x, x, x, x, x], c: [".utf8) + bytes + Array("]}".utf8)
        default: break
        }
        let path = try temporaryFolder() + "/" + name
        try overwrite(path, bytes)
        alarm(Self.patience)
        allocation_count_begin()
        let text = failure {
            switch name {
            case "model.safetensors": _ = try WeightFiles.open(path: path)
            case "model.yaml": _ = try YAMLNode.load(path)
            default:
                let file = try MappedFile(path)
                var names = TorchNames(path: path, pickle: file.bytes.count, file: file.bytes.count)
                _ = try file.withBytes { try names.read($0) }
            }
        }
        alarm(0)
        let peak = Int(clamping: allocation_count_peak())
        #expect(
            peak < 4 * bytes.count + (16 << 20),
            "\(Double(peak) / Double(bytes.count)) of \(bytes.count): \(text.suffix(80))")
        #expect(text.hasPrefix(path) || text.isEmpty && name == "model.yaml" && piece.count == 5)
    }
}
