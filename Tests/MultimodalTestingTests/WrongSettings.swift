import Multimodal

/// An image encoder with settings, made through a manifest; and the same wrong in one way.
struct ToyPlugin: Plugin {
    enum Fault {
        case none, ignoresSetting, defaultDoesNotBuild, traplessButNameless, undeclaredSetting, wrongOp, tooLarge
    }
    var fault = Fault.none

    var manifest: [UInt8] {
        let size = fault == .tooLarge ? 600 : 6
        let patch = fault == .defaultDoesNotBuild ? 4 : 3
        return Array(
            """
            apiVersion: 1
            name: toy
            version: 1.0.0
            summary: for tests
            provides:
              - kind: image-encoder
                name: toy
                config:
                  imageSize: {type: integer, default: \(size), minimum: 1, maximum: 1024}
                  patchSize: {type: integer, default: \(patch), minimum: 1, maximum: 64}
                  slope: {type: number, default: 1, minimum: 0.5, maximum: 2}
                  activation: {type: string, default: gelu, oneOf: [gelu, relu]}
                  bias: {type: boolean, default: true}
            entry: {linked: MultimodalTestingTests}
            """.utf8)
    }

    func register(in registrar: inout PluginRegistrar) {
        registrar.imageEncoder("toy") { [fault] config in
            if fault == .undeclaredSetting { _ = try config.integer("depth") }
            let (size, patch) = (try config.integer("imageSize"), try config.integer("patchSize"))
            if !size.isMultiple(of: patch) {
                if fault == .traplessButNameless { throw BackendError("it does not work") }
                throw config.error("patchSize", "does not divide imageSize", remedy: "choose a divisor")
            }
            return ToyPatches(
                imageSize: size, patchSize: patch, slope: try config.number("slope"),
                isRelu: try config.string("activation") == "relu",
                hasBias: fault == .ignoresSetting ? true : try config.boolean("bias"),
                op: fault == .wrongOp ? .gradientSign : .none)
        }
    }
}

private struct ToyPatches: ImageEncoder {
    var imageSize: Int
    var patchSize: Int
    var slope: Double
    var isRelu: Bool
    var hasBias: Bool
    var op: Bend.Fault

    func build(_ images: Tensor, in scope: ParameterScope) -> EncoderFeatures {
        let batch = images.dimension(0)
        let kernel = scope.parameter("weight", [4, 3, patchSize, patchSize], .normal(standardDeviation: 0.2))
        let grid = imageSize / patchSize
        var x = images.convolution(kernel, stride: patchSize).reshaped(to: [batch, 4, grid * grid]).transposed()
        if hasBias { x = x + scope.parameter("bias", [4], .zeros) }
        x = (isRelu ? x.relu() : x.gelu(.erf)) * slope
        x = x.bent(by: scope.parameter("bend", [4], .ones), op)
        return EncoderFeatures(pooled: x.mean(axes: [1]), tokens: x)
    }
}
