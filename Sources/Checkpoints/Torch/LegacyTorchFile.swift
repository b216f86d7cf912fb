/// What torch.save wrote before PyTorch 1.6: one pickle after another (a magic number, the format's version, the machine,
/// the object, the keys of its storages), then the storages' bytes, each after its number of elements.
///
/// Format: pytorch/pytorch torch/serialization.py (`_legacy_save`). The file need not be trusted.
struct LegacyTorchFile {
    /// The tensors that the object holds.
    let names: TorchNames
    /// Where the storages lie in the file, by key.
    let places: [String: StoragePlace]

    /// The pickle of the magic number, without its end.
    private static let magic: [UInt8] = [0x80, 2, 0x8A, 10, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20]

    static func claims(_ bytes: UnsafeRawBufferPointer) -> Bool { bytes.starts(with: magic) }

    init(_ bytes: UnsafeRawBufferPointer, path: String) throws(CheckpointError) {
        var offset = 0
        func rest() -> UnsafeRawBufferPointer {
            UnsafeRawBufferPointer(rebasing: bytes[offset...].prefix(Unpickler.maximumSize))
        }
        func next() throws(CheckpointError) -> (PickleValue, PickleMemory) {
            do throws(Unpickler.Fault) {
                let read = try Unpickler.read(rest(), file: bytes.count)
                offset += read.end
                return (read.root, read.memory)
            } catch {
                throw CheckpointError(path, "broken pickle at byte \(offset + error.offset): \(error.message)")
            }
        }
        _ = try next()
        guard case (.integer(1001), _) = try next() else {
            throw CheckpointError(path, "was saved by PyTorch before 1.6, in a version of the format that is not read")
        }
        guard case (.dictionary(let place), let memory) = try next(), Self.isLittleEndian(memory.containers[place])
        else {
            throw CheckpointError(path, "was saved on a big-endian machine; save it again on a little-endian one")
        }
        var names = TorchNames(path: path, pickle: rest().count, file: bytes.count)
        offset += try names.read(rest(), at: offset)
        guard case (.list(let list), let memory) = try next() else {
            throw CheckpointError(path, "does not list its storages; get the file again")
        }
        var places: [String: StoragePlace] = [:]
        let elements = Dictionary(names.memory.storages.map { ($0.key, $0.element) }) { first, _ in first }
        for value in memory.containers[list] {
            guard case .text(let key) = value, let element = elements[key], places[key] == nil,
                bytes.count - offset >= 8,
                let count = Int(exactly: bytes.number(at: offset, UInt64.self)),
                count <= (bytes.count - offset - 8) / element.size
            else { throw CheckpointError(path, "its storages do not lie in the file; get the file again") }
            places[key] = .range(offset + 8..<offset + 8 + count * element.size)
            offset += 8 + count * element.size
        }
        self.names = names
        self.places = places
    }

    private static func isLittleEndian(_ items: [PickleValue]) -> Bool {
        for index in stride(from: 0, to: items.count - 1, by: 2) {
            if case (.text("little_endian"), .bool(let isLittle)) = (items[index], items[index + 1]) { return isLittle }
        }
        return false
    }
}
