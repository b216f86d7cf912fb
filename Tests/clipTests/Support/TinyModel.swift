import CLIPKit
import ClipCommands
import TestModels
import TestSupport
import Testing

/// A model of random weights that is quick to run: 16 numbers, 16 pixels, 24 tokens.
struct TinyModel {
    static let yaml = """
        name: tiny
        image: {encoder: vit, config: {imageSize: 16, patchSize: 8, width: 16, layers: 2, heads: 2}}
        preprocess: {resize: 16}
        text:
          encoder: transformer
          tokenizer: bpe
          config: {contextLength: 24, vocabularySize: 517, width: 16, layers: 2, heads: 2}
        embedding: 16
        loss: {name: info-nce}

        """

    static let merges = "#version: 0.2\nt h\nth e</w>\na t</w>\n"

    let folder: TemporaryFolder
    /// `--model`
    var path: String { folder["tiny"] }
    let space: String

    init(seed: UInt64 = 1) throws {
        folder = try TemporaryFolder()
        try folder.write(Self.merges, to: folder["merges.txt"])
        space = try Self.write(to: folder["tiny"], seed: seed, tokenizerFolder: folder.path)
    }

    /// Writes such a model, its weights changed; gives its space.
    @discardableResult
    static func write(
        to path: String, seed: UInt64, tokenizerFolder: String, checksPublished: Bool = true,
        changing change: (inout [String: TensorData]) -> Void = { _ in }
    ) throws -> String {
        let plugins = try PluginRegistry(Clip.linkedPlugins)
        try writeModel(
            to: path, yaml: yaml, tokenizerFolder: tokenizerFolder, plugins: plugins, seed: seed, dtype: .bfloat16,
            change: change)
        return try ModelDirectory(path: path, plugins: plugins, options: .init(checksPublished: checksPublished)).space
    }

    /// A picture of one colour.
    func picture(_ name: String, _ red: UInt8, _ green: UInt8, _ blue: UInt8, side: Int = 20) throws -> String {
        let pixels = (0..<side * side).flatMap { [red, green, UInt8(truncatingIfNeeded: Int(blue) + $0 % 7)] }
        try Image(width: side, height: side, pixels: pixels).writePNG(toFile: folder[name])
        return folder[name]
    }

    func run(
        _ arguments: [String], lines: [String] = [], environment: [String: String] = [:]
    ) throws -> Program.Result {
        var environment = environment
        environment["CLIP_MODEL", default: path] = environment["CLIP_MODEL"] ?? path
        return try Program.run(arguments, lines: lines, environment: environment, in: folder)
    }

    func run(_ arguments: [String], input: [UInt8]) throws -> Program.Result {
        try Program.run(arguments, input: input, environment: ["CLIP_MODEL": path], in: folder)
    }

    func shell(_ script: String) throws -> Program.Result {
        try Program.shell(script, environment: ["CLIP_MODEL": path], in: folder)
    }
}

/// A line of output, for reading its fields.
struct Record {
    let record: JSONRecord

    init(_ line: String) throws { record = try JSONRecordParser().parse(Array(line.utf8)) }

    var id: String { get throws { try #require(record.raw("id")).text } }
    func string(_ key: String) throws -> String? { try record.string(key) }
    func number(_ key: String) throws -> Double? { try record.number(key) }
    var embedding: [Float] { get throws { try record.floats() } }
}

extension Program.Result {
    func records() throws -> [Record] { try lines.map { try Record($0) } }
}
