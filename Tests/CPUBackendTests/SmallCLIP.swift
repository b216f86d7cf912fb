import Multimodal

/// A Vision Transformer, a causal text Transformer and InfoNCE with AdamW, in plain graph calls.
struct SmallCLIP {
    var batch = 4
    var imageSize = 16, patch = 8, width = 24, heads = 3, imageLayers = 2
    var textLength = 6, textLayers = 1, vocabulary = 30

    /// The loss, with one AdamW step as updates where `trains`; embeddings of both towers as outputs.
    func graph(trains: Bool) throws -> Graph {
        try Graph.build { builder in
            let images = builder.input("images", TensorType(.float32, [batch, 3, imageSize, imageSize]))
            let tokens = builder.input("tokens", TensorType(.int32, [batch, textLength]))
            let scope = ParameterScope(builder: builder)
            let image = imageTower(images, scope["visual"])
            let text = textTower(tokens, scope["text"])
            let scale = scope.parameter("logit_scale", .scalar, .constant(2.6592))
            let logits = image.matmul(text.transposed()) * scale.exp()
            let labels = builder.constant(
                TensorData(TensorType(.int32, [batch]), doubles: (0..<batch).map { Double($0) }))
            let loss =
                (logits.softmaxCrossEntropy(labels: labels).mean()
                    + logits.transposed().softmaxCrossEntropy(labels: labels).mean()) * 0.5
            guard trains else { return [("loss", loss), ("image", image), ("text", text)] }
            let soFar = try builder.finish([("loss", loss)])
            let parameters = soFar.parameterSignature.map { parameter, type in
                builder.parameter(parameter.name, type.shape, parameter.initializer)
            }
            let gradients = loss.gradients(withRespectTo: parameters)
            let squares = gradients.map { ($0 * $0).sum() }
            let norm = squares.dropFirst().reduce(squares[0]) { $0 + $1 }.squareRoot()
            let clip = (1 / norm).minimum(builder.constant(1))
            for (index, gradient) in gradients.enumerated() {
                parameters[index].stepAdamW(gradient * clip, name: soFar.parameterSignature[index].parameter.name)
            }
            return [("loss", loss), ("norm", norm)]
        }
    }

    func imageTower(_ images: Tensor, _ scope: ParameterScope) -> Tensor {
        let side = imageSize / patch
        let kernel = scope.parameter("conv1.weight", [width, 3, patch, patch], .normal(standardDeviation: 0.02))
        var x = images.convolution(kernel, stride: patch)
            .reshaped(to: [images.dimension(0), width, side * side]).transposed()
        let token = scope.parameter("class_embedding", [width], .normal(standardDeviation: 0.2))
        x = token.broadcast(to: [images.dimension(0), 1, width]).concatenated(with: x, axis: 1)
        x = x + scope.parameter("positional", [side * side + 1, width], .normal(standardDeviation: 0.2))
        x = norm(x, scope["ln_pre"])
        for layer in 0..<imageLayers { x = block(x, isCausal: false, scope["\(layer)"]) }
        x = norm(x.sliced(axis: 1, 0..<1).reshaped(to: [images.dimension(0), width]), scope["ln_post"])
        return linear(x, width, scope["proj"]).l2Normalized()
    }

    func textTower(_ tokens: Tensor, _ scope: ParameterScope) -> Tensor {
        var x = scope.parameter("token", [vocabulary, width], .normal(standardDeviation: 0.2)).gather(tokens)
        x = x + scope.parameter("positional", [textLength, width], .normal(standardDeviation: 0.1))
        for layer in 0..<textLayers { x = block(x, isCausal: true, scope["\(layer)"]) }
        x = norm(x, scope["ln_final"]).tokens(at: tokens.argMax(axis: 1))
        return linear(x, width, scope["proj"]).l2Normalized()
    }

    private func norm(_ x: Tensor, _ scope: ParameterScope) -> Tensor {
        x.layerNorm(scale: scope.parameter("weight", [width], .ones), bias: scope.parameter("bias", [width], .zeros))
    }

    private func linear(_ x: Tensor, _ outputs: Int, _ scope: ParameterScope) -> Tensor {
        x.linear(
            weight: scope.parameter("weight", [outputs, x.dimension(-1)], .normal(standardDeviation: 0.1)),
            bias: scope.parameter("bias", [outputs], .normal(standardDeviation: 0.1)))
    }

    private func block(_ x: Tensor, isCausal: Bool, _ scope: ParameterScope) -> Tensor {
        let (batch, length) = (x.dimension(0), x.dimension(1))
        let joined = linear(norm(x, scope["ln_1"]), 3 * width, scope["qkv"])
        let parts = (0..<3).map {
            joined.sliced(axis: 2, $0 * width..<($0 + 1) * width)
                .reshaped(to: [batch, length, heads, width / heads]).transposed([0, 2, 1, 3])
        }
        let mixed = parts[0].attention(keys: parts[1], values: parts[2], isCausal: isCausal)
            .transposed([0, 2, 1, 3]).reshaped(to: [batch, length, width])
        let y = x + linear(mixed, width, scope["out"])
        return y + linear(linear(norm(y, scope["ln_2"]), 4 * width, scope["fc"]).gelu(.quick), width, scope["proj"])
    }

    func inputs(seed: UInt64) -> [String: TensorData] {
        var generator = SeededGenerator(seed: seed)
        let pixels = (0..<batch * 3 * imageSize * imageSize).map { _ in generator.nextNormal() }
        let ids = (0..<batch * textLength).map { _ in Double(Int(generator.nextUnit() * Double(vocabulary))) }
        return [
            "images": TensorData(TensorType(.float32, [batch, 3, imageSize, imageSize]), doubles: pixels),
            "tokens": TensorData(TensorType(.int32, [batch, textLength]), doubles: ids),
        ]
    }
}
