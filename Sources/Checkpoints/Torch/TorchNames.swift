import ModelGraph

/// Finds the tensors of an unpickled file and their names.
struct TorchNames {
    struct Found {
        var entry: WeightEntry
        var view: TorchTensor
    }

    let path: String
    private(set) var tensors: [Found] = []
    private(set) var ignored: [String] = []
    private(set) var memory = PickleMemory()

    /// Characters of names that may still be made. Containers can be shared, and so a short pickle can describe a tree of
    /// any size.
    private var budget: Int
    private static let maximumDepth = 64

    private let file: Int

    /// - Parameters:
    ///   - pickle: Bytes of the pickle.
    ///   - file: Bytes of the file that it is from.
    init(path: String, pickle: Int, file: Int) {
        self.path = path
        self.file = file
        budget = 65_536 + 16 * min(pickle, Unpickler.maximumSize)
    }

    /// Gives how many bytes the pickle has.
    /// - Parameter start: Where the pickle is in its file or record.
    @discardableResult
    mutating func read(_ pickle: UnsafeRawBufferPointer, at start: Int = 0) throws(CheckpointError) -> Int {
        var root: PickleValue
        let end: Int
        do { (root, memory, end) = try Unpickler.read(pickle, file: file) } catch {
            throw CheckpointError(path, "broken or unknown pickle at byte \(start + error.offset): \(error.message)")
        }
        if case .dictionary(let place) = root, let state = unwrapped(place) { root = state }
        switch root {
        case .dictionary, .object: try visit(root, "", depth: 0)
        default: throw CheckpointError(path, "holds no dictionary of tensors; save the module's state_dict()")
        }
        guard !tensors.isEmpty else { throw CheckpointError(path, "holds no tensor that can be read") }
        stripModule()
        var seen: Set<String> = []
        for tensor in tensors where !seen.insert(tensor.entry.name).inserted {
            throw CheckpointError(path, tensor: tensor.entry.name, "is there twice")
        }
        return end
    }

    /// The dictionary under `state_dict`, where there is one; what stands beside it is ignored.
    private mutating func unwrapped(_ place: Int) -> PickleValue? {
        var state: PickleValue?
        var others: [String] = []
        let items = memory.containers[place]
        for index in stride(from: 0, to: items.count, by: 2) {
            guard let key = Self.name(items[index]) else { continue }
            if key == "state_dict", case .dictionary = items[index + 1] {
                state = items[index + 1]
            } else {
                others.append(key)
            }
        }
        if state != nil { ignored += others }
        return state
    }

    private mutating func visit(_ value: PickleValue, _ name: String, depth: Int) throws(CheckpointError) {
        budget -= 1 + name.utf8.count
        guard budget >= 0, depth <= Self.maximumDepth else {
            throw CheckpointError(path, "its containers are nested too deeply or refer to each other")
        }
        switch value {
        case .tensor(let index): add(memory.tensors[index], name)
        case .dictionary(let place): try visitItems(place, name, depth)
        case .object(let place):
            guard case .dictionary(let attributes)? = memory.containers[place].first else {
                return ignored.append(name)
            }
            try visitItems(attributes, name, depth)
        default: ignored.append(name)
        }
    }

    private mutating func visitItems(_ place: Int, _ name: String, _ depth: Int) throws(CheckpointError) {
        let items = memory.containers[place]
        for index in stride(from: 0, to: items.count, by: 2) {
            guard let key = Self.name(items[index]) else {
                throw CheckpointError(path, "a dictionary in it has keys that are neither text nor numbers")
            }
            try visit(items[index + 1], name.isEmpty ? key : "\(name).\(key)", depth: depth + 1)
        }
    }

    private mutating func add(_ view: TorchTensor, _ name: String) {
        let shape = Shape(view.shape)
        guard let dtype = memory.storages[view.storage].element.dtype, shape.checkedCount != nil else {
            return ignored.append(name)
        }
        tensors.append(Found(entry: WeightEntry(name: name, type: TensorType(dtype, shape)), view: view))
    }

    /// Takes off, once, what DataParallel and its kin put before every name.
    private mutating func stripModule() {
        let prefix = "module."
        guard tensors.allSatisfy({ $0.entry.name.hasPrefix(prefix) }) else { return }
        for index in tensors.indices { tensors[index].entry.name.removeFirst(prefix.count) }
    }

    private static func name(_ key: PickleValue) -> String? {
        switch key {
        case .text(let text): text
        case .integer(let number): "\(number)"
        default: nil
        }
    }
}
