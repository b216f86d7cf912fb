/// Reads the pickles that torch.save and TorchScript write: tensors, containers, numbers and text, and nothing else.
///
/// A pickle is a program that may call any function of Python. This reader has no functions: a name outside
/// `PickleGlobal` is refused when it is met. Opcodes: Python's `pickletools`. The bytes need not be trusted; memory stays
/// within a small multiple of them, since every byte makes at most one value.
struct Unpickler {
    struct Fault: Error {
        var message: String
        /// The byte of the pickle where it was found.
        var offset: Int
    }

    /// Bytes of a pickle; those of the largest published models have less than one million.
    static let maximumSize = 64 << 20
    /// Values that a pickle may make; a training checkpoint of a large model has about one hundred thousand.
    static let maximumValues = 1_000_000
    /// As many as that, and fewer in a small file: a value may take a hundred bytes of memory.
    static func maximumValues(file: Int) -> Int { min(maximumValues, 1 << 15 + file / 32) }
    /// Dimensions of a tensor.
    static let maximumRank = 16

    private let bytes: UnsafeRawBufferPointer
    private var offset = 0
    private var stack: [PickleValue] = []
    private var marks: [Int] = []
    private var memo: [Int: PickleValue] = [:]
    private var made = 0
    private var memory = PickleMemory()

    private let limit: Int

    private init(_ bytes: UnsafeRawBufferPointer, limit: Int) {
        self.bytes = bytes
        self.limit = limit
    }

    /// - Parameter file: Bytes of the file that the pickle is from.
    static func read(
        _ bytes: UnsafeRawBufferPointer, file: Int
    ) throws(Fault) -> (root: PickleValue, memory: PickleMemory, end: Int) {
        var reader = Unpickler(bytes, limit: maximumValues(file: file))
        guard bytes.count <= maximumSize else {
            throw reader.fault("it has \(bytes.count) bytes, at most \(maximumSize) are read")
        }
        let root = try reader.run()
        return (root, reader.memory, reader.offset)
    }

    private mutating func run() throws(Fault) -> PickleValue {
        while true {
            let opcode = try number(UInt8.self)
            if opcode == UInt8(ascii: ".") { return try pop() }
            try step(opcode)
        }
    }

    private mutating func step(_ opcode: UInt8) throws(Fault) {
        switch opcode {
        case 0x80:  // PROTO
            let version = try number(UInt8.self)
            guard (2...5).contains(version) else { throw fault("protocol \(version) is not read") }
        case 0x95: _ = try number(UInt64.self)  // FRAME

        // Plain values
        case UInt8(ascii: "N"): try push(.none)
        case 0x88: try push(.bool(true))
        case 0x89: try push(.bool(false))
        case UInt8(ascii: "K"): try push(.integer(Int(try number(UInt8.self))))
        case UInt8(ascii: "M"): try push(.integer(Int(try number(UInt16.self))))
        case UInt8(ascii: "J"): try push(.integer(Int(try number(Int32.self))))
        case 0x8A: try pushLong(UInt64(try number(UInt8.self)))
        case 0x8B: try pushLong(UInt64(try number(UInt32.self)))
        case UInt8(ascii: "G"):
            _ = try number(UInt64.self)
            try push(.opaque)
        case UInt8(ascii: "X"): try pushText(UInt64(try number(UInt32.self)))
        case 0x8C: try pushText(UInt64(try number(UInt8.self)))
        case 0x8D: try pushText(try number(UInt64.self))
        case UInt8(ascii: "U"): try pushText(UInt64(try number(UInt8.self)))
        case UInt8(ascii: "T"): try pushText(UInt64(try number(UInt32.self)))
        case UInt8(ascii: "C"): try pushBytes(UInt64(try number(UInt8.self)))
        case UInt8(ascii: "B"): try pushBytes(UInt64(try number(UInt32.self)))
        case 0x8E, 0x96: try pushBytes(try number(UInt64.self))

        // The stack and the memo
        case UInt8(ascii: "("):
            try count()
            marks.append(stack.count)
        case UInt8(ascii: "0"): _ = try pop()
        case UInt8(ascii: "1"): _ = try popToMark()
        case UInt8(ascii: "2"): try push(try top())
        case UInt8(ascii: "q"): try remember(Int(try number(UInt8.self)))
        case UInt8(ascii: "r"): try remember(Int(try number(UInt32.self)))
        case 0x94: try remember(memo.count)
        case UInt8(ascii: "h"): try recall(Int(try number(UInt8.self)))
        case UInt8(ascii: "j"): try recall(Int(try number(UInt32.self)))

        // Containers
        case UInt8(ascii: ")"): try push(.tuple(memory.add([])))
        case UInt8(ascii: "t"): try push(.tuple(memory.add(try popToMark())))
        case 0x85, 0x86, 0x87: try push(.tuple(memory.add(try pop(count: Int(opcode) - 0x84))))
        case UInt8(ascii: "]"), 0x8F: try push(.list(memory.add([])))
        case UInt8(ascii: "l"), 0x91: try push(.list(memory.add(try popToMark())))
        case UInt8(ascii: "a"): try extend(with: try pop(count: 1), dictionary: false)
        case UInt8(ascii: "e"), 0x90: try extend(with: try popToMark(), dictionary: false)
        case UInt8(ascii: "}"): try push(.dictionary(memory.add([])))
        case UInt8(ascii: "d"):
            let items = try popToMark()
            try push(.dictionary(memory.add([])))
            try extend(with: items, dictionary: true)
        case UInt8(ascii: "s"): try extend(with: try pop(count: 2), dictionary: true)
        case UInt8(ascii: "u"): try extend(with: try popToMark(), dictionary: true)

        // Names and what is built from them
        case UInt8(ascii: "c"):
            let module = try line()
            try push(.global(try global(module, try line())))
        case 0x93:
            guard case .text(let name) = try pop(), case .text(let module) = try pop() else {
                throw fault("a name is no text")
            }
            try push(.global(try global(module, name)))
        case UInt8(ascii: "i"):
            let module = try line()
            _ = try global(module, try line())
            throw fault("an object is made in a way that torch.save does not use")
        case UInt8(ascii: "Q"): try pushStorage()
        case UInt8(ascii: "R"): try reduce()
        case 0x81:
            guard case .tuple = try pop(), case .global(.scriptClass) = try pop() else {
                throw fault("the pickle wants to make an object; only tensors and containers are read")
            }
            try push(.object(memory.add([])))
        case UInt8(ascii: "b"): try build()
        default:
            if let name = Self.refused[opcode] {
                throw fault("the pickle wants to run code with \(name); only tensors and containers are read")
            }
            throw fault("opcode \(opcode) is none that torch.save uses")
        }
    }

    /// Opcodes that make objects of any class, or take them from registries of Python's.
    private static let refused: [UInt8: String] = [
        UInt8(ascii: "o"): "OBJ", 0x92: "NEWOBJ_EX", 0x82: "EXT1", 0x83: "EXT2", 0x84: "EXT4",
        UInt8(ascii: "P"): "PERSID", 0x97: "NEXT_BUFFER", 0x98: "READONLY_BUFFER",
    ]

    // MARK: - Building

    private func global(_ module: String, _ name: String) throws(Fault) -> PickleGlobal {
        guard let global = PickleGlobal(module: module, name: name) else {
            throw fault(
                "the pickle wants to call \(Self.printable(module)).\(Self.printable(name)); only tensors and containers "
                    + "are read")
        }
        return global
    }

    /// `callable(*arguments)`, for the callables that are known.
    private mutating func reduce() throws(Fault) {
        guard case .tuple(let place) = try pop(), case .global(let callable) = try pop() else {
            throw fault("the pickle wants to call what is no name; only tensors and containers are read")
        }
        let arguments = memory.containers[place]
        switch callable {
        case .orderedDictionary:
            guard arguments.isEmpty else { throw fault("an OrderedDict is made from something") }
            try push(.dictionary(memory.add([])))
        case .rebuildTensor:
            guard arguments.count >= 4, case .storage(let storage) = arguments[0],
                case .integer(let offset) = arguments[1], let shape = integers(arguments[2]),
                let strides = integers(arguments[3])
            else { throw fault("a tensor is not described by storage, offset, shape and strides") }
            memory.tensors.append(TorchTensor(storage: storage, offset: offset, shape: shape, strides: strides))
            try push(.tensor(memory.tensors.count - 1))
        case .rebuildParameter:
            guard let first = arguments.first, case .tensor = first else { throw fault("a parameter is no tensor") }
            try push(first)
        case .size, .passThrough:
            guard let first = arguments.first else { throw fault("a list is made from nothing") }
            try push(first)
        case .storage, .elementType, .scriptClass:
            throw fault("the pickle calls a type; only tensors and containers are read")
        }
    }

    /// Gives the object below the top the state on top.
    private mutating func build() throws(Fault) {
        let state = try pop()
        switch try top() {
        case .object(let place):
            guard memory.containers[place].isEmpty else { throw fault("an object is built twice") }
            memory.containers[place] = [state]
        case .dictionary: break  // the attributes of an OrderedDict: versions of modules
        default: throw fault("the pickle wants to change what is no object")
        }
    }

    private mutating func pushStorage() throws(Fault) {
        guard case .tuple(let place) = try pop() else { throw fault("a storage is not named by a tuple") }
        let parts = memory.containers[place]
        guard parts.count >= 5, case .text("storage") = parts[0], case .global(.storage(let element)) = parts[1],
            case .text(let key) = parts[2], case .integer(let count) = parts[4], count >= 0
        else { throw fault("a storage is not named as torch.save does") }
        // Before PyTorch 0.4 a storage could be part of another.
        if parts.count > 5 {
            guard case .none = parts[5] else { throw fault("a storage is part of another; save the file again") }
        }
        memory.storages.append(TorchStorage(key: key, element: element, count: count))
        try push(.storage(memory.storages.count - 1))
    }

    private mutating func extend(with items: [PickleValue], dictionary: Bool) throws(Fault) {
        switch try top() {
        case .list(let place) where !dictionary: memory.containers[place] += items
        case .dictionary(let place) where dictionary && items.count.isMultiple(of: 2):
            memory.containers[place] += items
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

    // MARK: - Stack and memo

    private mutating func count() throws(Fault) {
        made += 1
        if made > limit { throw fault("it makes more than \(limit) values, too many for a file of this size") }
    }

    private mutating func push(_ value: PickleValue) throws(Fault) {
        try count()
        stack.append(value)
    }

    private func top() throws(Fault) -> PickleValue {
        guard stack.count > marks.last ?? 0, let value = stack.last else { throw fault("a value is missing") }
        return value
    }

    private mutating func pop() throws(Fault) -> PickleValue {
        let value = try top()
        stack.removeLast()
        return value
    }

    private mutating func pop(count: Int) throws(Fault) -> [PickleValue] {
        guard stack.count - (marks.last ?? 0) >= count else { throw fault("a value is missing") }
        defer { stack.removeLast(count) }
        return Array(stack.suffix(count))
    }

    private mutating func popToMark() throws(Fault) -> [PickleValue] {
        guard let mark = marks.popLast() else { throw fault("a mark is missing") }
        defer { stack.removeSubrange(mark...) }
        return Array(stack[mark...])
    }

    private mutating func remember(_ index: Int) throws(Fault) {
        try count()
        memo[index] = try top()
    }

    private mutating func recall(_ index: Int) throws(Fault) {
        guard let value = memo[index] else { throw fault("value \(index) is used before it is there") }
        try push(value)
    }

    // MARK: - Bytes

    private mutating func take(_ count: UInt64) throws(Fault) -> UnsafeRawBufferPointer {
        guard count <= UInt64(bytes.count - offset) else { throw fault("it ends too early") }
        defer { offset += Int(count) }
        return UnsafeRawBufferPointer(rebasing: bytes[offset..<(offset + Int(count))])
    }

    private mutating func number<T: FixedWidthInteger & BitwiseCopyable>(_ type: T.Type) throws(Fault) -> T {
        try take(UInt64(MemoryLayout<T>.size)).number(at: 0, type)
    }

    private mutating func line() throws(Fault) -> String {
        guard let end = bytes[offset...].firstIndex(of: 0x0A) else { throw fault("a name does not end") }
        defer { offset = end + 1 }
        return String(decoding: bytes[offset..<end], as: UTF8.self)
    }

    private mutating func pushText(_ count: UInt64) throws(Fault) {
        try push(.text(String(decoding: try take(count), as: UTF8.self)))
    }

    private mutating func pushBytes(_ count: UInt64) throws(Fault) {
        _ = try take(count)
        try push(.opaque)
    }

    private mutating func pushLong(_ count: UInt64) throws(Fault) {
        let digits = try take(count)
        guard digits.count <= 8 else { return try push(.opaque) }
        var value: UInt64 = (digits.last ?? 0) >= 0x80 ? .max : 0
        for digit in digits.reversed() { value = value << 8 | UInt64(digit) }
        try push(.integer(Int(truncatingIfNeeded: value)))
    }

    private func fault(_ message: String) -> Fault { Fault(message: message, offset: offset) }

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
