package import Multimodal

/// The causal text Transformer of CLIP (Radford et al. 2021, section 2.4). A text's features are those of its end token,
/// found as the position of the largest id, or of the first id that is the end token's (`pooling: eos`, as
/// huggingface/transformers modeling_clip.py has it).
///
/// Parameter names and initialisation: openai/CLIP clip/model.py (`CLIP.initialize_parameters`, `encode_text`).
package struct TextTransformer: TextEncoder {
    package let contextLength: Int
    package let vocabularySize: Int
    /// With a causal mask nothing after the end token can reach it.
    package let ignoresPadding = true
    let width: Int
    let layers: Int
    /// The id at whose first place a text is pooled; nil pools at the largest id.
    let pooledToken: Int?
    let block: ResidualAttentionBlock

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
        let endToken = try config.integer("endToken")
        pooledToken = try config.string("pooling") == "eos" ? endToken : nil
        guard pooledToken == nil || endToken < vocabularySize else {
            throw config.error(
                "endToken", "the end token \(endToken) is outside of the vocabulary of \(vocabularySize)",
                remedy: "write the id that the tokenizer ends texts with")
        }
        let base = 1 / Double(width).squareRoot()
        let residual = base / Double(2 * layers).squareRoot()
        block = ResidualAttentionBlock(
            width: width, heads: heads, hiddenWidth: max(1, Int(Double(width) * (try config.number("mlpRatio")))),
            activation: try config.activation("activation"), epsilon: try config.number("epsilon"), isCausal: true,
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
            pooled: states.tokens(at: pooledPositions(tokens)), tokens: states, penultimate: penultimate)
    }

    /// `[batch, length] -> [batch]`
    private func pooledPositions(_ tokens: Tensor) -> Tensor {
        guard let pooledToken else { return tokens.argMax(axis: 1) }
        let end = tokens.builder.constant(Double(pooledToken), dtype: .int32)
        return tokens.equal(to: end).argMax(axis: 1)
    }
}
