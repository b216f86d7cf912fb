public import ModelGraph
import Multimodal
import YAML

/// Weights in several files with an index that says which tensor is in which, as huggingface/transformers writes them:
/// `model.safetensors.index.json` or `pytorch_model.bin.index.json`.
///
/// The index and its files must agree in full: each tensor of the index is in the file it names, and the files hold no
/// others. Files are named without folders, and so lie beside the index.
public struct ShardedWeights: MappedWeightFile {
    /// The index.
    public let path: String
    public let entries: [WeightEntry]

    private let shards: [any MappedWeightFile]
    /// The shard of each tensor.
    private let places: [String: Int]

    /// What the name of an index ends with.
    static let suffix = ".index.json"
    /// Files; the largest published models have fewer than two hundred.
    static let maximumShards = 1024

    /// Reads the index and opens all files that it names.
    public init(index path: String) throws {
        self.path = path
        let node = try YAMLNode.loadJSON(path)
        var document = try node.mapping()
        var map = try document.required("weight_map").mapping()
        let folder = FileSystem.folder(of: path)
        var numbers: [String: Int] = [:]
        var shards: [any MappedWeightFile] = []
        var places: [String: Int] = [:]
        for (tensor, place) in map.rest() {
            let name = try place.string()
            if let number = numbers[name] {
                places[tensor] = number
                continue
            }
            guard !name.isEmpty, name != ".", name != "..", !name.utf8.contains(0x2F), !name.hasSuffix(Self.suffix)
            else {
                throw place.error("'\(name)' is not the name of a file", remedy: "name a file beside the index")
            }
            let file = FileSystem.resolve(name, in: folder)
            guard FileSystem.isFile(file) else {
                throw place.error("the file \(file) is missing", remedy: "is the download complete?")
            }
            guard shards.count < Self.maximumShards else {
                throw place.error("there are more than \(Self.maximumShards) files", remedy: "save larger files")
            }
            numbers[name] = shards.count
            places[tensor] = shards.count
            shards.append(try WeightFiles.openOne(path: file))
        }
        for (tensor, number) in places where shards[number][tensor] == nil && shards[number].unusable[tensor] == nil {
            throw CheckpointError(
                shards[number].path, tensor: tensor, "is missing, though \(path) says it is here; get the file again")
        }
        for (number, shard) in shards.enumerated() {
            if let extra = shard.entries.first(where: { places[$0.name] != number }) {
                throw CheckpointError(
                    shard.path, tensor: extra.name,
                    "is here, but \(path) does not say so; do the index and its files belong together?")
            }
        }
        self.shards = shards
        self.places = places
        entries = shards.flatMap(\.entries)
    }

    public subscript(name: String) -> WeightEntry? { places[name].flatMap { shards[$0][name] } }

    public func tensor(_ name: String) throws(CheckpointError) -> TensorData {
        guard let place = places[name] else {
            throw CheckpointError(path, tensor: name, "is not in the index")
        }
        return try shards[place].tensor(name)
    }

    package var files: [MappedFile] { shards.flatMap(\.files) }
    package var unusable: [String: String] {
        shards.reduce(into: [:]) { $0.merge($1.unusable) { first, _ in first } }
    }

    package func release(_ name: String) {
        if let place = places[name] { shards[place].release(name) }
    }
}
