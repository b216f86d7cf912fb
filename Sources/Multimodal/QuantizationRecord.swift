public import YAML

/// `quantization` of a `model.yaml`: the precision that the model is to run in, and how far its embeddings then are from
/// those of the float32 model, as measured on calibration inputs.
public struct QuantizationRecord: Hashable, Sendable {
    public var precision: CompileOptions.Precision
    public var images: Drift?
    public var texts: Drift?

    /// Cosines between the embeddings of both models.
    public struct Drift: Hashable, Sendable {
        public var inputs: Int
        public var meanCosine: Double
        public var minimumCosine: Double

        /// The drift of these cosines; nil where there are none.
        public init?(_ cosines: [Double]) {
            guard let minimum = cosines.min() else { return nil }
            inputs = cosines.count
            meanCosine = cosines.reduce(0, +) / Double(cosines.count)
            minimumCosine = minimum
        }

        init(_ node: YAMLNode) throws {
            var map = try node.mapping()
            inputs = try map.required("inputs").int(in: 1...Int.max)
            meanCosine = try map.required("meanCosine").double()
            minimumCosine = try map.required("minimumCosine").double()
            try map.finish()
        }

        public var node: YAMLNode {
            .mapping([
                "inputs": .int(inputs), "meanCosine": .double(meanCosine), "minimumCosine": .double(minimumCosine),
            ])
        }
    }

    public init(precision: CompileOptions.Precision, images: Drift? = nil, texts: Drift? = nil) {
        self.precision = precision
        self.images = images
        self.texts = texts
    }

    init(_ node: YAMLNode) throws {
        var map = try node.mapping()
        precision = try map.required("precision").value(of: CompileOptions.Precision.self)
        images = try map.optional("images").map { try Drift($0) }
        texts = try map.optional("texts").map { try Drift($0) }
        try map.finish()
    }

    public var node: YAMLNode {
        var pairs: [(key: String, value: YAMLNode)] = [("precision", .string(precision.rawValue))]
        if let images { pairs.append(("images", images.node)) }
        if let texts { pairs.append(("texts", texts.node)) }
        return .mapping(pairs)
    }
}
