/// What a pickle's calls and states become.
extension Unpickler {
    /// The function or class of a name.
    mutating func global(_ module: String, _ name: String) throws(Fault) -> PickleGlobal {
        if let global = PickleGlobal(module: module, name: name) { return global }
        guard !PickleGlobal.isHarmful(module: module, name: name) else {
            throw fault(
                "the pickle wants to call \(Self.printable(module)).\(Self.printable(name)); only tensors and containers "
                    + "are read")
        }
        return .other(memory.place(of: "\(Self.printable(module)).\(Self.printable(name))"))
    }

    /// `callable(*arguments)`, for the callables that are known; the others make nothing but a name.
    mutating func reduce() throws(Fault) {
        guard case .tuple(let place) = try pop() else { throw notCallable }
        switch try pop() {
        case .global(let callable): try push(try result(of: callable, memory.containers[place]))
        case .inert(let name): try push(.inert(name))
        default: throw notCallable
        }
    }

    private var notCallable: Fault {
        fault("the pickle wants to call what is no name; only tensors and containers are read")
    }

    private mutating func result(of callable: PickleGlobal, _ arguments: [PickleValue]) throws(Fault) -> PickleValue {
        switch callable {
        case .orderedDictionary: return .dictionary(memory.add(try pairs(arguments)))
        case .defaultDictionary: return .dictionary(memory.add([]))
        case .rebuildTensor, .rebuildTypedTensor:
            guard arguments.count >= 4, case .storage(let storage) = arguments[0],
                case .integer(let offset) = arguments[1], let shape = integers(arguments[2]),
                let strides = integers(arguments[3])
            else { throw fault("a tensor is not described by storage, offset, shape and strides") }
            var tensor = TorchTensor(storage: storage, offset: offset, shape: shape, strides: strides)
            if case .rebuildTypedTensor = callable {
                guard arguments.count >= 7 else { throw fault("a tensor is not described by its element type") }
                tensor.otherType = name(of: arguments[6]) ?? "another"
            }
            memory.tensors.append(tensor)
            return .tensor(memory.tensors.count - 1)
        case .rebuildParameter:
            guard let first = arguments.first else { throw fault("a parameter is no tensor") }
            switch first {
            case .tensor, .inert: return first
            default: throw fault("a parameter is no tensor")
            }
        case .rebuildFromType:
            guard arguments.count >= 3, case .global(let function) = arguments[0], case .tuple(let inner) = arguments[2]
            else { throw fault("a tensor with attributes is not described by a function, a class and arguments") }
            switch (function, arguments[1]) {
            case (.rebuildTensor, .global(.tensorClass)), (.rebuildTypedTensor, .global(.tensorClass)),
                (.rebuildParameter, .global(.tensorClass)):
                return try result(of: function, memory.containers[inner])
            default: return .inert(memory.place(of: name(of: arguments[1]) ?? "a tensor of a class of its own"))
            }
        case .size, .passThrough:
            guard let first = arguments.first else { throw fault("a list is made from nothing") }
            return first
        case .storage, .untypedStorage, .tensorClass, .elementType, .scriptClass:
            throw fault("the pickle calls a type; only tensors and containers are read")
        case .other(let name): return .inert(name)
        }
    }

    /// Keys and values in turn, from the list of pairs that Python 2 made an OrderedDict of.
    private mutating func pairs(_ arguments: [PickleValue]) throws(Fault) -> [PickleValue] {
        if arguments.isEmpty { return [] }
        let refusal = fault("an OrderedDict is made from something else than pairs")
        guard arguments.count == 1, case .list(let list) = arguments[0] else { throw refusal }
        var items: [PickleValue] = []
        for pair in memory.containers[list] {
            try count()
            switch pair {
            case .list(let place), .tuple(let place):
                guard memory.containers[place].count == 2 else { throw refusal }
                items += memory.containers[place]
            default: throw refusal
            }
        }
        return items
    }

    /// The name of a function or class that is not known.
    private func name(of value: PickleValue) -> String? {
        switch value {
        case .global(.other(let place)), .inert(let place): memory.names[place]
        default: nil
        }
    }

    /// `class.__new__(class, *arguments)`, with keyword arguments on the stack or without.
    mutating func makeObject(hasKeywords: Bool) throws(Fault) {
        if hasKeywords { _ = try pop() }
        guard case .tuple = try pop() else { throw fault("an object is not made from a tuple") }
        switch try pop() {
        case .global(.other(let name)), .inert(let name): try push(.inert(name))
        case .global(.scriptClass) where !hasKeywords: try push(.object(memory.add([])))
        default: throw fault("the pickle wants to make an object; only tensors and containers are read")
        }
    }

    /// Gives the object below the top the state on top.
    mutating func build() throws(Fault) {
        let state = try pop()
        switch try top() {
        case .object(let place):
            guard memory.containers[place].isEmpty else { throw fault("an object is built twice") }
            memory.containers[place] = [state]
        case .dictionary, .inert: break  // the attributes of an OrderedDict: versions of modules
        default: throw fault("the pickle wants to change what is no object")
        }
    }

    mutating func pushStorage() throws(Fault) {
        guard case .tuple(let place) = try pop() else { throw fault("a storage is not named by a tuple") }
        let parts = memory.containers[place]
        // Before PyTorch 1.6, a class of a module stood beside its source.
        if parts.count == 4, case .text("module") = parts[0], case .global(.other) = parts[1] {
            return try push(parts[1])
        }
        guard parts.count >= 5, case .text("storage") = parts[0], let element = element(parts[1]),
            case .text(let key) = parts[2], case .integer(let count) = parts[4], count >= 0
        else { throw fault("a storage is not named as torch.save does") }
        // Before PyTorch 0.4 a storage could be part of another.
        if parts.count > 5 {
            guard case .none = parts[5] else { throw fault("a storage is part of another; save the file again") }
        }
        memory.storages.append(TorchStorage(key: key, element: element, count: count))
        try push(.storage(memory.storages.count - 1))
    }

    private func element(_ type: PickleValue) -> TorchElement? {
        switch type {
        case .global(.storage(let element)): element
        case .global(.untypedStorage): .byte
        default: nil
        }
    }

    /// Adds to the container on top; what is added to an object that is only a name is dropped.
    mutating func extend(with items: [PickleValue], dictionary: Bool) throws(Fault) {
        switch try top() {
        case .list(let place) where !dictionary: memory.containers[place] += items
        case .dictionary(let place) where dictionary && items.count.isMultiple(of: 2):
            memory.containers[place] += items
        case .inert: break
        default: throw fault("items are added to what is no container of them")
        }
    }

    private func integers(_ value: PickleValue) -> [Int]? {
        let place: Int
        switch value {
        case .tuple(let index), .list(let index): place = index
        default: return nil
        }
        guard memory.containers[place].count <= Self.maximumRank else { return nil }
        var result: [Int] = []
        for case .integer(let number) in memory.containers[place] { result.append(number) }
        return result.count == memory.containers[place].count ? result : nil
    }

    /// At most 80 characters that a terminal takes as letters.
    static func printable(_ text: String) -> String {
        String(String.UnicodeScalarView(text.unicodeScalars.prefix(80).map { $0.isPrintable ? $0 : "?" }))
    }
}

extension Unicode.Scalar {
    fileprivate var isPrintable: Bool {
        switch properties.generalCategory {
        case .control, .format, .surrogate, .unassigned, .privateUse, .lineSeparator, .paragraphSeparator: false
        default: true
        }
    }
}
