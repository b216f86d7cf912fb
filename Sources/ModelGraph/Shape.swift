/// The extent of each dimension of a tensor, outermost first. A scalar has rank 0.
public struct Shape: Hashable, Sendable, ExpressibleByArrayLiteral {
    public var dimensions: [Int]

    public init(_ dimensions: [Int]) { self.dimensions = dimensions }
    public init(arrayLiteral elements: Int...) { dimensions = elements }

    public static let scalar: Shape = []

    public var rank: Int { dimensions.count }

    /// Number of elements; 1 for a scalar.
    public var count: Int { dimensions.reduce(1, &*) }

    /// Number of elements, or nil where a dimension is less than one or the bytes of so many would overflow.
    public var checkedCount: Int? {
        var total = 1
        for extent in dimensions {
            guard extent >= 1 else { return nil }
            let (product, overflow) = total.multipliedReportingOverflow(by: extent)
            if overflow { return nil }
            total = product
        }
        return total <= Int.max / DType.largestSize ? total : nil
    }

    public subscript(axis: Int) -> Int { dimensions[axis] }

    /// Row-major strides, in elements.
    public var strides: [Int] {
        var strides = [Int](repeating: 1, count: rank)
        for axis in stride(from: rank - 2, through: 0, by: -1) {
            strides[axis] = strides[axis + 1] &* dimensions[axis + 1]
        }
        return strides
    }

    /// The shape that NumPy's broadcasting gives two operands, or nil where they do not fit.
    public func broadcast(with other: Shape) -> Shape? {
        let rank = max(rank, other.rank)
        var result = [Int](repeating: 1, count: rank)
        for offset in 1...max(rank, 1) where offset <= rank {
            let mine = offset <= self.rank ? dimensions[self.rank - offset] : 1
            let theirs = offset <= other.rank ? other.dimensions[other.rank - offset] : 1
            guard mine == theirs || mine == 1 || theirs == 1 else { return nil }
            result[rank - offset] = mine == 1 ? theirs : mine
        }
        return Shape(result)
    }
}

extension Shape: CustomStringConvertible {
    public var description: String { "[" + dimensions.map(String.init).joined(separator: ", ") + "]" }
}

/// What is known of a tensor before it is computed: element type and shape.
public struct TensorType: Hashable, Sendable, CustomStringConvertible {
    public var dtype: DType
    public var shape: Shape

    public init(_ dtype: DType, _ shape: Shape) {
        self.dtype = dtype
        self.shape = shape
    }

    public var description: String { "\(dtype.rawValue)\(shape)" }
}
