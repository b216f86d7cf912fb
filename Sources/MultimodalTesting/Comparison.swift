public import Multimodal

/// How far a result may be from the oracle's: `|a - b| <= relative |b| + absolute max(|b|)`, the last over the tensor,
/// since a sum's rounding error is in proportion to its terms and not to what is left of them.
public struct Tolerance: Hashable, Sendable {
    public var relative: Double
    public var absolute: Double

    public init(relative: Double, absolute: Double) {
        self.relative = relative
        self.absolute = absolute
    }

    public static let exact = Tolerance(relative: 0, absolute: 0)

    /// For one op on elements of `dtype`: some units in the last place, and sums of up to some hundred terms.
    public static func op(_ dtype: DType) -> Tolerance {
        switch dtype {
        case .float64: Tolerance(relative: 1e-12, absolute: 1e-13)
        case .float32: Tolerance(relative: 1e-5, absolute: 2e-6)
        case .float16: Tolerance(relative: 2e-3, absolute: 1e-3)
        case .bfloat16: Tolerance(relative: 1.6e-2, absolute: 8e-3)
        case .int64, .int32, .int8, .uint8: .exact
        }
    }

    /// This one, `factor` times as wide: for chains of ops.
    public func widened(by factor: Double) -> Tolerance {
        Tolerance(relative: relative * factor, absolute: absolute * factor)
    }
}

/// The place where two tensors differ most, beyond the tolerance.
public struct Difference: Hashable, Sendable, CustomStringConvertible {
    /// Row-major position of the worst element; nil where the types differ.
    public var position: Int?
    public var found: String
    public var expected: String
    public var maximumError: Double
    /// How many elements are beyond the tolerance.
    public var count: Int

    public var description: String {
        guard let position else { return "is \(found), expected \(expected)" }
        return "\(count) elements differ, most at position \(position): \(found), expected \(expected)"
    }
}

/// Compares values with the oracle's. NaN agrees with NaN alone, an infinity with the same infinity alone.
///
/// - Returns: nil where all agree.
public func difference(_ found: TensorData, _ expected: TensorData, _ tolerance: Tolerance) -> Difference? {
    guard found.type == expected.type else {
        return Difference(
            position: nil, found: "\(found.type)", expected: "\(expected.type)", maximumError: .infinity, count: 0)
    }
    let (a, b) = (found.doubles, expected.doubles)
    let scale = b.reduce(0) { $1.isFinite ? max($0, $1.magnitude) : $0 }
    var worst: Difference?
    for (position, (x, y)) in zip(a, b).enumerated() {
        if x == y || x.isNaN && y.isNaN { continue }
        let error = (x - y).magnitude
        if error <= tolerance.relative * y.magnitude + tolerance.absolute * scale, y.isFinite { continue }
        let comparable = error.isNaN ? Double.infinity : error
        let count = (worst?.count ?? 0) + 1
        if comparable > worst?.maximumError ?? -1 {
            worst = Difference(
                position: position, found: "\(x)", expected: "\(y)", maximumError: comparable, count: count)
        }
        worst?.count = count
    }
    return worst
}
