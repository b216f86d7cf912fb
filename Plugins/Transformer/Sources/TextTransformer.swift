package import Multimodal

/// The causal text Transformer of CLIP (Radford et al. 2021, section 2.4). A text's features are those of its end token,
/// found as the position of the largest id, or of the first id that is the end token's (`pooling: eos`, as
/// huggingface/transformers modeling_clip.py has it). SigLIP's (Zhai et al. 2023) has no causal mask and takes the last
/// position, padding or not.
///
/// Parameter names and initialisation: openai/CLIP clip/model.py (`CLIP.initialize_parameters`, `encode_text`).
package struct TextTransformer: TextEncoder {
    package let contextLength: Int
    package let vocabularySize: Int
    let width: Int
    let layers: Int
    let pooling: Pooling
    private let endID: Int
    let block: ResidualAttentionBlock
    let projection: EncoderFeatures.Projection

    /// Where a text's features are taken: at the largest id, the first `endToken`, the first or the last position.
    enum Pooling: String { case argmax, eos, first, last }

    package var endToken: Int32? { pooling == .eos ? Int32(clamping: endID) : nil }

    /// With a causal mask nothing after the end token can reach it.
    package var ignoresPadding: Bool { block.isCausal && pooling != .last }

    package init(_ config: PluginConfig) throws {
        contextLength = try config.integer("contextLength")
        vocabularySize = try config.integer("vocabularySize")
        width = try config.integer("width")
        layers = try config.integer("layers")
        let heads = try config.integer("heads")
        guard width.isMultiple(of: heads) else {
            throw config.error(
                "heads", "\(heads) heads do not divide a width of \(width)", remedy: "choose a divisor of width")
        }
        pooling = Pooling(rawValue: try config.string("pooling")) ?? .argmax
        endID = try config.integer("endToken")
        guard pooling != .eos || endID < vocabularySize else {
            throw config.error(
                "endToken", "the end token \(endID) is outside of the vocabulary of \(vocabularySize)",
                remedy: "write the id that the tokenizer ends texts with")
        }
        projection = try config.projection("projection")
        let base = 1 / Double(width).squareRoot()
        let residual = base / Double(2 * layers).squareRoot()
        block = ResidualAttentionBlock(
            width: width, heads: heads, hiddenWidth: max(1, Int(Double(width) * (try config.number("mlpRatio")))),
            activation: try config.activation("activation"), epsilon: try config.number("epsilon"),
            isCausal: try config.boolean("causal"), layerScale: try config.layerScale("layerScale"),
            initializers: .init(
                attentionInput: .normal(standardDeviation: base),
                attentionOutput: .normal(standardDeviation: residual),
                mlpInput: .normal(standardDeviation: 1 / Double(2 * width).squareRoot()),
                mlpOutput: .normal(standardDeviation: residual)))
    }

    package func build(_ tokens: Tensor, in scope: ParameterScope) -> EncoderFeatures {
        let length = tokens.dimension(1)
        let table = scope["token_embedding"].parameter(
            "weight", [vocabularySize, width], .normal(standardDeviation: 0.02))
        let positions = scope.parameter(
            "positional_embedding", [contextLength, width], .normal(standardDeviation: 0.01))

        var x = table.gather(tokens) + positions.sliced(axis: 0, 0..<length)  // [batch, length, width]
        var penultimate = x
        for layer in 0..<layers {
            penultimate = x
            x = block.build(x, in: scope["transformer"]["resblocks"]["\(layer)"])
        }
        let states = scope.layerNorm("ln_final", x, epsilon: block.epsilon)
        return EncoderFeatures(
            pooled: pooled(states, tokens), tokens: states, penultimate: penultimate, projection: projection)
    }

    /// `[batch, length, width] -> [batch, width]`
    private func pooled(_ states: Tensor, _ tokens: Tensor) -> Tensor {
        func state(at position: Int) -> Tensor {
            states.sliced(axis: 1, position..<position + 1).reshaped(to: [states.dimension(0), width])
        }
        switch pooling {
        case .argmax: return states.tokens(at: tokens.argMax(axis: 1))
        case .eos:
            let end = tokens.builder.constant(Double(endID), dtype: .int32)
            return states.tokens(at: tokens.equal(to: end).argMax(axis: 1))
        case .first: return state(at: 0)
        case .last: return state(at: tokens.dimension(1) - 1)
        }
    }
}
