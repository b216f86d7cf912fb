import YAML

/// Files that are given where weights are meant, told by their first bytes.
enum ForeignWeights {
    /// What the file is, in the words that follow its name, and what to do about it; nil where it is nothing known, or
    /// weights that are read.
    static func found(_ bytes: UnsafeRawBufferPointer, path: String) -> (what: String, remedy: String)? {
        if bytes.isEmpty { return ("is empty", "the download failed, or was broken off; get the file again") }
        if Safetensors.claims(bytes) { return nil }
        if let found = ForeignText.found(bytes.prefix(2048)) { return found }
        if let (_, what, remedy) = magics.first(where: { bytes.starts(with: $0.bytes) }) { return (what, remedy) }
        if let (_, what, command) = packers.first(where: { bytes.starts(with: $0.bytes) }) {
            return ("is \(what)", "unpack it ('\(command)'), and name the file in it")
        }
        if bytes.count > 262, bytes[257..<262].elementsEqual("ustar".utf8) {
            return ("is a tar archive", "unpack it ('tar -xf'), and name the file in it")
        }
        if bytes.count > 8, bytes[4..<8].elementsEqual("TFL3".utf8) { return ("is a TensorFlow Lite model", published) }
        if bytes.prefix(4096).allSatisfy({ $0 == 0 }) {
            return ("begins with zeros only", "the download was broken off, or the disk damaged; get the file again")
        }
        if isPickle(bytes) {
            return (
                "is a pickle that torch.save did not write",
                "load it in Python, where it comes from a source that you trust, and save the tensors with "
                    + "safetensors.torch.save_file"
            )
        }
        if isONNX(bytes) { return ("is an ONNX model", published) }
        if isMessagePack(bytes) {
            return (
                "is a Flax checkpoint (MessagePack)",
                "get the model's safetensors, or convert it in Python: from_pretrained(..., from_flax=True), then "
                    + "save_pretrained"
            )
        }
        if TorchArchive.claims(bytes) { return nil }
        for ending in [".incomplete", ".part", ".crdownload", ".aria2"] where path.hasSuffix(ending) {
            return ("is a download that has not ended", "wait for it, or get the file again")
        }
        return isText(bytes) ? ("is text, and no weights", "name the file of weights") : nil
    }

    private static let published = "get the model's safetensors or PyTorch weights"

    private static let magics: [(bytes: [UInt8], what: String, remedy: String)] = [
        (Array("GGUF".utf8), "is a GGUF file, the format of llama.cpp", published),
        (Array("ggml".utf8.reversed()), "is a GGML file, a format that llama.cpp had", published),
        (Array("ggjt".utf8.reversed()), "is a GGML file, a format that llama.cpp had", published),
        (
            [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A], "is an HDF5 file, the format of Keras and TensorFlow",
            published
        ),
        ([0x93] + Array("NUMPY".utf8), "is an array of numpy", "save the tensors by name, with safetensors"),
        ([0x89, 0x50, 0x4E, 0x47], "is an image (PNG)", "name the file of weights"),
        ([0xFF, 0xD8, 0xFF], "is an image (JPEG)", "name the file of weights"),
        (Array("%PDF".utf8), "is a PDF document", "name the file of weights"),
        ([0x7F, 0x45, 0x4C, 0x46], "is a program or library (ELF)", "name the file of weights"),
        (Array("PK\u{5}\u{6}".utf8), "is an empty zip archive", "get the file again"),
    ]

    private static let packers: [(bytes: [UInt8], what: String, command: String)] = [
        ([0x1F, 0x8B], "compressed with gzip", "gunzip"), (Array("BZh".utf8), "compressed with bzip2", "bunzip2"),
        ([0xFD, 0x37, 0x7A, 0x58, 0x5A, 0], "compressed with xz", "unxz"),
        ([0x28, 0xB5, 0x2F, 0xFD], "compressed with zstd", "unzstd"),
        ([0x37, 0x7A, 0xBC, 0xAF, 0x27, 0x1C], "a 7z archive", "7z x"),
        (Array("Rar!".utf8), "a RAR archive", "unrar x"),
    ]

    /// A pickle by a protocol of today, but for the one that PyTorch wrote before 1.6.
    private static func isPickle(_ bytes: UnsafeRawBufferPointer) -> Bool {
        bytes.count > 2 && bytes[0] == 0x80 && 2...5 ~= bytes[1] && !TorchArchive.claims(bytes)
    }

    /// A protocol buffer that begins with a small `ir_version`, then the producer's name, the graph or operator sets:
    /// onnx/onnx onnx/onnx.proto (`ModelProto`).
    private static func isONNX(_ bytes: UnsafeRawBufferPointer) -> Bool {
        bytes.count > 4 && bytes[0] == 0x08 && 1...32 ~= bytes[1] && [0x12, 0x3A, 0x42].contains(bytes[2])
    }

    /// A map whose first key is text in letters: https://github.com/msgpack/msgpack/blob/master/spec.md
    private static func isMessagePack(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard bytes.count > 8 else { return false }
        let key = bytes[0] & 0xF0 == 0x80 ? 1 : bytes[0] == 0xDE ? 3 : bytes[0] == 0xDF ? 5 : 0
        guard key > 0 else { return false }
        let (start, count) =
            bytes[key] & 0xE0 == 0xA0 ? (key + 1, Int(bytes[key] & 0x1F)) : bytes[key] == 0xD9 ? (key + 2, 8) : (0, 0)
        return count > 0 && bytes[start...].prefix(count).allSatisfy { 0x20..<0x7F ~= $0 }
    }

    private static func isText(_ bytes: UnsafeRawBufferPointer) -> Bool {
        let start = bytes.prefix(4096)
        return start.allSatisfy { $0 >= 0x20 || (9...13).contains($0) || $0 == 0x1B }
            && String(validating: start.dropLast(start.count == 4096 ? 4 : 0), as: UTF8.self) != nil
    }
}
