/// The type of a tensor's elements.
public enum DType: String, Hashable, Sendable, CaseIterable {
    case float64, float32, float16, bfloat16
    case int64, int32, int8, uint8

    /// Bytes of one element.
    public var size: Int {
        switch self {
        case .float64, .int64: 8
        case .float32, .int32: 4
        case .float16, .bfloat16: 2
        case .int8, .uint8: 1
        }
    }

    /// Bytes of an element of the largest type.
    static let largestSize = 8

    /// Whether elements are floating-point numbers, the types that gradients are defined for.
    public var isFloat: Bool {
        switch self {
        case .float64, .float32, .float16, .bfloat16: true
        case .int64, .int32, .int8, .uint8: false
        }
    }
}

extension DType {
    /// `value` as this type would hold it: rounded to nearest, ties to even; integers truncate and saturate.
    public func rounding(_ value: Double) -> Double {
        switch self {
        case .float64: value
        case .float32: Double(Float(value))
        case .float16: Double(halfToFloat(floatToHalf(roundedToOdd(value))))
        case .bfloat16: Double(bfloat16ToFloat(floatToBFloat16(roundedToOdd(value))))
        case .int64: saturating(value, -0x1p63, 0x1p63)
        case .int32: saturating(value, Double(Int32.min), Double(Int32.max))
        case .int8: saturating(value, -128, 127)
        case .uint8: saturating(value, 0, 255)
        }
    }

    private func saturating(_ value: Double, _ low: Double, _ high: Double) -> Double {
        value.isNaN ? 0 : min(max(value.rounded(.towardZero), low), high)
    }
}

/// `value` as a Float whose last bit tells that it is not exact, so that rounding it further gives what rounding
/// `value` itself would (Boldo and Melquiond 2008, "Emulation of FMA and correctly rounded sums").
func roundedToOdd(_ value: Double) -> Float {
    let nearest = Float(value)
    guard value.isFinite, Double(nearest) != value, nearest.bitPattern & 1 == 0 else { return nearest }
    return Double(nearest) < value ? nearest.nextUp : nearest.nextDown
}

/// Upper half of an IEEE 754 single, rounded to nearest even; NaN stays NaN.
@inlinable
public func floatToBFloat16(_ value: Float) -> UInt16 {
    let bits = value.bitPattern
    if value.isNaN { return UInt16(truncatingIfNeeded: bits >> 16) | 0x40 }
    return UInt16(truncatingIfNeeded: (bits &+ 0x7FFF &+ ((bits >> 16) & 1)) >> 16)
}

@inlinable
public func bfloat16ToFloat(_ bits: UInt16) -> Float { Float(bitPattern: UInt32(bits) << 16) }

/// IEEE 754 binary16, rounded to nearest even; overflow gives infinity. (Swift's `Float16` is missing on x86 macOS.)
@inlinable
public func floatToHalf(_ value: Float) -> UInt16 {
    let bits = value.bitPattern
    let sign = UInt16(truncatingIfNeeded: (bits >> 16) & 0x8000)
    let magnitude = bits & 0x7FFF_FFFF
    if magnitude > 0x7F80_0000 { return sign | 0x7E00 }
    if magnitude >= 0x477F_F000 { return sign | 0x7C00 }
    if magnitude < 0x3880_0000 {
        // Subnormal half: adding 0.5 aligns the significand so that the hardware does the rounding.
        let aligned = Float(bitPattern: magnitude) + 0.5
        return sign | UInt16(truncatingIfNeeded: aligned.bitPattern &- 0x3F00_0000)
    }
    let rounded = magnitude &+ 0xFFF &+ ((magnitude >> 13) & 1)
    return sign | UInt16(truncatingIfNeeded: (rounded &- 0x3800_0000) >> 13)
}

@inlinable
public func halfToFloat(_ half: UInt16) -> Float {
    // Without branches, so that loops over it become vector instructions: float32's bits of the magnitude are too small by
    // a factor of 2^112, subnormal numbers included; infinity and NaN need the rest of their exponent.
    let magnitude = UInt32(half & 0x7FFF) << 13
    let scaled = (Float(bitPattern: magnitude) * 0x1p112).bitPattern
    let special: UInt32 = magnitude >= 0x0F80_0000 ? 0x7F80_0000 : 0
    return Float(bitPattern: UInt32(half & 0x8000) << 16 | scaled | special)
}
