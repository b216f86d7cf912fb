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

    mutating func add(_ items: [PickleValue]) -> Int {
        containers.append(items)
        return containers.count - 1
    }
}

/// The memory that tensors are views of: one record of the archive.
struct TorchStorage {
    /// The name of the record in the folder `data`.
    var key: String
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

    /// Bytes.
    var size: Int {
        switch self {
        case .char, .byte, .bool: 1
        case .half, .bfloat16, .short: 2
        case .float, .int: 4
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
        case .short, .bool, .complexFloat, .complexDouble: nil
        }
    }
}

/// The names that a pickle may refer to. None of them is ever called: each stands for something that the reader builds.
enum PickleGlobal {
    case orderedDictionary
    case storage(TorchElement)
    case rebuildTensor
    case rebuildParameter
    case size
    /// TorchScript's marks around lists and values with a type: their first argument is the value.
    case passThrough
    case elementType
    /// A class of TorchScript, which is attributes here.
    case scriptClass

    init?(module: String, name: String) {
        switch (module, name) {
        case ("collections", "OrderedDict"): self = .orderedDictionary
        case ("torch._utils", "_rebuild_tensor_v2"), ("torch._utils", "_rebuild_tensor"): self = .rebuildTensor
        case ("torch._utils", "_rebuild_parameter"): self = .rebuildParameter
        case ("torch", "Size"): self = .size
        case ("torch.jit._pickle", "build_intlist"), ("torch.jit._pickle", "build_tensorlist"),
            ("torch.jit._pickle", "build_doublelist"), ("torch.jit._pickle", "build_boollist"),
            ("torch.jit._pickle", "restore_type_tag"):
            self = .passThrough
        case ("torch", "float32"), ("torch", "float16"), ("torch", "bfloat16"), ("torch", "float64"),
            ("torch", "int64"), ("torch", "int32"), ("torch", "int16"), ("torch", "int8"), ("torch", "uint8"),
            ("torch", "bool"):
            self = .elementType
        default:
            if module == "torch", let element = TorchElement(rawValue: name) {
                self = .storage(element)
            } else if module == "__torch__" || module.hasPrefix("__torch__.") {
                self = .scriptClass
            } else {
                return nil
            }
        }
    }
}
