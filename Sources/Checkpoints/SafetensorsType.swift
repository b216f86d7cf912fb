import ModelGraph

/// What the header of a safetensors file says that a tensor is: perhaps something that no parameter can be.
struct SafetensorsType {
    /// The code of the element type.
    var code: String
    var shape: [Int]

    /// Dimensions of a tensor that can be used.
    static let maximumRank = 16

    /// nil where it cannot be used; see `refusal`.
    var usable: TensorType? {
        guard shape.count <= Self.maximumRank, let dtype = DType(safetensors: code),
            Shape(shape).checkedCount != nil
        else { return nil }
        return TensorType(dtype, Shape(shape))
    }

    /// Why it cannot be used, in the words of an error about the tensor.
    var refusal: String? {
        if usable != nil { return nil }
        if shape.contains(0) { return "has no elements: its shape is \(shape)" }
        if DType(safetensors: code) != nil { return "has \(shape.count) axes of \(shape), too many to be read" }
        return "has elements of type \(Unpickler.printable(code)), which are not read; save it as F32, F16 or BF16"
    }

    /// Whether so many bytes are what the type and the shape need. Of an element type that is not known, any number is.
    func fits(byteCount: Int) -> Bool {
        guard let bits = DType(safetensors: code).map({ $0.size * 8 }) ?? Self.otherBits[code] else { return true }
        if shape.contains(0) { return byteCount == 0 }
        var total = bits
        for extent in shape {
            let (product, overflow) = total.multipliedReportingOverflow(by: extent)
            if overflow { return false }
            total = product
        }
        return total % 8 == 0 && total / 8 == byteCount
    }

    /// Bits of an element of the types that the format has and that are not read:
    /// huggingface/safetensors safetensors/src/tensor.rs (`Dtype`).
    private static let otherBits = [
        "BOOL": 8, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8,
        "F8_E5M2FNUZ": 8, "I16": 16, "U16": 16, "U32": 32, "C64": 64, "U64": 64,
    ]
}

extension DType {
    init?(safetensors code: String) {
        guard let type = DType.allCases.first(where: { $0.safetensorsCode == code }) else { return nil }
        self = type
    }

    var safetensorsCode: String {
        switch self {
        case .float64: "F64"
        case .float32: "F32"
        case .float16: "F16"
        case .bfloat16: "BF16"
        case .int64: "I64"
        case .int32: "I32"
        case .int8: "I8"
        case .uint8: "U8"
        }
    }
}
