public import ModelGraph

/// What torch.save (PyTorch 1.6 and newer) or TorchScript wrote: a zip archive with a pickle that describes tensors, and
/// a record of bytes for each storage. Nothing in the pickle is ever run; see `Unpickler`. The file need not be trusted.
///
/// Names are those of the module's `state_dict`: a dictionary under `state_dict` is unwrapped, `module.` is taken off
/// where every tensor has it, and the attributes of TorchScript's modules are joined by dots (`visual.conv1.weight`).
public struct TorchArchive: MappedWeightFile {
    public let path: String
    /// The tensors in the order of the pickle.
    public let entries: [WeightEntry]
    /// What else the file holds, by name: numbers, text, tensors of an element type that is not read or without elements.
    public let ignored: [String]

    private let file: MappedFile
    private let zip: ZipArchive
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
        guard bytes.starts(with: Self.zipMagic) else {
            throw CheckpointError(
                path,
                Self.claims(bytes)
                    ? "was saved by PyTorch before 1.6, in a format that is not read; load it with a newer PyTorch and "
                        + "save it again with torch.save"
                    : "is no PyTorch archive: it does not begin like a zip file")
        }
        do {
            zip = try ZipArchive(bytes)
            let pickles = zip.records.keys.filter { $0.hasSuffix("/data.pkl") && $0.utf8.count { $0 == 0x2F } == 1 }
            guard pickles.count == 1, let name = pickles.first, let record = zip.records[name] else {
                throw ZipArchive.Fault("is a zip archive without one data.pkl; PyTorch did not write it")
            }
            let prefix = name.dropLast("data.pkl".count)
            if let order = zip.records["\(prefix)byteorder"],
                bytes[try zip.range(of: order, in: bytes)].elementsEqual("big".utf8)
            {
                throw ZipArchive.Fault("was saved on a big-endian machine; save it again on a little-endian one")
            }
            let pickle = UnsafeRawBufferPointer(rebasing: bytes[try zip.range(of: record, in: bytes)])
            var names = TorchNames(path: path, pickle: pickle.count, file: bytes.count)
            try names.read(pickle)
            entries = names.tensors.map(\.entry)
            ignored = names.ignored
            views = try Self.views(names, zip: zip, prefix: String(prefix), file: file)
        } catch let fault as ZipArchive.Fault {
            throw CheckpointError(path, fault.message)
        } catch let fault as CheckpointError {
            throw fault
        } catch {
            throw CheckpointError(path, "\(error)")
        }
        places = Dictionary(uniqueKeysWithValues: entries.enumerated().map { ($1.name, $0) })
    }

    /// The tensor of this name, if the file has it.
    public subscript(name: String) -> WeightEntry? { places[name].map { entries[$0] } }

    /// The values of the tensor of this name: the mapped bytes themselves where they lie in order and aligned to their
    /// element type, or a copy.
    public func tensor(_ name: String) throws(CheckpointError) -> TensorData {
        guard let place = places[name] else { throw CheckpointError(path, tensor: name, "the file has no such tensor") }
        defer { withExtendedLifetime(file) {} }
        let type = entries[place].type
        let view = views[place]
        let range: Range<Int>
        do { range = try zip.range(of: view.record, in: file.bytes) } catch {
            throw CheckpointError(path, tensor: name, error.message)
        }
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
        guard let place = places[name], let range = try? zip.range(of: views[place].record, in: file.bytes) else {
            return
        }
        file.releasePages(of: UnsafeRawBufferPointer(rebasing: file.bytes[range]))
    }

    // MARK: - Which files, which bytes

    private static let zipMagic = [UInt8]("PK\u{3}\u{4}".utf8)

    /// Whether the bytes begin as something that PyTorch saves: a zip archive, or the bare pickle of before 1.6.
    static func claims(_ bytes: UnsafeRawBufferPointer) -> Bool {
        bytes.starts(with: zipMagic) || bytes.starts(with: [0x80, 2, 0x8A, 10, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20])
    }

    private static func views(
        _ names: TorchNames, zip: ZipArchive, prefix: String, file: MappedFile
    ) throws(CheckpointError) -> [StorageView] {
        var views: [StorageView] = []
        for tensor in names.tensors {
            let storage = names.memory.storages[tensor.view.storage]
            func fault(_ message: String) -> CheckpointError {
                CheckpointError(file.path, tensor: tensor.entry.name, message)
            }
            guard let record = zip.records["\(prefix)data/\(storage.key)"] else {
                throw fault("its bytes are missing from the archive; get the file again")
            }
            let type = tensor.entry.type
            let (size, overflow) = storage.count.multipliedReportingOverflow(by: type.dtype.size)
            guard !overflow, size <= record.size else {
                throw fault(
                    "its storage has \(record.size) bytes, too few for \(storage.count) elements; get the file again")
            }
            guard let view = StorageView(tensor.view, type.shape, count: storage.count, record: record) else {
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
