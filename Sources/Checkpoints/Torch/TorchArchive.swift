public import ModelGraph

/// What torch.save or TorchScript wrote: a zip archive with a pickle that describes tensors, and a record of bytes for each
/// storage; before PyTorch 1.6 these one after another, without an archive (`LegacyTorchFile`). Nothing in the pickle is
/// ever run; see `Unpickler`. The file need not be trusted.
///
/// Names are those of the module's `state_dict`: a dictionary under `state_dict` is unwrapped, and the attributes of
/// TorchScript's modules are joined by dots (`visual.conv1.weight`).
public struct TorchArchive: MappedWeightFile {
    public let path: String
    /// The tensors in the order of the pickle.
    public let entries: [WeightEntry]
    /// What else the file holds, by name: numbers, text, tensors of an element type that is not read or without elements.
    public let ignored: [String]
    package let unusable: [String: String]

    private let file: MappedFile
    /// Nil where the file is older than PyTorch 1.6.
    private let zip: ZipArchive?
    /// Where each tensor's values are, in the order of `entries`.
    private let views: [StorageView]
    private let places: [String: Int]

    /// Maps the file, reads its pickle and checks that every tensor lies in its storage.
    public init(path: String) throws(CheckpointError) { try self.init(MappedFile(path)) }

    init(_ file: MappedFile) throws(CheckpointError) {
        path = file.path
        self.file = file
        defer { withExtendedLifetime(file) {} }
        let bytes = file.bytes
        let path = file.path
        let names: TorchNames
        if LegacyTorchFile.claims(bytes) {
            let legacy = try LegacyTorchFile(bytes, path: path)
            zip = nil
            names = legacy.names
            views = try Self.views(names, legacy.places, file: file)
        } else {
            guard bytes.starts(with: Self.zipMagic) else {
                throw CheckpointError(path, "is no PyTorch archive: it does not begin like a zip file")
            }
            let zip: ZipArchive
            let (pickle, prefix): (UnsafeRawBufferPointer, String)
            do throws(ZipArchive.Fault) {
                zip = try ZipArchive(bytes)
                (pickle, prefix) = try Self.pickle(in: zip, bytes)
            } catch { throw CheckpointError(path, error.message) }
            var found = TorchNames(path: path, pickle: pickle.count, file: bytes.count)
            try found.read(pickle)
            names = found
            self.zip = zip
            var places: [String: StoragePlace] = [:]
            for storage in names.memory.storages {
                places[storage.key] = zip.records["\(prefix)data/\(storage.key)"].map { .record($0) }
            }
            views = try Self.views(names, places, file: file)
        }
        entries = names.tensors.map(\.entry)
        ignored = names.ignored
        unusable = names.unusable
        places = Dictionary(uniqueKeysWithValues: entries.enumerated().map { ($1.name, $0) })
    }

    /// The tensor of this name, if the file has it.
    public subscript(name: String) -> WeightEntry? { places[name].map { entries[$0] } }

    /// The values of the tensor of this name: the mapped bytes themselves where they lie in order and aligned to their
    /// element type, or a copy.
    public func tensor(_ name: String) throws(CheckpointError) -> TensorData {
        guard let place = places[name] else {
            throw CheckpointError(path, tensor: name, unusable[name] ?? "the file has no such tensor")
        }
        defer { withExtendedLifetime(file) {} }
        let type = entries[place].type
        let view = views[place]
        let range = try range(of: view, name)
        let bytes = UnsafeRawBufferPointer(rebasing: file.bytes[range].dropFirst(view.offset * type.dtype.size))
        guard type.shape.strides == view.strides else {
            return TensorData(type) { view.gather(type, from: bytes, into: $0) }
        }
        let values = UnsafeRawBufferPointer(rebasing: bytes.prefix(type.shape.count * type.dtype.size))
        if let base = values.baseAddress, UInt(bitPattern: base) % UInt(type.dtype.size) == 0 {
            return TensorData(type: type, storage: TensorStorage(values, owner: .pages(file)))
        }
        return TensorData(type) { $0.copyMemory(from: values) }
    }

    package var files: [MappedFile] { [file] }

    package func release(_ name: String) {
        guard let place = places[name], let range = try? range(of: views[place], name) else { return }
        file.releasePages(of: UnsafeRawBufferPointer(rebasing: file.bytes[range]))
    }

    /// The bytes of a view's storage.
    private func range(of view: StorageView, _ name: String) throws(CheckpointError) -> Range<Int> {
        switch view.place {
        case .range(let range): return range
        case .record(let record):
            do throws(ZipArchive.Fault) {
                return try zip?.range(of: record, in: file.bytes) ?? 0..<0
            } catch { throw CheckpointError(path, tensor: name, error.message) }
        }
    }

    // MARK: - Which files, which bytes

    private static let zipMagic = [UInt8]("PK\u{3}\u{4}".utf8)

    /// Whether the bytes begin as something that PyTorch saves: a zip archive, or the bare pickle of before 1.6.
    static func claims(_ bytes: UnsafeRawBufferPointer) -> Bool {
        bytes.starts(with: zipMagic) || LegacyTorchFile.claims(bytes)
    }

    /// The archive's pickle, and the folder that everything is in.
    private static func pickle(
        in zip: ZipArchive, _ bytes: UnsafeRawBufferPointer
    ) throws(ZipArchive.Fault) -> (UnsafeRawBufferPointer, prefix: String) {
        let pickles = zip.records.keys.filter { $0.hasSuffix("/data.pkl") && $0.utf8.count { $0 == 0x2F } == 1 }
        guard pickles.count == 1, let name = pickles.first, let record = zip.records[name] else {
            throw ZipArchive.Fault(description(of: zip))
        }
        let prefix = name.dropLast("data.pkl".count)
        if let order = zip.records["\(prefix)byteorder"],
            bytes[try zip.range(of: order, in: bytes)].elementsEqual("big".utf8)
        {
            throw ZipArchive.Fault("was saved on a big-endian machine; save it again on a little-endian one")
        }
        return (UnsafeRawBufferPointer(rebasing: bytes[try zip.range(of: record, in: bytes)]), String(prefix))
    }

    /// What a zip archive is that PyTorch did not write.
    private static func description(of zip: ZipArchive) -> String {
        let names = zip.records.keys.sorted()
        let remedy = "get the model's safetensors or PyTorch weights"
        if !names.isEmpty, names.allSatisfy({ $0.hasSuffix(".npy") }) {
            return "is an archive of numpy (npz); \(remedy)"
        }
        if names.contains(where: { $0.hasSuffix(".weights.h5") }) { return "is a Keras model; \(remedy)" }
        if names.contains("[Content_Types].xml") {
            return "is a document of an office program; name the file of weights"
        }
        let endings = [".safetensors", ".bin", ".pt", ".pth", ".ckpt"]
        if let inner = names.first(where: { name in endings.contains(where: name.hasSuffix) }) {
            return "is a zip archive with '\(Unpickler.printable(inner))' in it; unpack it, and name that"
        }
        return "is a zip archive without one data.pkl; PyTorch did not write it; if weights are in it, unpack it"
    }

    private static func views(
        _ names: TorchNames, _ places: [String: StoragePlace], file: MappedFile
    ) throws(CheckpointError) -> [StorageView] {
        var views: [StorageView] = []
        for tensor in names.tensors {
            let storage = names.memory.storages[tensor.view.storage]
            func fault(_ message: String) -> CheckpointError {
                CheckpointError(file.path, tensor: tensor.entry.name, message)
            }
            guard let place = places[storage.key] else {
                throw fault("its bytes are missing from the archive; get the file again")
            }
            let type = tensor.entry.type
            let (size, overflow) = storage.count.multipliedReportingOverflow(by: type.dtype.size)
            guard !overflow, size <= place.size else {
                throw fault(
                    "its storage has \(place.size) bytes, too few for \(storage.count) elements; get the file again")
            }
            guard let view = StorageView(tensor.view, type.shape, count: storage.count, place: place) else {
                throw fault(
                    "offset \(tensor.view.offset), shape \(tensor.view.shape) and strides \(tensor.view.strides) do not "
                        + "fit its storage of \(storage.count) elements")
            }
            guard type.shape.count <= file.bytes.count / type.dtype.size else {
                throw fault(
                    "repeats few elements to the shape \(type.shape), larger than the file; save a contiguous copy")
            }
            views.append(view)
        }
        return views
    }
}
