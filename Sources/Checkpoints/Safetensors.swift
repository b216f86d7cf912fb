public import ModelGraph

/// A safetensors file, mapped into memory: its header is read and checked, its tensors are touched when asked for.
///
/// Format: https://github.com/huggingface/safetensors#format: eight bytes of header length, little-endian, a JSON header,
/// then the tensors' bytes, without gaps. The file need not be trusted.
public struct Safetensors: MappedWeightFile {
    public let path: String
    /// The tensors that can be used, in the order of their bytes.
    public let entries: [WeightEntry]
    package let unusable: [String: String]
    /// Free text that the writer added.
    public let metadata: [String: String]

    private let file: MappedFile
    private let places: [String: Place]
    /// Where the tensors' bytes begin.
    private let start: Int

    /// One tensor of the file.
    private struct Place {
        var name: String
        var type: SafetensorsType
        /// Its bytes, counted from the end of the header.
        var range: Range<Int>
    }

    /// Bytes that a header may have; the reference implementation allows as many.
    static let maximumHeader = 100_000_000

    /// Maps the file and checks its header in full: every tensor lies in the file, without gaps and overlaps, and has as
    /// many bytes as its shape says.
    public init(path: String) throws(CheckpointError) { try self.init(MappedFile(path)) }

    init(_ file: MappedFile) throws(CheckpointError) {
        self.file = file
        path = file.path
        let path = file.path
        let bytes = file.bytes
        guard bytes.count >= 8 else {
            throw CheckpointError(
                path, "has \(bytes.count) bytes and is no safetensors file; is the download complete?")
        }
        let length = UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self))
        guard Self.claims(bytes) else {
            throw CheckpointError(path, "is no safetensors file: it does not begin with a header")
        }
        guard Int(length) <= bytes.count - 8 else {
            throw CheckpointError(
                path, "ends inside its header (\(bytes.count) bytes, header of \(length)); get the file again")
        }
        let start = 8 + Int(length)
        let header: HeaderJSON
        do {
            header = try HeaderJSON.parse(
                UnsafeRawBufferPointer(rebasing: bytes[8..<start]), limit: 1 << 16 + bytes.count / 64)
        } catch {
            throw CheckpointError(path, "broken header at byte \(error.offset + 8): \(error.message)")
        }
        guard case .object(let fields) = header else { throw CheckpointError(path, "its header is no JSON object") }
        var found: [Place] = []
        var metadata: [String: String] = [:]
        for (name, value) in fields {
            if name == "__metadata__" {
                metadata = try Self.metadata(value, path)
            } else {
                found.append(try Self.place(name, value, path))
            }
        }
        // Tensors without elements come before what begins where they are.
        found.sort {
            ($0.range.lowerBound, $0.range.upperBound, $0.name) < ($1.range.lowerBound, $1.range.upperBound, $1.name)
        }
        var end = 0
        for place in found {
            guard place.range.lowerBound == end else {
                throw CheckpointError(
                    path, tensor: place.name,
                    "its bytes begin at \(place.range.lowerBound), those before it end at \(end)")
            }
            end = place.range.upperBound
        }
        guard end == bytes.count - start else {
            throw CheckpointError(
                path, "has \(bytes.count - start) bytes of tensors, its header says \(end); get the file again")
        }
        entries = found.compactMap { place in place.type.usable.map { WeightEntry(name: place.name, type: $0) } }
        unusable = Dictionary(
            uniqueKeysWithValues: found.compactMap { place in place.type.refusal.map { (place.name, $0) } })
        self.metadata = metadata
        places = Dictionary(uniqueKeysWithValues: found.map { ($0.name, $0) })
        self.start = start
    }

    /// Whether the bytes begin as a safetensors file does.
    static func claims(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard bytes.count > 8, bytes[8] == UInt8(ascii: "{") else { return false }
        return 2...UInt64(maximumHeader) ~= UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self))
    }

    /// The tensor of this name, if the file has it and it can be used.
    public subscript(name: String) -> WeightEntry? {
        places[name]?.type.usable.map { WeightEntry(name: name, type: $0) }
    }

    /// The values of the tensor of this name: the mapped bytes themselves, or a copy where they are not aligned to their
    /// element type.
    public func tensor(_ name: String) throws(CheckpointError) -> TensorData {
        guard let place = places[name] else { throw CheckpointError(path, tensor: name, "the file has no such tensor") }
        guard let type = place.type.usable else {
            throw CheckpointError(path, tensor: name, place.type.refusal ?? "cannot be used")
        }
        defer { withExtendedLifetime(file) {} }
        let bytes = UnsafeRawBufferPointer(
            rebasing: file.bytes[(start + place.range.lowerBound)..<(start + place.range.upperBound)])
        if let base = bytes.baseAddress, UInt(bitPattern: base) % UInt(type.dtype.size) == 0 {
            return TensorData(type: type, storage: TensorStorage(bytes, owner: .pages(file)))
        }
        return TensorData(type) { $0.copyMemory(from: bytes) }
    }

    package var files: [MappedFile] { [file] }

    package func release(_ name: String) {
        guard let range = places[name]?.range else { return }
        file.releasePages(
            of: UnsafeRawBufferPointer(rebasing: file.bytes[(start + range.lowerBound)..<(start + range.upperBound)]))
    }

    // MARK: - Header

    private static func metadata(_ value: HeaderJSON, _ path: String) throws(CheckpointError) -> [String: String] {
        if case .null = value { return [:] }
        guard case .object(let fields) = value else { throw CheckpointError(path, "__metadata__ is no object") }
        var metadata: [String: String] = [:]
        for (key, value) in fields {
            guard case .string(let text) = value else {
                throw CheckpointError(path, "__metadata__ holds more than strings, at '\(key)'")
            }
            metadata[key] = text
        }
        return metadata
    }

    private static func place(_ name: String, _ value: HeaderJSON, _ path: String) throws(CheckpointError) -> Place {
        func fault(_ message: String) -> CheckpointError { CheckpointError(path, tensor: name, message) }
        guard case .object(let fields) = value else { throw fault("is described by no object") }
        var code: String?
        var shape: [Int]?
        var offsets: [Int]?
        for (key, value) in fields {
            switch (key, value) {
            case ("dtype", .string(let text)): code = text
            case ("shape", .array(let values)): shape = integers(values)
            case ("data_offsets", .array(let values)): offsets = integers(values)
            case ("dtype", _), ("shape", _), ("data_offsets", _):
                throw fault("the header says '\(key)' of it in a form that the format does not have")
            default: break  // as the reference implementation does
            }
        }
        guard let code, let shape, let offsets, offsets.count == 2 else {
            throw fault("the header lacks dtype, shape or data_offsets")
        }
        let type = SafetensorsType(code: code, shape: shape)
        guard offsets[0] <= offsets[1], type.fits(byteCount: offsets[1] - offsets[0]) else {
            throw fault("has the bytes \(offsets[0])..<\(offsets[1]), which do not fit \(code)\(shape)")
        }
        return Place(name: name, type: type, range: offsets[0]..<offsets[1])
    }

    private static func integers(_ values: [HeaderJSON]) -> [Int]? {
        var result: [Int] = []
        for value in values {
            guard case .integer(let number) = value else { return nil }
            result.append(number)
        }
        return result
    }
}
