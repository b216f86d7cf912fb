import CDotProducts

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Rows of unit length, padded with zeros as the kernels want them.
final class FloatRows: @unchecked Sendable {
    let base: UnsafeMutablePointer<Float>
    let count: Int
    let paddedCount: Int

    /// Rows of `width` numbers, brought to unit length. A row without direction is refused.
    init(_ values: [Float], width: Int, rowMultiple: Int, firstRow: Int = 0) throws(RankError) {
        guard width > 0, values.count % width == 0 else { throw .width(values.count, expected: width) }
        let paddedWidth = Self.padded(width, to: Int(CDP_WIDTH_MULTIPLE))
        count = values.count / width
        paddedCount = Self.padded(count, to: rowMultiple)
        base = .allocate(capacity: max(1, paddedCount * paddedWidth))
        base.initialize(repeating: 0, count: paddedCount * paddedWidth)
        for row in 0..<count {
            guard let factor = Self.inverseLength(values[row * width..<(row + 1) * width]) else {
                throw .direction(row: firstRow + row)
            }
            let target = base + row * paddedWidth
            values.withUnsafeBufferPointer { values in
                for column in 0..<width { target[column] = Float(Double(values[row * width + column]) * factor) }
            }
        }
    }

    deinit { base.deallocate() }

    static func padded(_ count: Int, to multiple: Int) -> Int { (count + multiple - 1) / multiple * multiple }

    /// What brings a vector to unit length; nil for one that is zero or not finite.
    static func inverseLength(_ vector: ArraySlice<Float>) -> Double? {
        let sum = vector.withUnsafeBufferPointer { cdp_squared_length($0.baseAddress, $0.count) }
        return sum > 0 && sum.isFinite ? 1 / sum.squareRoot() : nil
    }
}

extension Embeddings {
    /// Whether a vector has a direction: it is finite and not zero.
    package static func hasDirection(_ vector: [Float]) -> Bool { FloatRows.inverseLength(vector[...]) != nil }
}

func exponential(_ x: Double) -> Double { exp(x) }
