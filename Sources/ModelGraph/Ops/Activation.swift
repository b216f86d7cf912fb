/// Gaussian error linear unit (Hendrycks and Gimpel 2016), in the three forms that checkpoints were trained with.
public struct GELU: OpDefinition {
    public enum Form: String, Hashable, Sendable, CaseIterable {
        /// `x Phi(x)`, by the error function: PyTorch's default.
        case erf
        /// `x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))`: Flax's default.
        case tanh
        /// `x sigmoid(1.702 x)`: OpenAI's CLIP (openai/CLIP clip/model.py).
        case quick
    }

    public var form: Form

    public init(_ form: Form) { self.form = form }

    public var name: String { "gelu" }
    public var attributes: String { "form=\(form.rawValue)" }

    public func resultType(of inputs: [TensorType]) throws(OpFault) -> TensorType {
        try expectCount(inputs, 1)
        try expectFloat(inputs[0])
        return inputs[0]
    }

    public func evaluate(_ inputs: [ReferenceTensor], result: TensorType) throws(OpFault) -> [Double] {
        inputs[0].values.map { x in
            switch form {
            case .erf: x * 0.5 * (1 + errorFunction(x * GELU.inverseRootTwo))
            case .tanh: x * 0.5 * (1 + hyperbolicTangent(GELU.rootTwoOverPi * (x + GELU.cubic * x * x * x)))
            case .quick: x / (1 + exponential(-GELU.quickSlope * x))
            }
        }
    }

    public func gradient(_ context: GradientContext) -> [Tensor?] {
        [context.inputs[0].apply(.geluGradient(GELUGradient(form: form)), context.upstream)]
    }

    public func decompose(_ inputs: [Tensor]) -> Tensor? {
        let x = inputs[0]
        return switch form {
        case .erf: x * 0.5 * ((x * GELU.inverseRootTwo).erf() + 1)
        case .tanh: x * 0.5 * ((GELU.rootTwoOverPi * (x + GELU.cubic * x * x * x)).tanh() + 1)
        case .quick: x * (GELU.quickSlope * x).sigmoid()
        }
    }

    static let inverseRootTwo = 0.7071067811865476
    static let rootTwoOverPi = 0.7978845608028654
    static let inverseRootTwoPi = 0.3989422804014327
    static let cubic = 0.044715
    static let quickSlope = 1.702
}

/// `dy gelu'(x)`. Inputs: x, upstream.
public struct GELUGradient: OpDefinition {
    public var form: GELU.Form

    public var name: String { "geluGradient" }
    public var attributes: String { "form=\(form.rawValue)" }

    public func resultType(of inputs: [TensorType]) throws(OpFault) -> TensorType {
        try expectCount(inputs, 2)
        try expectFloat(inputs[0])
        guard inputs[0] == inputs[1] else { throw OpFault("x and the upstream gradient differ in type") }
        return inputs[0]
    }

    public func evaluate(_ inputs: [ReferenceTensor], result: TensorType) throws(OpFault) -> [Double] {
        zip(inputs[0].values, inputs[1].values).map { x, dy in
            switch form {
            case .erf:
                return dy
                    * (0.5 * (1 + errorFunction(x * GELU.inverseRootTwo))
                        + x * exponential(-0.5 * x * x) * GELU.inverseRootTwoPi)
            case .tanh:
                let t = hyperbolicTangent(GELU.rootTwoOverPi * (x + GELU.cubic * x * x * x))
                let slope = GELU.rootTwoOverPi * (1 + 3 * GELU.cubic * x * x)
                return dy * (0.5 * (1 + t) + 0.5 * x * (1 - t * t) * slope)
            case .quick:
                let s = 1 / (1 + exponential(-GELU.quickSlope * x))
                return dy * s * (1 + GELU.quickSlope * x * (1 - s))
            }
        }
    }

    public func gradient(_ context: GradientContext) -> [Tensor?] { context.throughDecomposition(self) }

    public func decompose(_ inputs: [Tensor]) -> Tensor? {
        let (x, dy) = (inputs[0], inputs[1])
        switch form {
        case .erf:
            let density = (x * x * -0.5).exp() * GELU.inverseRootTwoPi
            return dy * (((x * GELU.inverseRootTwo).erf() + 1) * 0.5 + x * density)
        case .tanh:
            let t = (GELU.rootTwoOverPi * (x + GELU.cubic * x * x * x)).tanh()
            let slope = (x * x * (3 * GELU.cubic) + 1) * GELU.rootTwoOverPi
            return dy * ((t + 1) * 0.5 + x * 0.5 * (1 - t * t) * slope)
        case .quick:
            let s = (GELU.quickSlope * x).sigmoid()
            return dy * s * (x * GELU.quickSlope * (1 - s) + 1)
        }
    }
}

extension Tensor {
    public func gelu(_ form: GELU.Form, file: String = #fileID, line: Int = #line) -> Tensor {
        located(.gelu(GELU(form)), [], file, line)
    }
}
