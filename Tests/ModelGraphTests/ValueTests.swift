import Testing

@testable import ModelGraph

@Suite struct DTypeTests {
    /// The value of a 16-bit pattern by the definition of IEEE 754, in powers of two.
    private func decoded(_ bits: UInt16, exponentBits: Int) -> Double {
        let fractionBits = 15 - exponentBits
        let sign: Double = bits >> 15 == 1 ? -1 : 1
        let exponent = Int(bits >> UInt16(fractionBits)) & ((1 << exponentBits) - 1)
        let fraction = Double(Int(bits) & ((1 << fractionBits) - 1)) / Double(1 << fractionBits)
        let bias = (1 << (exponentBits - 1)) - 1
        if exponent == (1 << exponentBits) - 1 { return fraction == 0 ? sign * .infinity : .nan }
        return exponent == 0
            ? sign * fraction * Double(sign: .plus, exponent: 1 - bias, significand: 1)
            : sign * (1 + fraction) * Double(sign: .plus, exponent: exponent - bias, significand: 1)
    }

    @Test("all 65536 patterns of float16 and bfloat16 have the value that IEEE 754 gives them, and come back")
    func patterns() {
        for bits in UInt16.min...UInt16.max {
            for (exponentBits, decode, encode) in [
                (5, halfToFloat, floatToHalf), (8, bfloat16ToFloat, floatToBFloat16),
            ] {
                let (expected, value) = (decoded(bits, exponentBits: exponentBits), decode(bits))
                let back = encode(value)
                if expected.isNaN {
                    if !value.isNaN || !decode(back).isNaN { Issue.record("\(bits) should be NaN and stay it") }
                } else if Double(value) != expected || back != bits {
                    Issue.record("\(bits) is \(value), not \(expected), and comes back as \(back)")
                }
            }
        }
    }

    @Test("between two neighbours, doubles round to the nearer one, and halfway to the even one")
    func rounding() {
        for (dtype, exponentBits, last) in [(DType.float16, 5, UInt16(0x7BFF)), (.bfloat16, 8, 0x7F7F)] {
            for bits in UInt16(0)..<last {
                let (low, high) = (
                    decoded(bits, exponentBits: exponentBits), decoded(bits + 1, exponentBits: exponentBits)
                )
                let middle = (low + high) / 2
                let even = bits % 2 == 0 ? low : high
                for sign in [1.0, -1.0] {
                    // `nextUp` of a Double is far below what a Float in between could tell.
                    if dtype.rounding(sign * middle) != sign * even
                        || dtype.rounding(sign * middle.nextUp) != sign * high
                        || dtype.rounding(sign * middle.nextDown) != sign * low
                    {
                        Issue.record("\(dtype) around \(sign * middle)")
                    }
                }
            }
            let largest = decoded(last, exponentBits: exponentBits)
            let step = largest - decoded(last - 1, exponentBits: exponentBits)
            #expect(dtype.rounding((largest + step / 2).nextDown) == largest)
            #expect(dtype.rounding(largest + step / 2) == .infinity)
            #expect(dtype.rounding(-.infinity) == -.infinity)
            #expect(dtype.rounding(.greatestFiniteMagnitude) == .infinity)
            #expect(dtype.rounding(.nan).isNaN)
            #expect(dtype.rounding(-0.0).sign == .minus)
            #expect(dtype.rounding(-.leastNonzeroMagnitude) == 0)
        }
    }

    @Test(
        "integers truncate, saturate, and make NaN zero",
        arguments: [
            (DType.int8, -128.0, 127.0), (.uint8, 0, 255), (.int32, -2_147_483_648, 2_147_483_647),
            (.int64, -0x1p63, 0x1p63),
        ])
    func integers(dtype: DType, low: Double, high: Double) {
        #expect(dtype.rounding(1.9) == 1)
        #expect(dtype.rounding(-1.9) == max(low, -1))
        #expect(dtype.rounding(1e300) == high)
        #expect(dtype.rounding(-.infinity) == low)
        #expect(dtype.rounding(.nan) == 0)
        for value in [1e300, -1e300, .infinity, -.infinity, .nan, 3.5] {
            let data = TensorData(scalar: value, dtype: dtype)
            #expect(data.doubles == [dtype.rounding(value)])
        }
    }
}

@Suite struct ShapeTests {
    @Test(
        "shapes broadcast as NumPy's do",
        arguments: [
            ([], [], []), ([], [3], [3]), ([1], [5], [5]), ([2, 3], [3], [2, 3]), ([2, 1], [1, 3], [2, 3]),
            ([4, 1, 3], [2, 1], [4, 2, 3]), ([1, 1], [1], [1, 1]),
        ])
    func broadcasts(a: [Int], b: [Int], expected: [Int]) {
        #expect(Shape(a).broadcast(with: Shape(b)) == Shape(expected))
        #expect(Shape(b).broadcast(with: Shape(a)) == Shape(expected))
    }

    @Test("shapes that do not fit do not broadcast", arguments: [([2], [3]), ([2, 3], [2]), ([4, 1, 3], [2, 2])])
    func refusals(a: [Int], b: [Int]) {
        #expect(Shape(a).broadcast(with: Shape(b)) == nil)
        #expect(Shape(b).broadcast(with: Shape(a)) == nil)
    }

    @Test("a shape that is empty, negative or larger than memory could be has no count")
    func counts() {
        #expect(Shape([2, 3, 5]).checkedCount == 30)
        #expect(Shape.scalar.checkedCount == 1)
        for dimensions in [[0], [2, -3], [-1, -1], [1 << 40, 1 << 40], [Int.max, 2], [Int.max]] {
            #expect(Shape(dimensions).checkedCount == nil, "\(dimensions)")
        }
    }

    @Test("strides are row-major")
    func strides() {
        #expect(Shape([2, 3, 5]).strides == [15, 5, 1])
        #expect(Shape.scalar.strides == [])
    }
}

@Suite struct TensorDataTests {
    @Test("values come back in every element type that holds them", arguments: DType.allCases)
    func roundTrip(dtype: DType) throws {
        let data = TensorData(TensorType(dtype, [2, 2]), doubles: [0, 1, 2, 100])
        #expect(data.doubles == [0, 1, 2, 100])
        #expect(data.floats == [0, 1, 2, 100])
        #expect(data.byteCount == 4 * dtype.size)
        for other in DType.allCases {
            let converted = data.converted(to: other)
            #expect(converted.type == TensorType(other, [2, 2]))
            #expect(converted.doubles == [0, 1, 2, 100])
        }
    }

    @Test("converting rounds as the element type does", arguments: DType.allCases)
    func conversion(target: DType) {
        let values = [0.1, -2.7, 1 + 0x1p-9, 1 + 0x1p-9 + 0x1p-40, 70000, -1e10]
        for source in [DType.float64, .float32] {
            let data = TensorData(TensorType(source, [6]), doubles: values)
            #expect(data.converted(to: target).doubles == values.map { target.rounding(source.rounding($0)) })
        }
    }

    @Test("a number of values that is not the shape's is refused")
    func counts() {
        #expect(TensorData([Float](repeating: 0, count: 3), shape: [2, 2]) == nil)
        #expect(TensorData([Int32](repeating: 0, count: 4), shape: [2, 2])?.type == TensorType(.int32, [2, 2]))
        #expect(TensorData([Float](), shape: [0]) == nil)
        #expect(TensorData([1.5, 2.5], shape: [2], dtype: .int8)?.doubles == [1, 2])
    }

    @Test("reshaping keeps the bytes and refuses another number of elements")
    func reshaping() {
        let data = TensorData(TensorType(.float32, [2, 3]), doubles: [1, 2, 3, 4, 5, 6])
        #expect(data.reshaped([3, 2])?.doubles == [1, 2, 3, 4, 5, 6])
        #expect(data.reshaped([6, 1])?.shape == [6, 1])
        for shape: Shape in [[5], [-2, -3], [], [1 << 62, 4, 6]] { #expect(data.reshaped(shape) == nil) }
    }

    @Test("memory that lies at an odd address is read all the same", arguments: DType.allCases)
    func unaligned(dtype: DType) {
        let source = TensorData(TensorType(dtype, [5]), doubles: [1, 2, 3, 4, 5])
        let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: source.byteCount + 1, alignment: 64)
        source.withUnsafeBytes { UnsafeMutableRawBufferPointer(rebasing: bytes[1...]).copyMemory(from: $0) }
        let storage = TensorStorage(UnsafeRawBufferPointer(rebasing: bytes[1...]), owner: .allocation(bytes))
        let odd = TensorData(type: source.type, storage: storage)
        #expect(odd.doubles == [1, 2, 3, 4, 5])
        #expect(odd.floats == [1, 2, 3, 4, 5])
        #expect(odd == source)
        #expect(odd.hashValue == source.hashValue)
    }

    @Test("equal means same type and same bytes")
    func equality() {
        let a = TensorData(TensorType(.float32, [2]), doubles: [1, 2])
        #expect(a == TensorData(TensorType(.float32, [2]), doubles: [1, 2]))
        #expect(a != TensorData(TensorType(.float32, [2]), doubles: [1, 3]))
        #expect(a != TensorData(TensorType(.float32, [2, 1]), doubles: [1, 2]))
        #expect(TensorData(scalar: 0) != TensorData(scalar: -0.0))
        #expect(TensorData(scalar: .nan) == TensorData(scalar: .nan))
    }
}

@Suite struct InitializerTests {
    private let type = TensorType(.float32, [200, 100])

    @Test("a normal draw has the mean, deviation and tails of a normal")
    func normal() {
        let values = Initializer.normal(standardDeviation: 0.5).draw(type, name: "w", seed: 3).doubles
        let mean = values.reduce(0, +) / 20000
        let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 20000
        #expect(abs(mean) < 0.5 * 4 / 141)
        #expect(abs(variance.squareRoot() - 0.5) < 0.5 * 4 / 200)
        let beyond = Double(values.filter { abs($0) > 1 }.count) / 20000  // two deviations: 4.55%
        #expect(abs(beyond - 0.0455) < 0.006)
    }

    @Test("a uniform draw fills its interval evenly and does not leave it")
    func uniform() {
        let values = Initializer.uniform(bound: 0.2).draw(type, name: "w", seed: 3).doubles
        #expect(values.allSatisfy { abs($0) <= 0.2 })
        for quarter in 0..<4 {
            let low = -0.2 + 0.1 * Double(quarter)
            #expect(abs(values.filter { $0 >= low && $0 < low + 0.1 }.count - 5000) < 250)
        }
    }

    @Test("the draw depends on seed and name alone, and names are independent of each other")
    func streams() {
        let normal = Initializer.normal(standardDeviation: 1)
        let a = normal.draw(type, name: "a", seed: 1).doubles
        #expect(normal.draw(type, name: "a", seed: 1).doubles == a)
        for (name, seed) in [("b", UInt64(1)), ("a", 2), ("", 1), ("aa", 1)] {
            let b = normal.draw(type, name: name, seed: seed).doubles
            let correlation = zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } / 20000
            #expect(abs(correlation) < 4 / 141, "\(name) \(seed)")
        }
        let prefix = normal.draw(TensorType(.float32, [10]), name: "a", seed: 1).doubles
        #expect(prefix == Array(a[..<10]))
    }

    @Test("adding a parameter to a graph changes the first values of no other")
    func graphs() throws {
        func parameters(_ names: [String]) throws -> [String: TensorData] {
            try Graph.build { b in
                names.map { ($0, b.parameter($0, [4], .normal(standardDeviation: 1))) }
            }.initialParameters(seed: 5)
        }
        #expect(try parameters(["a", "b"])["b"] == parameters(["x", "b", "y"])["b"])
    }

    @Test("constants are constant")
    func constants() {
        #expect(Set(Initializer.ones.draw(type, name: "w", seed: 0).doubles) == [1])
    }
}
