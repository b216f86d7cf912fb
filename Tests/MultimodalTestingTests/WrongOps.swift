import Multimodal
import Synchronization

/// `x² w + w`, an op as a plugin brings it, and the same wrong in one way. Inputs: x `[..., n]`, w `[n]`.
struct Bend: OpDefinition {
    enum Fault: Hashable {
        case none, gradientFactor(Double), gradientSign, gradientMissesTerm, gradientOfWeightZero, gradientOfWeightNil
        case gradientOfWrongType, decompositionValue, decompositionType, noDecomposition, decomposesToItself
        case random, count, transposedShape, infinite
    }
    var fault = Fault.none
    var isSinglePrecision = false

    var name: String { "bend" }

    func resultType(of inputs: [TensorType]) throws(OpFault) -> TensorType {
        guard inputs.count == 2, let width = inputs[0].shape.dimensions.last, inputs[1].shape == [width] else {
            throw OpFault("needs x [..., n] and w [n]")
        }
        guard fault == .transposedShape else { return inputs[0] }
        return TensorType(inputs[0].dtype, Shape(inputs[0].shape.dimensions.reversed()))
    }

    func evaluate(_ inputs: [ReferenceTensor], result: TensorType) throws(OpFault) -> [Double] {
        let (x, w) = (inputs[0].values, inputs[1].values)
        var values = x.enumerated().map { $1 * $1 * w[$0 % w.count] + w[$0 % w.count] }
        if isSinglePrecision { values = values.map { Double(Float($0)) } }
        if fault == .random { values[0] += Double(Self.calls.add(1, ordering: .relaxed).newValue) * 0.01 }
        if fault == .count { values.removeLast() }
        if fault == .infinite { values[0] /= 0 }
        return values
    }

    private static let calls = Atomic(0)

    func gradient(_ context: GradientContext) -> [Tensor?] {
        let (x, w, dy) = (context.inputs[0], context.inputs[1], context.upstream)
        var dx: Tensor? = 2 * x * w * dy
        let axes = Array(0..<x.rank - 1)
        var dw: Tensor? = ((x * x + 1) * dy).sum(axes: axes)
        switch fault {
        case .gradientFactor(let factor): dx = dx.map { $0 * factor }
        case .gradientSign: dx = dx.map { -$0 }
        case .gradientMissesTerm: dw = (x * x * dy).sum(axes: axes)
        case .gradientOfWeightZero: dw = dw.map { $0 * 0 }
        case .gradientOfWeightNil: dw = nil
        case .gradientOfWrongType: dw = (x * x + 1) * dy
        default: break
        }
        return [dx, dw]
    }

    func decompose(_ inputs: [Tensor]) -> Tensor? {
        let (x, w) = (inputs[0], inputs[1])
        switch fault {
        case .noDecomposition: return nil
        case .decompositionValue: return x * x * w
        case .decompositionType: return (x * x * w + w).sum(axes: [0])
        case .decomposesToItself: return x.apply(.custom(CustomOp(self)), w)
        case .transposedShape: return x * x * w + w
        default: return x * x * w + w
        }
    }
}

extension Tensor {
    func bent(by weight: Tensor, _ fault: Bend.Fault) -> Tensor { apply(.custom(CustomOp(Bend(fault: fault))), weight) }
}
