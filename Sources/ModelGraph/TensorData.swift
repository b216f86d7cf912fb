/// A tensor's values: contiguous, row-major, immutable, little-endian, aligned to 64 bytes when made here.
public struct TensorData: Sendable {
    public let type: TensorType
    package let storage: TensorStorage

    public var dtype: DType { type.dtype }
    public var shape: Shape { type.shape }
    public var byteCount: Int { type.shape.count * type.dtype.size }

    /// Memory owned elsewhere (a mapped file, say); `storage` keeps it alive. It must hold `type`'s bytes.
    package init(type: TensorType, storage: TensorStorage) {
        self.type = type
        self.storage = storage
    }

    /// Allocates, then lets `fill` write every byte.
    public init(
        _ type: TensorType, fill: (UnsafeMutableRawBufferPointer) throws -> Void
    ) rethrows {
        let count = type.shape.count * type.dtype.size
        let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: max(count, 1), alignment: 64)
        let storage = TensorStorage(
            UnsafeRawBufferPointer(rebasing: bytes[..<count]), owner: .allocation(bytes))
        try fill(UnsafeMutableRawBufferPointer(rebasing: bytes[..<count]))
        self.init(type: type, storage: storage)
    }

    /// Values that are made from others whenever they are read: `fill` writes every byte. They are kept until
    /// `releasePages`.
    package static func whenRead(
        _ type: TensorType, fill: @escaping @Sendable (UnsafeMutableRawBufferPointer) -> Void
    ) -> TensorData {
        TensorData(
            type: type, storage: TensorStorage(byteCount: type.shape.count * type.dtype.size, whenRead: fill))
    }

    /// `values` converted to `dtype`; nil where their number is not the shape's.
    public init?(_ values: [Float], shape: Shape, dtype: DType = .float32) {
        guard shape.checkedCount == values.count else { return nil }
        self.init(TensorType(dtype, shape), converting: values)
    }

    /// `values` as int32; nil where their number is not the shape's.
    public init?(_ values: [Int32], shape: Shape) {
        guard shape.checkedCount == values.count else { return nil }
        self.init(TensorType(.int32, shape)) { bytes in
            values.withUnsafeBytes { bytes.copyMemory(from: $0) }
        }
    }

    /// One number.
    public init(scalar value: Double, dtype: DType = .float32) {
        self.init(TensorType(dtype, .scalar), doubles: [value])
    }

    /// `count(values)` must be the shape's.
    package init(_ type: TensorType, converting values: [Float]) {
        self.init(type) { bytes in
            switch type.dtype {
            case .float32: values.withUnsafeBytes { bytes.copyMemory(from: $0) }
            case .bfloat16:
                let target = bytes.bindMemory(to: UInt16.self)
                for (index, value) in values.enumerated() { target[index] = floatToBFloat16(value) }
            case .float16:
                let target = bytes.bindMemory(to: UInt16.self)
                for (index, value) in values.enumerated() { target[index] = floatToHalf(value) }
            default: type.dtype.store(values.map(Double.init), to: bytes)
            }
        }
    }

    /// Values rounded to `type`'s element type. There must be as many as the shape has.
    public init(_ type: TensorType, doubles: [Double]) {
        precondition(doubles.count == type.shape.count, "as many values as the shape has elements")
        self.init(type) { type.dtype.store(doubles, to: $0) }
    }

    public func withUnsafeBytes<Result>(
        _ body: (UnsafeRawBufferPointer) throws -> Result
    ) rethrows -> Result {
        defer { withExtendedLifetime(storage) { storage.giveBack() } }
        return try body(storage.borrow())
    }

    /// The values, which stay where they are for as long as the result lives.
    public func pinned() -> PinnedBytes { PinnedBytes(storage) }

    /// Says that the values are not needed again soon, because a copy in another layout was made: pages of a mapped file
    /// are given back, and values that were made from others are dropped, unless they are pinned. They come again if they
    /// are used after all. Does nothing where the values are in memory of their own.
    public func releasePages() { storage.releasePages() }

    /// The values as Float, whatever the element type.
    public var floats: [Float] {
        withUnsafeBytes { bytes in
            switch dtype {
            case .float32: return bytes.elements(Float.self)
            case .bfloat16: return bytes.elements(UInt16.self).map(bfloat16ToFloat)
            case .float16: return bytes.elements(UInt16.self).map(halfToFloat)
            default: return dtype.load(bytes).map { Float($0) }
            }
        }
    }

    /// The values as Double, whatever the element type. 64-bit integers are exact up to 2^53.
    public var doubles: [Double] { withUnsafeBytes { dtype.load($0) } }

    /// The same values in another element type.
    public func converted(to dtype: DType) -> TensorData {
        if dtype == self.dtype { return self }
        let type = TensorType(dtype, shape)
        return self.dtype.isFloat && self.dtype != .float64 && dtype != .float64
            ? TensorData(type, converting: floats) : TensorData(type, doubles: doubles)
    }

    /// The same bytes under another shape of as many elements.
    public func reshaped(_ shape: Shape) -> TensorData? {
        shape.checkedCount == self.shape.count
            ? TensorData(type: TensorType(dtype, shape), storage: storage) : nil
    }
}

extension TensorData: Hashable {
    public static func == (lhs: TensorData, rhs: TensorData) -> Bool {
        lhs.type == rhs.type
            && (lhs.storage === rhs.storage
                || lhs.withUnsafeBytes { left in rhs.withUnsafeBytes { sameBytes(left, $0) } })
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(type)
        withUnsafeBytes { hasher.combine(bytes: UnsafeRawBufferPointer(rebasing: $0.prefix(4096))) }
    }
}

extension DType {
    func store(_ values: [Double], to bytes: UnsafeMutableRawBufferPointer) {
        func each<T>(_ type: T.Type, _ convert: (Double) -> T) {
            let target = bytes.bindMemory(to: T.self)
            for (index, value) in values.enumerated() { target[index] = convert(value) }
        }
        switch self {
        case .float64: each(Double.self) { $0 }
        case .float32: each(Float.self) { Float($0) }
        case .float16: each(UInt16.self) { floatToHalf(roundedToOdd($0)) }
        case .bfloat16: each(UInt16.self) { floatToBFloat16(roundedToOdd($0)) }
        case .int64: each(Int64.self) { Int64(exactly: rounding($0)) ?? ($0 < 0 ? .min : .max) }
        case .int32: each(Int32.self) { Int32(rounding($0)) }
        case .int8: each(Int8.self) { Int8(rounding($0)) }
        case .uint8: each(UInt8.self) { UInt8(rounding($0)) }
        }
    }

    func load(_ bytes: UnsafeRawBufferPointer) -> [Double] {
        switch self {
        case .float64: bytes.elements(Double.self)
        case .float32: bytes.elements(Float.self).map { Double($0) }
        case .float16: bytes.elements(UInt16.self).map { Double(halfToFloat($0)) }
        case .bfloat16: bytes.elements(UInt16.self).map { Double(bfloat16ToFloat($0)) }
        case .int64: bytes.elements(Int64.self).map { Double($0) }
        case .int32: bytes.elements(Int32.self).map { Double($0) }
        case .int8: bytes.elements(Int8.self).map { Double($0) }
        case .uint8: bytes.elements(UInt8.self).map { Double($0) }
        }
    }
}

extension UnsafeRawBufferPointer {
    /// A copy as numbers. The memory may lie anywhere: a mapped file need not be aligned.
    fileprivate func elements<T: BitwiseCopyable>(_ type: T.Type) -> [T] {
        let count = count / MemoryLayout<T>.stride
        return [T](unsafeUninitializedCapacity: count) { target, initialized in
            UnsafeMutableRawBufferPointer(target).copyMemory(
                from: UnsafeRawBufferPointer(rebasing: self.prefix(count * MemoryLayout<T>.stride)))
            initialized = count
        }
    }
}
