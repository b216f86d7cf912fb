public import ModelGraph

/// A safetensors file that holds some matrices as 8-bit integers: `name` in int8 and, beside it, `name.scale` in
/// float32, a number for each index of the first axis. They are read as float32, the products of both.
///
/// Every row has a value of 127 or -127, so that a backend that quantises rows to -127...127 finds the same integers.
public struct QuantizedWeights: MappedWeightFile {
    public let entries: [WeightEntry]
    private let file: Safetensors
    private let places: [String: WeightEntry]

    /// What the header's metadata says of such a file.
    static let marker = (key: "quantization", value: "int8-rows")
    static let scaleSuffix = ".scale"

    public var path: String { file.path }
    package var files: [MappedFile] { file.files }
    package var unusable: [String: String] { file.unusable }

    package func release(_ name: String) {
        file.release(name)
        if file[name]?.type.dtype == .int8 { file.release(name + Self.scaleSuffix) }
    }

    /// Whether `file` says that it is one.
    static func claims(_ file: Safetensors) -> Bool { file.metadata[marker.key] != nil }

    init(_ file: Safetensors) throws(CheckpointError) {
        let kind = file.metadata[Self.marker.key] ?? ""
        guard kind == Self.marker.value else {
            throw CheckpointError(
                file.path, "has quantised weights of the kind '\(kind)'; only '\(Self.marker.value)' can be read")
        }
        var entries: [WeightEntry] = []
        var scales: Set<String> = []
        for entry in file.entries where entry.type.dtype == .int8 {
            let scale = entry.name + Self.scaleSuffix
            let needed = TensorType(.float32, [entry.type.shape.dimensions.first ?? 1])
            guard file[scale]?.type == needed else {
                throw CheckpointError(
                    file.path, tensor: entry.name, "is int8 and needs '\(scale)', \(needed), beside it")
            }
            scales.insert(scale)
        }
        for entry in file.entries where !scales.contains(entry.name) {
            let isQuantized = entry.type.dtype == .int8
            entries.append(isQuantized ? WeightEntry(name: entry.name, type: entry.type.float32) : entry)
        }
        self.file = file
        self.entries = entries
        places = Dictionary(uniqueKeysWithValues: entries.map { ($0.name, $0) })
    }

    public subscript(name: String) -> WeightEntry? { places[name] }

    public func tensor(_ name: String) throws(CheckpointError) -> TensorData {
        let values = try file.tensor(name)
        guard values.dtype == .int8 else { return values }
        let scales = try file.tensor(name + Self.scaleSuffix)
        let width = values.shape.count / max(1, scales.shape.count)
        return TensorData.whenRead(values.type.float32) { target in
            values.withUnsafeBytes { values in
                scales.withUnsafeBytes { scales in
                    let (from, to) = (values.bindMemory(to: Int8.self), target.bindMemory(to: Float.self))
                    for (row, scale) in scales.bindMemory(to: Float.self).enumerated() {
                        for index in row * width..<(row + 1) * width { to[index] = Float(from[index]) * scale }
                    }
                }
            }
            values.releasePages()
        }
    }
}

extension TensorType {
    fileprivate var float32: TensorType { TensorType(.float32, shape) }
}

extension TensorData {
    /// 8-bit rows over the first axis, each with its scale, the largest value of a row at 127 or -127. Nil where a value is
    /// not finite.
    func quantizedRows() -> (values: TensorData, scales: TensorData)? {
        let floats = widened(to: .float32)
        let rows = shape.dimensions.first ?? 1
        let width = shape.count / rows
        var scales = [Float](repeating: 0, count: rows)
        var isFinite = true
        let values = TensorData(TensorType(.int8, shape)) { target in
            floats.withUnsafeBytes { source in
                let (from, to) = (source.bindMemory(to: Float.self), target.bindMemory(to: Int8.self))
                for row in 0..<rows where isFinite {
                    let range = row * width..<(row + 1) * width
                    var most: Float = 0
                    for index in range {
                        isFinite = isFinite && from[index].isFinite
                        most = max(most, abs(from[index]))
                    }
                    guard isFinite else { return }
                    // Below this, a row is zeros: the inverse must be finite.
                    let inverse = most > 1e-30 ? 127 / most : 0
                    scales[row] = inverse > 0 ? most / 127 : 0
                    for index in range { to[index] = Int8((from[index] * inverse).rounded(.toNearestOrEven)) }
                }
            }
        }
        guard isFinite, let scales = TensorData(scales, shape: [rows]) else { return nil }
        return (values, scales)
    }
}
