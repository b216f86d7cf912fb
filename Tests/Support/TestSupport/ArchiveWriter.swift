package import ModelGraph

/// Writes float32 tensors as torch.save does, in a zip archive that stores them: enough of the format for large files that
/// no fixture should hold.
package enum ArchiveWriter {
    package static func archive(_ tensors: [(name: String, data: TensorData)]) -> [UInt8] {
        var pickle = bytes("\u{80}\u{2}}")
        var records: [(name: String, data: [UInt8])] = []
        for (number, tensor) in tensors.enumerated() {
            pickle += text(tensor.name) + bytes("ctorch._utils\n_rebuild_tensor_v2\n((") + text("storage")
            pickle += bytes("ctorch\nFloatStorage\n") + text("\(number)") + text("cpu")
            pickle += integer(tensor.data.shape.count) + bytes("tQK\u{0}")
            for numbers in [tensor.data.shape.dimensions, tensor.data.shape.strides] {
                pickle += bytes("(") + numbers.flatMap(integer) + bytes("t")
            }
            pickle += bytes("\u{89}ccollections\nOrderedDict\n)RtRs")
            records.append(("archive/data/\(number)", tensor.data.withUnsafeBytes(Array.init)))
        }
        return zip([("archive/data.pkl", pickle + bytes("."))] + records)
    }

    package static func zip(_ records: [(name: String, data: [UInt8])]) -> [UInt8] {
        var content: [UInt8] = []
        var directory: [UInt8] = []
        for (name, data) in records {
            let place = content.count
            // PyTorch pads the header, so that data begins at a multiple of 64.
            let padding = (64 - (place + 30 + name.utf8.count + 4) % 64) % 64
            let extra = little(0x4246, 2) + little(padding, 2) + [UInt8](repeating: 0, count: padding)
            let sizes = little(data.count, 4) + little(data.count, 4) + little(name.utf8.count, 2)
            content += bytes("PK\u{3}\u{4}") + [UInt8](repeating: 0, count: 14) + sizes + little(extra.count, 2)
            content += Array(name.utf8) + extra + data
            directory += bytes("PK\u{1}\u{2}") + [UInt8](repeating: 0, count: 16) + sizes
            directory += [UInt8](repeating: 0, count: 12) + little(place, 4) + Array(name.utf8)
        }
        let end =
            little(records.count, 2) + little(records.count, 2) + little(directory.count, 4) + little(content.count, 4)
        return content + directory + bytes("PK\u{5}\u{6}") + [0, 0, 0, 0] + end + [0, 0]
    }

    private static func bytes(_ text: String) -> [UInt8] {
        text.unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) }
    }
    private static func text(_ text: String) -> [UInt8] { bytes("X") + little(text.utf8.count, 4) + Array(text.utf8) }
    private static func integer(_ value: Int) -> [UInt8] { bytes("J") + little(value, 4) }

    private static func little(_ value: Int, _ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }
}
