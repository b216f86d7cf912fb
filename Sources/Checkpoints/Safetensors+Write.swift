import AtomicFiles
public import ModelGraph

extension Safetensors {
    /// Writes a safetensors file, whole or not at all.
    ///
    /// The same tensors give the same bytes: wider element types come first, so that every tensor is aligned to its
    /// elements, then names in order; the header is padded with spaces to a multiple of eight. Each tensor is asked for
    /// when it is written, and let go after it.
    /// - Parameters:
    ///   - types: Names and types of the tensors.
    ///   - metadata: Free text for the header.
    ///   - tensor: Gives the values of a tensor, of the type that was announced.
    public static func write(
        to path: String, types: [String: TensorType], metadata: [String: String] = [:],
        tensor: (String) throws -> TensorData
    ) throws {
        let names = types.sorted { ($1.value.dtype.size, $0.key) < ($0.value.dtype.size, $1.key) }
        var fields: [String] = []
        if !metadata.isEmpty {
            let pairs = metadata.sorted { $0.key < $1.key }.map { "\(quoted($0.key)):\(quoted($0.value))" }
            fields.append("\"__metadata__\":{\(pairs.joined(separator: ","))}")
        }
        var offset = 0
        for (name, type) in names {
            let end = offset + type.shape.count * type.dtype.size
            let shape = type.shape.dimensions.map(String.init).joined(separator: ",")
            fields.append(
                "\(quoted(name)):{\"dtype\":\"\(type.dtype.safetensorsCode)\",\"shape\":[\(shape)],"
                    + "\"data_offsets\":[\(offset),\(end)]}")
            offset = end
        }
        var header = Array("{\(fields.joined(separator: ","))}".utf8)
        header += [UInt8](repeating: UInt8(ascii: " "), count: (8 - header.count % 8) % 8)
        try AtomicFile.write(to: path) { file in
            try file.write(withUnsafeBytes(of: UInt64(header.count).littleEndian, Array.init))
            try file.write(header)
            for (name, type) in names {
                let data = try tensor(name)
                guard data.type == type else {
                    throw CheckpointError(path, tensor: name, "is \(data.type), announced as \(type)")
                }
                try data.withUnsafeBytes { try file.write($0) }
            }
        }
    }

    /// Writes these tensors; see `write(to:types:metadata:tensor:)`.
    public static func write(
        to path: String, _ tensors: [String: TensorData], metadata: [String: String] = [:]
    ) throws {
        try write(to: path, types: tensors.mapValues(\.type), metadata: metadata) { name in
            guard let data = tensors[name] else { throw CheckpointError(path, tensor: name, "is missing") }
            return data
        }
    }

    private static func quoted(_ text: String) -> String {
        var out = "\""
        for scalar in text.unicodeScalars {
            switch scalar.value {
            case 0x22: out += "\\\""
            case 0x5C: out += "\\\\"
            case 0..<0x20:
                let digits = String(scalar.value, radix: 16)
                out += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: out.unicodeScalars.append(scalar)
            }
        }
        return out + "\""
    }
}
