public import Multimodal

/// A name for each thing that a backend must be able to do: the op, and for families each member.
///
/// The switch is exhaustive, so an op that is added to `Op` must be named here, and a test that asks for all of
/// `OpKey.all` fails until a case covers it.
public enum OpKey {
    public static func key(of op: Op) -> String {
        switch op {
        case .input, .parameter, .constant, .select, .cast, .reshape, .transpose, .broadcast, .slice, .pad,
            .concatenate, .matmul, .convolution, .convolutionInputGradient, .convolutionWeightGradient,
            .averagePool, .averagePoolGradient, .gather, .scatterAdd, .argMax, .oneHot, .softmax,
            .softmaxGradient, .layerNorm, .layerNormGradient, .batchNorm, .l2Normalize, .softmaxCrossEntropy:
            op.name
        case .unary(let unary): "unary." + unary.rawValue
        case .binary(let binary): "binary." + binary.rawValue
        case .reduce(let reduce): "reduce." + reduce.kind.rawValue
        case .gelu(let gelu): "gelu." + gelu.form.rawValue
        case .geluGradient(let gradient): "geluGradient." + gradient.form.rawValue
        case .attention(let attention): attention.isCausal ? "attention.causal" : "attention"
        case .custom: "custom"
        }
    }

    /// Every key, sorted.
    public static let all: [String] =
        ([
            "input", "parameter", "constant", "select", "cast", "reshape", "transpose", "broadcast", "slice", "pad",
            "concatenate", "matmul", "convolution", "convolutionInputGradient", "convolutionWeightGradient",
            "averagePool", "averagePoolGradient", "gather", "scatterAdd", "argMax", "oneHot", "softmax",
            "softmaxGradient", "layerNorm", "layerNormGradient", "batchNorm", "l2Normalize", "softmaxCrossEntropy",
            "attention", "attention.causal", "custom",
        ] + Unary.allCases.map { "unary." + $0.rawValue } + Binary.allCases.map { "binary." + $0.rawValue }
        + Reduce.Kind.allCases.map { "reduce." + $0.rawValue }
        + GELU.Form.allCases.flatMap { ["gelu." + $0.rawValue, "geluGradient." + $0.rawValue] }).sorted()
}
