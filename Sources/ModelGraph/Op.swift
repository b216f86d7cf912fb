/// Everything a graph can do, closed: an exhaustive switch finds every place to edit when an op is added.
///
/// Each case carries the value that defines it (`OpDefinition`): shape rule, gradient rule, reference evaluation and,
/// for composites, what it decomposes to. They stand together in `Ops/`, one file a family.
public enum Op: Hashable, Sendable {
    // Where values come from
    case input(name: String)
    case parameter(Parameter)
    case constant(TensorData)
    // Element by element
    case unary(Unary)
    case binary(Binary)
    case select(Select)
    case cast(Cast)
    // Fewer elements, or the same ones elsewhere
    case reduce(Reduce)
    case reshape(Reshape)
    case transpose(Transpose)
    case broadcast(Broadcast)
    case slice(Slice)
    case pad(Pad)
    case concatenate(Concatenate)
    // Products
    case matmul(MatMul)
    case convolution(Convolution)
    case convolutionInputGradient(ConvolutionInputGradient)
    case convolutionWeightGradient(ConvolutionWeightGradient)
    case averagePool(AveragePool)
    case averagePoolGradient(AveragePoolGradient)
    // By index
    case gather(Gather)
    case scatterAdd(ScatterAdd)
    case argMax(ArgMax)
    case oneHot(OneHot)
    // Composites: a backend may decline them, the graph still runs
    case softmax(Softmax)
    case softmaxGradient(SoftmaxGradient)
    case layerNorm(LayerNorm)
    case layerNormGradient(LayerNormGradient)
    case batchNorm(BatchNorm)
    case l2Normalize(L2Normalize)
    case gelu(GELU)
    case geluGradient(GELUGradient)
    case softmaxCrossEntropy(SoftmaxCrossEntropy)
    case attention(Attention)
    // Somebody else's
    case custom(CustomOp)

    /// What defines this op; nil for the three sources, whose type and value come from outside.
    public var definition: (any OpDefinition)? {
        switch self {
        case .input, .parameter, .constant: nil
        case .unary(let op): op
        case .binary(let op): op
        case .select(let op): op
        case .cast(let op): op
        case .reduce(let op): op
        case .reshape(let op): op
        case .transpose(let op): op
        case .broadcast(let op): op
        case .slice(let op): op
        case .pad(let op): op
        case .concatenate(let op): op
        case .matmul(let op): op
        case .convolution(let op): op
        case .convolutionInputGradient(let op): op
        case .convolutionWeightGradient(let op): op
        case .averagePool(let op): op
        case .averagePoolGradient(let op): op
        case .gather(let op): op
        case .scatterAdd(let op): op
        case .argMax(let op): op
        case .oneHot(let op): op
        case .softmax(let op): op
        case .softmaxGradient(let op): op
        case .layerNorm(let op): op
        case .layerNormGradient(let op): op
        case .batchNorm(let op): op
        case .l2Normalize(let op): op
        case .gelu(let op): op
        case .geluGradient(let op): op
        case .softmaxCrossEntropy(let op): op
        case .attention(let op): op
        case .custom(let op): op.definition
        }
    }

    /// The name that graphs print.
    public var name: String {
        switch self {
        case .input: "input"
        case .parameter: "parameter"
        case .constant: "constant"
        default: definition?.name ?? ""
        }
    }
}

/// What an op is: one place for its shape rule, gradient, value and meaning.
public protocol OpDefinition: Hashable, Sendable {
    /// Name in printed graphs and in errors.
    var name: String { get }

    /// Attributes as printed: `axes=[1] keep=true`. Empty where there are none.
    var attributes: String { get }

    /// The type of the result, or why the inputs do not fit.
    func resultType(of inputs: [TensorType]) throws(OpFault) -> TensorType

    /// The slow and obviously right value. `inputs` are row-major, of the types that `resultType` accepted; the result
    /// is rounded to the result's element type by the caller.
    func evaluate(_ inputs: [ReferenceTensor], result: TensorType) throws(OpFault) -> [Double]

    /// For each input the gradient of the loss, given that of the output, of that input's type; nil where there is none
    /// (integers, masks). One entry an input.
    func gradient(_ context: GradientContext) -> [Tensor?]

    /// The same in simpler ops and of the same type, for backends that decline this one; nil for primitives.
    func decompose(_ inputs: [Tensor]) -> Tensor?
}

extension OpDefinition {
    public var attributes: String { "" }
    public func decompose(_ inputs: [Tensor]) -> Tensor? { nil }
}

/// An input of a reference evaluation: values as Double, whatever the element type.
public struct ReferenceTensor: Sendable {
    public var type: TensorType
    public var values: [Double]

    public init(type: TensorType, values: [Double]) {
        self.type = type
        self.values = values
    }

    public var shape: Shape { type.shape }
}

/// What a gradient rule works with.
public struct GradientContext {
    public let inputs: [Tensor]
    public let output: Tensor
    /// Gradient of the loss with respect to `output`; same shape.
    public let upstream: Tensor
}

/// An op that a plugin brings. Backends that do not know it by name run its decomposition.
public struct CustomOp: Hashable, Sendable {
    public let definition: any OpDefinition

    public init(_ definition: any OpDefinition) { self.definition = definition }

    public static func == (lhs: CustomOp, rhs: CustomOp) -> Bool {
        AnyHashable(lhs.definition) == AnyHashable(rhs.definition)
    }

    public func hash(into hasher: inout Hasher) { hasher.combine(AnyHashable(definition)) }
}

// MARK: - Checks that shape rules share

func expectCount(_ inputs: [TensorType], _ count: Int) throws(OpFault) {
    guard inputs.count == count else { throw OpFault("takes \(count) inputs, got \(inputs.count)") }
}

func expectFloat(_ input: TensorType) throws(OpFault) {
    guard input.dtype.isFloat else { throw OpFault("needs floating-point elements, got \(input.dtype.rawValue)") }
}

func expectSameDType(_ inputs: [TensorType]) throws(OpFault) {
    guard let first = inputs.first else { return }
    for input in inputs where input.dtype != first.dtype {
        throw OpFault("element types differ: \(first.dtype.rawValue) and \(input.dtype.rawValue); cast one of them")
    }
}

func expectInteger(_ input: TensorType, _ what: String) throws(OpFault) {
    guard !input.dtype.isFloat else { throw OpFault("\(what) must be integers, got \(input.dtype.rawValue)") }
}

/// Ops hold axes counted from 0; the methods of `Tensor` take negative ones too (`Tensor.counted`).
func expectAxis(_ axis: Int, rank: Int) throws(OpFault) {
    guard (0..<rank).contains(axis) else { throw OpFault("axis \(axis) is outside of rank \(rank)") }
}

/// The sum, or a fault where it is beyond what a dimension can be.
func checkedSum(_ a: Int, _ b: Int) throws(OpFault) -> Int {
    let (sum, overflow) = a.addingReportingOverflow(b)
    guard !overflow else { throw OpFault("a dimension of \(a) + \(b) is too large") }
    return sum
}
