import Checkpoints
import JSONLines

/// The index of weights in several files (`model.safetensors.index.json`):
/// `{"metadata": {…}, "weight_map": {"tensor": "model-00001-of-00002.safetensors", …}}`.
enum WeightIndex {
    /// The names of the files, each once, in order.
    static func files(_ path: String) throws -> [String] {
        let file = try MappedFile(path)
        do {
            let parser = JSONRecordParser()
            let index = try parser.parse(file.withBytes { Array($0) })
            guard let map = index.raw("weight_map"), map.kind == .object else {
                throw HubError(.corrupt, path, "it has no 'weight_map'; fetch another revision")
            }
            let names = try parser.parse(map.bytes)
            return Set(try names.keys.compactMap { try names.string($0) }).sorted()
        } catch let error as RecordError {
            throw HubError(.corrupt, path, "it is no index of weights (\(error.message)); fetch another revision")
        }
    }
}
