public import Multimodal

/// What a conformance case is built with: a graph builder, random shapes and values, and a record of the values given.
///
/// Cases ask for elements of `float`, so that the same case runs in float32 on a backend and in float64 under
/// `GradientCheck`.
public final class CaseBuilder {
    public let graph = GraphBuilder()
    /// Element type of inputs: float32 for backends, float64 for the gradient check.
    public let float: DType
    /// Most elements that a random shape has.
    public let limit: Int
    public var random: SeededGenerator

    private(set) var data: [String: TensorData] = [:]
    private(set) var differentiable: [(name: String, tensor: Tensor)] = []
    private(set) var outputs: [(name: String, tensor: Tensor)] = []
    /// Factor on the op's tolerance, for cases that are long chains of ops.
    public var toleranceFactor = 1.0

    public init(_ name: String, seed: UInt64, float: DType, limit: Int) {
        self.float = float
        self.limit = limit
        random = SeededGenerator(seed: seed, stream: name)
    }

    // MARK: - Shapes

    /// Odd, prime and awkward for vector units.
    public static let extents = [1, 2, 3, 5, 17, 33, 65]

    public func extent() -> Int { pick(CaseBuilder.extents) }

    public func pick<T>(_ choices: [T]) -> T { choices[Int(random.next() % UInt64(choices.count))] }

    public func coin() -> Bool { random.next() & 1 == 0 }

    /// A shape of at most `limit` elements.
    public func shape(rank: Int? = nil, last: Int? = nil) -> Shape {
        let rank = rank ?? pick([1, 2, 3, 4])
        var dimensions = (0..<rank).map { _ in extent() }
        if let last { dimensions[rank - 1] = last }
        while dimensions.reduce(1, *) > limit, let largest = dimensions.dropLast(last == nil ? 0 : 1).max(), largest > 1
        {
            guard let place = dimensions.firstIndex(of: largest) else { break }
            dimensions[place] = max(1, largest / 2)
        }
        return Shape(dimensions)
    }

    /// `shape` with some dimensions 1 and, at times, some leading ones missing: it broadcasts to `shape`.
    public func broadcastable(_ shape: Shape) -> Shape {
        let thinned = shape.dimensions.map { coin() ? 1 : $0 }
        return Shape(Array(thinned.dropFirst(coin() ? 0 : Int(random.next() % UInt64(shape.rank + 1)))))
    }

    // MARK: - Values

    /// A differentiable input with values uniform on `range`.
    public func input(
        _ shape: Shape, in range: ClosedRange<Double> = -2...2, file: String = #fileID, line: Int = #line
    ) -> Tensor {
        let width = range.upperBound - range.lowerBound
        return input(
            shape, values: (0..<shape.count).map { _ in range.lowerBound + width * random.nextUnit() }, file: file,
            line: line)
    }

    /// A differentiable input whose values are all apart by at least 0.01, and from those of another with `offset` 0.5
    /// by 0.005 and from 0: no ties for a maximum, no kinks for the finite differences.
    public func distinct(
        _ shape: Shape, offset: Double = 0, file: String = #fileID, line: Int = #line
    ) -> Tensor {
        let count = shape.count
        let ranks = (0..<count).shuffled(using: &random)
        let values = ranks.map { (Double($0 - count / 2) + 0.25 + offset) * 0.01 }
        return input(shape, values: values, file: file, line: line)
    }

    /// An input with these values, differentiable where it is of the case's own float type.
    public func input(
        _ shape: Shape, values: [Double], dtype: DType? = nil, isDifferentiable: Bool = true,
        file: String = #fileID, line: Int = #line
    ) -> Tensor {
        let name = "x\(data.count)"
        let type = TensorType(dtype ?? float, shape)
        data[name] = TensorData(type, doubles: values)
        let tensor = graph.input(name, type, file: file, line: line)
        if dtype ?? float == float, isDifferentiable { differentiable.append((name, tensor)) }
        return tensor
    }

    /// Integers in `0 ..< bound`.
    public func indices(
        _ shape: Shape, below bound: Int, dtype: DType = .int32, file: String = #fileID, line: Int = #line
    ) -> Tensor {
        input(
            shape, values: (0..<shape.count).map { _ in Double(random.next() % UInt64(bound)) }, dtype: dtype,
            file: file, line: line)
    }

    /// A trainable parameter with values uniform on `range` (its initialiser is not used), differentiable.
    public func parameter(
        _ name: String, _ shape: Shape, in range: ClosedRange<Double> = -0.5...0.5, isTrainable: Bool = true,
        file: String = #fileID, line: Int = #line
    ) -> Tensor {
        let tensor = graph.parameter(
            name, shape, .zeros, dtype: float, isTrainable: isTrainable, file: file, line: line)
        if data[name] == nil {
            let width = range.upperBound - range.lowerBound
            data[name] = TensorData(
                tensor.type,
                doubles: (0..<shape.count).map { _ in range.lowerBound + width * random.nextUnit() })
            if isTrainable { differentiable.append((name, tensor)) }
        }
        return tensor
    }

    /// A number as a constant of the case's float type.
    public func constant(_ value: Double, file: String = #fileID, line: Int = #line) -> Tensor {
        graph.constant(value, dtype: float, file: file, line: line)
    }

    // MARK: - Results

    /// Compares `tensor`; its gradients too, where the case is differentiated.
    public func output(_ tensor: Tensor, _ name: String? = nil) {
        outputs.append((name ?? "y\(outputs.count)", tensor))
    }

    /// Weighs every floating-point output with random numbers and sums: a scalar that depends on each element.
    func weighedSum(of tensors: [Tensor]) -> Tensor? {
        var total: Tensor?
        for tensor in tensors where tensor.dtype.isFloat {
            let values = (0..<tensor.shape.count).map { _ in random.nextUnit() * 2 - 1 }
            let weights = graph.constant(TensorData(TensorType(float, tensor.shape), doubles: values))
            let sum = (tensor.cast(to: float) * weights).sum()
            total = total.map { $0 + sum } ?? sum
        }
        return total
    }

    /// The values of the graph's inputs and parameters.
    func values(for graph: Graph) -> (inputs: [String: TensorData], parameters: [String: TensorData]) {
        let inputs = graph.inputSignature.map { ($0.name, data[$0.name] ?? TensorData(scalar: 0)) }
        let parameters = graph.parameterSignature.map {
            ($0.parameter.name, data[$0.parameter.name] ?? TensorData(scalar: 0))
        }
        return (
            Dictionary(inputs, uniquingKeysWith: { first, _ in first }),
            Dictionary(parameters, uniquingKeysWith: { first, _ in first })
        )
    }
}

/// A case: builds something with a `CaseBuilder`, and says what may be done with it.
public struct ConformanceCase: Sendable {
    public enum Differentiation: Sendable {
        /// Forward only.
        case none
        /// Gradients are compared between backends, but finite differences do not apply (rounding casts, ties).
        case compared
        /// Gradients agree with finite differences, too.
        case smooth
    }

    public let name: String
    public let differentiation: Differentiation
    let build: @Sendable (CaseBuilder) -> Void

    public init(
        _ name: String, _ differentiation: Differentiation = .smooth,
        build: @escaping @Sendable (CaseBuilder) -> Void
    ) {
        self.name = name
        self.differentiation = differentiation
        self.build = build
    }
}
