import ModelGraph

/// What a pickle of weights may hold. Containers stand in `PickleMemory` and are named by their place there, so that
/// deep or circular nesting is only numbers.
enum PickleValue {
    case none
    case bool(Bool)
    case integer(Int)
    case text(String)
    /// Something that no reader of weights needs: fractions, bytes, numbers beyond 64 bits, element types.
    case opaque
    case global(PickleGlobal)
    /// What a function or class would make that is none of those known: nothing but its name, by its place in
    /// `PickleMemory.names`. Learning rates of numpy, devices, paths, arguments of a run.
    case inert(Int)
    case tuple(Int)
    /// A list or set.
    case list(Int)
    case dictionary(Int)
    /// An object of TorchScript, whose attributes are in the dictionary that it was built from.
    case object(Int)
    case storage(Int)
    case tensor(Int)
}

/// Where containers live while a pickle is read, and after.
struct PickleMemory {
    /// Elements; for a dictionary, keys and values in turn; for an object, the state that it was built from.
    var containers: [[PickleValue]] = []
    var storages: [TorchStorage] = []
    var tensors: [TorchTensor] = []
    /// Names of functions and classes that are not known.
    private(set) var names: [String] = []
    private var places: [String: Int] = [:]
    /// Further ones are called like the last.
    private static let maximumNames = 4096

    mutating func add(_ items: [PickleValue]) -> Int {
        containers.append(items)
        return containers.count - 1
    }

    /// The place of a name.
    mutating func place(of name: String) -> Int {
        if let place = places[name] { return place }
        if names.count == Self.maximumNames { return names.count - 1 }
        places[name] = names.count
        names.append(name)
        return names.count - 1
    }
}

/// The memory that tensors are views of: one record of the archive.
struct TorchStorage {
    /// The name of the record in the folder `data`.
    var key: String
    /// `byte` where the storage has no type of its own, and its tensors say theirs.
    var element: TorchElement
    /// Elements.
    var count: Int
}

/// A view of a storage, as the pickle describes it. Nothing in it is checked.
struct TorchTensor {
    var storage: Int
    /// In elements, as are the strides.
    var offset: Int
    var shape: [Int]
    var strides: [Int]
    /// An element type that is not the storage's, as those are that PyTorch added later: none of them is read.
    var otherType: String?
}

/// Element types of PyTorch's storages.
enum TorchElement: String {
    case float = "FloatStorage"
    case half = "HalfStorage"
    case bfloat16 = "BFloat16Storage"
    case double = "DoubleStorage"
    case long = "LongStorage"
    case int = "IntStorage"
    case char = "CharStorage"
    case byte = "ByteStorage"
    case short = "ShortStorage"
    case bool = "BoolStorage"
    case complexFloat = "ComplexFloatStorage"
    case complexDouble = "ComplexDoubleStorage"
    case quantizedByte = "QUInt8Storage"
    case quantizedChar = "QInt8Storage"
    case quantizedInt = "QInt32Storage"
    case quantizedNibbles = "QUInt4x2Storage"
    case quantizedPairs = "QUInt2x4Storage"

    /// Bytes.
    var size: Int {
        switch self {
        case .char, .byte, .bool, .quantizedByte, .quantizedChar, .quantizedNibbles, .quantizedPairs: 1
        case .half, .bfloat16, .short: 2
        case .float, .int, .quantizedInt: 4
        case .double, .long, .complexFloat: 8
        case .complexDouble: 16
        }
    }

    /// nil where there is no such type here: tensors of it are left aside.
    var dtype: DType? {
        switch self {
        case .float: .float32
        case .half: .float16
        case .bfloat16: .bfloat16
        case .double: .float64
        case .long: .int64
        case .int: .int32
        case .char: .int8
        case .byte: .uint8
        case .short, .bool, .complexFloat, .complexDouble, .quantizedByte, .quantizedChar, .quantizedInt,
            .quantizedNibbles, .quantizedPairs:
            nil
        }
    }
}
