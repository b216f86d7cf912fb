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
    /// Why what has a tensor's name and is none that can be used is none.
    private(set) var unusable: [String: String] = [:]
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
        root = try unwrapped(root)
        switch root {
        case .dictionary, .object: try visit(root, "", depth: 0)
        default: throw CheckpointError(path, "\(description(root)); save the module's state_dict()")
        }
        guard !tensors.isEmpty else {
            let names = ignored.prefix(8).map { "'\(Unpickler.printable($0))'" }.joined(separator: ", ")
            throw CheckpointError(
                path,
                "holds no tensor that can be read" + (names.isEmpty ? "" : ", only \(names)")
                    + "; save the module's state_dict()")
        }
        var seen: Set<String> = []
        for tensor in tensors where !seen.insert(tensor.entry.name).inserted {
            throw CheckpointError(path, tensor: tensor.entry.name, "is there twice")
        }
        return end
    }

    /// What trainers put a state dict under, the first that is there: PyTorch Lightning and open_clip, PyTorch's own
    /// tutorials. What stands beside it is ignored.
    private static let wrappers = ["state_dict", "model_state_dict"]
    /// Names that a part of a model may have as well: only where no other tensor stands beside them, but random states.
    private static let perhapsWrappers = ["model", "module", "net", "model_ema", "ema", "state_dict_ema"]

    /// The state dict that trainers have put around.
    private mutating func unwrapped(_ root: PickleValue) throws(CheckpointError) -> PickleValue {
        var root = root
        for _ in 0..<3 {
            guard case .dictionary(let place) = root else { return root }
            let items = memory.containers[place]
            var values: [String: PickleValue] = [:]
            var hasTensors = false
            for index in stride(from: 0, to: items.count, by: 2) {
                if let key = Self.name(items[index]) { values[key] = items[index + 1] }
                if case .tensor(let tensor) = items[index + 1] {
                    hasTensors = hasTensors || memory.storages[memory.tensors[tensor].storage].element != .byte
                }
            }
            let wrapper =
                Self.wrappers.first { values[$0] != nil }
                ?? (hasTensors ? nil : Self.perhapsWrappers.first { isDictionary(values[$0]) })
            guard let wrapper, let state = values[wrapper] else { return root }
            guard isDictionary(state) else {
                if case .tensor = state { return root }
                throw CheckpointError(path, "'\(wrapper)' in it: \(description(state)); save the module's state_dict()")
            }
            ignored += values.keys.filter { $0 != wrapper }.sorted()
            root = state
        }
        return root
    }

    private func isDictionary(_ value: PickleValue?) -> Bool { if case .dictionary? = value { true } else { false } }

    /// What the file, or a part of it, is instead of a dictionary of tensors.
    private func description(_ value: PickleValue) -> String {
        switch value {
        case .inert(let place):
            "is an object that '\(memory.names[place])' makes, and no dictionary of tensors (nothing was run)"
        default: "holds no dictionary of tensors"
        }
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
        case .inert(let place): leave(name, "is an object that '\(memory.names[place])' makes, which is not read")
        default: leave(name, "is no tensor")
        }
    }

    /// Passes over something, unless a model asks for it.
    private mutating func leave(_ name: String, _ why: String) {
        ignored.append(name)
        unusable[name] = why
    }

    private mutating func visitItems(_ place: Int, _ name: String, _ depth: Int) throws(CheckpointError) {
        let items = memory.containers[place]
        for index in stride(from: 0, to: items.count, by: 2) {
            // A model's tensors have names.
            guard let key = Self.name(items[index]) else { continue }
            try visit(items[index + 1], name.isEmpty ? key : "\(name).\(key)", depth: depth + 1)
        }
    }

    private mutating func add(_ view: TorchTensor, _ name: String) {
        let shape = Shape(view.shape)
        let element = memory.storages[view.storage].element
        if view.shape.contains(0) { return leave(name, "has no elements: its shape is \(view.shape)") }
        guard view.otherType == nil, let dtype = element.dtype else {
            let type = view.otherType ?? "torch.\(element.rawValue)"
            return leave(name, "has elements of type \(type), which are not read; save it as float32")
        }
        guard shape.checkedCount != nil else { return leave(name, "has the shape \(view.shape), which is too large") }
        tensors.append(Found(entry: WeightEntry(name: name, type: TensorType(dtype, shape)), view: view))
    }

    private static func name(_ key: PickleValue) -> String? {
        switch key {
        case .text(let text): text
        case .integer(let number): "\(number)"
        default: nil
        }
    }
}
