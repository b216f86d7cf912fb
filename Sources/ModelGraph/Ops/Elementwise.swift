/// A function of each element by itself. `[...] -> [...]`.
public enum Unary: String, OpDefinition, CaseIterable {
    case negate, exp, log, squareRoot, reciprocal, tanh, sigmoid, erf, relu

    public var name: String { rawValue }

    public func resultType(of inputs: [TensorType]) throws(OpFault) -> TensorType {
        try expectCount(inputs, 1)
        if self != .negate { try expectFloat(inputs[0]) }
        return inputs[0]
    }

    public func evaluate(_ inputs: [ReferenceTensor], result: TensorType) throws(OpFault) -> [Double] {
        inputs[0].values.map { x in
            switch self {
            case .negate: -x
            case .exp: exponential(x)
            case .log: naturalLog(x)
            case .squareRoot: x.squareRoot()
            case .reciprocal: 1 / x
            case .tanh: hyperbolicTangent(x)
            case .sigmoid: 1 / (1 + exponential(-x))
            case .erf: errorFunction(x)
            case .relu: x > 0 ? x : x.isNaN ? x : 0
            }
        }
    }

    public func gradient(_ context: GradientContext) -> [Tensor?] {
        let (x, y, dy) = (context.inputs[0], context.output, context.upstream)
        return switch self {
        case .negate: [-dy]
        case .exp: [dy * y]
        case .log: [dy / x]
        case .squareRoot: [dy * 0.5 / y]
        case .reciprocal: [-(dy * y * y)]
        case .tanh: [dy * (1 - y * y)]
        case .sigmoid: [dy * y * (1 - y)]
        case .erf: [dy * (-(x * x)).exp() * 1.1283791670955126]  // 2 / sqrt(pi)
        case .relu: [dy * x.greater(than: 0)]
        }
    }
}

/// A function of two elements at the same place, after NumPy broadcasting. Comparisons give 1 or 0 of the same type.
public enum Binary: String, OpDefinition, CaseIterable {
    case add, subtract, multiply, divide, maximum, minimum, greater, equal

    public var name: String { rawValue }

    public func resultType(of inputs: [TensorType]) throws(OpFault) -> TensorType {
        try expectCount(inputs, 2)
        try expectSameDType(inputs)
        if self == .divide { try expectFloat(inputs[0]) }
        guard let shape = inputs[0].shape.broadcast(with: inputs[1].shape) else {
            throw OpFault("shapes \(inputs[0].shape) and \(inputs[1].shape) do not broadcast")
        }
        return TensorType(inputs[0].dtype, shape)
    }

    public func evaluate(_ inputs: [ReferenceTensor], result: TensorType) throws(OpFault) -> [Double] {
        zip(inputs[0].broadcast(to: result.shape), inputs[1].broadcast(to: result.shape)).map { a, b in
            switch self {
            case .add: a + b
            case .subtract: a - b
            case .multiply: a * b
            case .divide: a / b
            case .maximum: a.isNaN || a >= b ? a : b
            case .minimum: a.isNaN || a <= b ? a : b
            case .greater: a > b ? 1 : 0
            case .equal: a == b ? 1 : 0
            }
        }
    }

    public func gradient(_ context: GradientContext) -> [Tensor?] {
        let (a, b, dy) = (context.inputs[0], context.inputs[1], context.upstream)
        let (da, db): (Tensor, Tensor)
        switch self {
        case .add: (da, db) = (dy, dy)
        case .subtract: (da, db) = (dy, -dy)
        case .multiply: (da, db) = (dy * b, dy * a)
        case .divide: (da, db) = (dy / b, -(dy * context.output / b))
        case .maximum:  // where equal, all to the first
            let second = b.greater(than: a)
            (da, db) = (dy * (1 - second), dy * second)
        case .minimum:
            let second = a.greater(than: b)
            (da, db) = (dy * (1 - second), dy * second)
        case .greater, .equal: return [nil, nil]
        }
        return [da.sum(to: a.shape), db.sum(to: b.shape)]
    }
}

/// `mask != 0 ? a : b`, all of one shape after broadcasting. Inputs: mask, a, b.
public struct Select: OpDefinition {
    public var name: String { "select" }

    public func resultType(of inputs: [TensorType]) throws(OpFault) -> TensorType {
        try expectCount(inputs, 3)
        try expectSameDType([inputs[1], inputs[2]])
        guard let inner = inputs[1].shape.broadcast(with: inputs[2].shape),
            let shape = inner.broadcast(with: inputs[0].shape)
        else { throw OpFault("the three shapes do not broadcast") }
        return TensorType(inputs[1].dtype, shape)
    }

    public func evaluate(_ inputs: [ReferenceTensor], result: TensorType) throws(OpFault) -> [Double] {
        let values = inputs.map { $0.broadcast(to: result.shape) }
        return values[0].indices.map { values[0][$0] != 0 ? values[1][$0] : values[2][$0] }
    }

    public func gradient(_ context: GradientContext) -> [Tensor?] {
        let (mask, dy) = (context.inputs[0], context.upstream)
        let zero = dy.builder.constant(0, dtype: dy.dtype)
        return [
            nil, mask.select(dy, zero).sum(to: context.inputs[1].shape),
            mask.select(zero, dy).sum(to: context.inputs[2].shape),
        ]
    }
}

/// The same values in another element type, rounded to nearest even.
public struct Cast: OpDefinition {
    public var dtype: DType

    public var name: String { "cast" }
    public var attributes: String { "to=\(dtype.rawValue)" }

    public func resultType(of inputs: [TensorType]) throws(OpFault) -> TensorType {
        try expectCount(inputs, 1)
        return TensorType(dtype, inputs[0].shape)
    }

    public func evaluate(_ inputs: [ReferenceTensor], result: TensorType) throws(OpFault) -> [Double] {
        inputs[0].values
    }

    public func gradient(_ context: GradientContext) -> [Tensor?] {
        [dtype.isFloat ? context.upstream.cast(to: context.inputs[0].dtype) : nil]
    }
}

extension Tensor {
    private func unary(_ op: Unary, _ file: String, _ line: Int) -> Tensor { located(.unary(op), [], file, line) }

    public func exp(file: String = #fileID, line: Int = #line) -> Tensor { unary(.exp, file, line) }
    public func log(file: String = #fileID, line: Int = #line) -> Tensor { unary(.log, file, line) }
    public func squareRoot(file: String = #fileID, line: Int = #line) -> Tensor { unary(.squareRoot, file, line) }
    public func reciprocal(file: String = #fileID, line: Int = #line) -> Tensor { unary(.reciprocal, file, line) }
    public func tanh(file: String = #fileID, line: Int = #line) -> Tensor { unary(.tanh, file, line) }
    public func sigmoid(file: String = #fileID, line: Int = #line) -> Tensor { unary(.sigmoid, file, line) }
    public func erf(file: String = #fileID, line: Int = #line) -> Tensor { unary(.erf, file, line) }
    public func relu(file: String = #fileID, line: Int = #line) -> Tensor { unary(.relu, file, line) }

    /// This tensor as another element type; itself where it is that already.
    public func cast(to dtype: DType, file: String = #fileID, line: Int = #line) -> Tensor {
        dtype == self.dtype ? self : located(.cast(Cast(dtype: dtype)), [], file, line)
    }

    public func maximum(_ other: Tensor, file: String = #fileID, line: Int = #line) -> Tensor {
        located(.binary(.maximum), [other], file, line)
    }
    public func minimum(_ other: Tensor, file: String = #fileID, line: Int = #line) -> Tensor {
        located(.binary(.minimum), [other], file, line)
    }
    /// 1 where greater than `other`, else 0.
    public func greater(than other: Tensor, file: String = #fileID, line: Int = #line) -> Tensor {
        located(.binary(.greater), [other], file, line)
    }
    public func greater(than value: Double, file: String = #fileID, line: Int = #line) -> Tensor {
        greater(than: number(value), file: file, line: line)
    }
    /// 1 where equal to `other`, else 0.
    public func equal(to other: Tensor, file: String = #fileID, line: Int = #line) -> Tensor {
        located(.binary(.equal), [other], file, line)
    }
    /// `a` where this mask is not 0, else `b`.
    public func select(_ a: Tensor, _ b: Tensor, file: String = #fileID, line: Int = #line) -> Tensor {
        located(.select(Select()), [a, b], file, line)
    }

    // Operators stand on the line of their newest operand.
    private static func binary(_ op: Binary, _ a: Tensor, _ b: Tensor) -> Tensor {
        a.builder.apply(.binary(op), [a, b], (a.id > b.id ? a : b).location)
    }
    private func number(_ value: Double) -> Tensor {
        if !dtype.isFloat, dtype.rounding(value) != value {
            builder.record("number", [type], "\(value) is not a number of this type; cast the tensor first", location)
        }
        return builder.constant(value, dtype: dtype, file: location.fileID, line: location.line)
    }

    public static prefix func - (x: Tensor) -> Tensor { x.builder.apply(.unary(.negate), [x], x.location) }
    public static func + (a: Tensor, b: Tensor) -> Tensor { binary(.add, a, b) }
    public static func - (a: Tensor, b: Tensor) -> Tensor { binary(.subtract, a, b) }
    public static func * (a: Tensor, b: Tensor) -> Tensor { binary(.multiply, a, b) }
    public static func / (a: Tensor, b: Tensor) -> Tensor { binary(.divide, a, b) }
    public static func + (a: Tensor, b: Double) -> Tensor { a + a.number(b) }
    public static func - (a: Tensor, b: Double) -> Tensor { a - a.number(b) }
    public static func * (a: Tensor, b: Double) -> Tensor { a * a.number(b) }
    public static func / (a: Tensor, b: Double) -> Tensor { a / a.number(b) }
    public static func + (a: Double, b: Tensor) -> Tensor { b.number(a) + b }
    public static func - (a: Double, b: Tensor) -> Tensor { b.number(a) - b }
    public static func * (a: Double, b: Tensor) -> Tensor { b.number(a) * b }
    public static func / (a: Double, b: Tensor) -> Tensor { b.number(a) / b }
}
