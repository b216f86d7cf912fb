/// Reads the pickles that torch.save and TorchScript write: tensors, containers, numbers and text. Anything else that
/// stands beside them is kept as a name (`PickleValue.inert`).
///
/// A pickle is a program that may call any function of Python. This reader has no functions, and so nothing is called or
/// imported, whatever a pickle names. One that names what runs programs is refused all the same, when the name is met
/// (`PickleGlobal.isHarmful`), and so are opcodes that torch.save does not use. Opcodes: Python's `pickletools`. The bytes need not be trusted; memory stays
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
    var memory = PickleMemory()

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
        case 0x81: try makeObject(hasKeywords: false)
        case 0x92: try makeObject(hasKeywords: true)
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
        UInt8(ascii: "o"): "OBJ", 0x82: "EXT1", 0x83: "EXT2", 0x84: "EXT4",
        UInt8(ascii: "P"): "PERSID", 0x97: "NEXT_BUFFER", 0x98: "READONLY_BUFFER",
    ]

    // MARK: - Stack and memo

    mutating func count() throws(Fault) {
        made += 1
        if made > limit { throw fault("it makes more than \(limit) values, too many for a file of this size") }
    }

    mutating func push(_ value: PickleValue) throws(Fault) {
        try count()
        stack.append(value)
    }

    func top() throws(Fault) -> PickleValue {
        guard stack.count > marks.last ?? 0, let value = stack.last else { throw fault("a value is missing") }
        return value
    }

    mutating func pop() throws(Fault) -> PickleValue {
        let value = try top()
        stack.removeLast()
        return value
    }

    mutating func pop(count: Int) throws(Fault) -> [PickleValue] {
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

    func fault(_ message: String) -> Fault { Fault(message: message, offset: offset) }
}
