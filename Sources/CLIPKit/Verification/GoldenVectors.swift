import AtomicFiles
import Checkpoints
public import Imaging
import JSONLines
public import Multimodal
import YAML

/// What a model gave when it was converted, kept beside it in `golden/`: ids and vectors of texts, vectors of pictures that
/// are there too, and a digest of each file of the model. `golden/vectors.json` is described in README.md of the
/// repository, under "Your models, verified".
public struct GoldenVectors: Sendable {
    public struct Text: Sendable {
        public var text: String
        /// Start and end included, no padding.
        public var ids: [Int32]
        /// A unit vector.
        public var embedding: [Float]
    }

    public struct Picture: Sendable {
        /// In `golden/`.
        public var file: String
        /// A unit vector.
        public var embedding: [Float]
    }

    /// The model's space.
    public var space: String
    /// Which way up the pictures were.
    public var orientation: ImageOptions.Orientation
    /// The backend that computed the vectors.
    public var backend: String
    public var precision: CompileOptions.Precision
    public var texts: [Text]
    public var pictures: [Picture]
    /// Digests of the model's files, by path in its folder.
    public var files: [String: String]

    static let folder = "golden"
    static let file = "vectors.json"

    /// Computes the vectors of the model in `directory`, of the encoders that it has. The pictures are written first.
    init(
        of directory: ModelDirectory, backend: String, plugins: PluginRegistry, options: CompileOptions
    ) throws {
        let folder = FileSystem.resolve(Self.folder, in: directory.folder)
        try FileSystem.makeDirectory(folder)
        let model = try CLIPModel(directory, plugins: plugins, backend: backend, options: options)
        space = directory.space
        orientation = model.imageOptions.orientation
        self.backend = backend
        precision = options.precision
        texts = []
        pictures = []
        if directory.config.text != nil {
            let vectors = try model.embed(texts: GoldenInputs.texts)
            for (row, text) in GoldenInputs.texts.enumerated() {
                texts.append(Text(text: text, ids: try model.tokenize(text).ids, embedding: Array(vectors[row])))
            }
        }
        if directory.config.image != nil {
            let drawn = try GoldenInputs.pictures()
            for (name, image) in drawn { try image.writePNG(toFile: FileSystem.resolve(name, in: folder)) }
            let vectors = try model.embed(images: drawn.map { FileSystem.resolve($0.name, in: folder) })
            pictures = drawn.enumerated().map { Picture(file: $1.name, embedding: Array(vectors[$0])) }
        }
        files = try Self.digests(of: directory.folder)
    }

    // MARK: - The file

    /// The vectors kept with the model in `folder`.
    public init(folder: String) throws {
        let path = FileSystem.resolve("\(Self.folder)/\(Self.file)", in: folder)
        guard FileSystem.isFile(path) else {
            throw CheckpointError(
                folder,
                "has no \(Self.folder)/\(Self.file), so there is nothing to compare with; "
                    + "make a directory that has: clip models convert '\(folder)' NEW-DIRECTORY")
        }
        let document = try YAMLNode.loadJSON(path)
        var map = try document.mapping()
        _ = try map.required("format").int(in: 1...1)
        space = try map.required("space").string()
        // Before images were turned, they were taken as stored.
        orientation = try map.optional("orientation")?.value(of: ImageOptions.Orientation.self) ?? .stored
        backend = try map.required("backend").string()
        precision = try map.required("precision").value(of: CompileOptions.Precision.self)
        texts = try map.required("texts").array { node in
            var map = try node.mapping()
            let text = try map.required("text").string()
            let ids = try map.required("ids").array { Int32(try $0.int(in: 0...Int(Int32.max))) }
            return Text(text: text, ids: ids, embedding: try Self.floats(map.required("embedding")))
        }
        pictures = try map.required("pictures").array { node in
            var map = try node.mapping()
            let file = try map.required("file")
            guard try !file.string().contains("/") else {
                throw file.error("a picture is in this folder, not elsewhere")
            }
            return Picture(file: try file.string(), embedding: try Self.floats(map.required("embedding")))
        }
        var digests = try map.required("files").mapping()
        files = Dictionary(uniqueKeysWithValues: try digests.rest().map { ($0.key, try $0.value.string()) })
        try map.finish()
    }

    func write(to folder: String) throws {
        func lines(_ nodes: [YAMLNode]) -> String {
            "[\n" + nodes.map { $0.jsonText() }.joined(separator: ",\n") + "\n]"
        }
        let words = texts.map {
            YAMLNode.mapping([
                "text": .string($0.text), "ids": .sequence($0.ids.map { .int(Int($0)) }),
                "embedding": Self.base64($0.embedding),
            ])
        }
        let photos = pictures.map {
            YAMLNode.mapping(["file": .string($0.file), "embedding": Self.base64($0.embedding)])
        }
        let digests = YAMLNode.mapping(files.sorted { $0.key < $1.key }.map { ($0.key, .string($0.value)) })
        let text = """
            {"format":1,"space":"\(space)","backend":"\(backend)","precision":"\(precision.rawValue)",
            "orientation":"\(orientation.rawValue)",
            "files":\(digests.jsonText()),
            "texts":\(lines(words)),
            "pictures":\(lines(photos))}

            """
        try AtomicFile.write(text, to: FileSystem.resolve("\(Self.folder)/\(Self.file)", in: folder))
    }

    private static func floats(_ node: YAMLNode) throws -> [Float] {
        guard let bytes = Base64.decode(Array(try node.string().utf8)[...]), bytes.count.isMultiple(of: 4),
            !bytes.isEmpty
        else { throw node.error("the vector is no base64 of float32") }
        return bytes.withUnsafeBytes { bytes in
            (0..<bytes.count / 4).map { index in
                Float(bitPattern: UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: index * 4, as: UInt32.self)))
            }
        }
    }

    private static func base64(_ vector: [Float]) -> YAMLNode {
        .string(Base64.encode(vector.map { $0.bitPattern.littleEndian }.withUnsafeBytes(Array.init)))
    }

    // MARK: - Digests

    /// Of every file in `folder` and in `golden/`, but the vectors themselves. Not cryptographic: they notice accidents.
    static func digests(of folder: String) throws -> [String: String] {
        var digests: [String: String] = [:]
        let names =
            FileSystem.names(in: folder)
            + FileSystem.names(in: FileSystem.resolve(Self.folder, in: folder)).map { "\(Self.folder)/\($0)" }
        for name in names where name != "\(Self.folder)/\(file)" {
            let path = FileSystem.resolve(name, in: folder)
            guard FileSystem.isFile(path) else { continue }
            digests[name] = try digest(path)
        }
        return digests
    }

    /// Sixteen hexadecimal digits that stand for a file's bytes.
    static func digest(_ path: String) throws(CheckpointError) -> String {
        var digest = Digest64()
        let file = try MappedFile(path)
        file.withBytes { digest.combine($0) }
        let digits = String(digest.value, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
