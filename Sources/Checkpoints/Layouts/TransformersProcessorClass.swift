import Imaging
import YAML

/// What an image processor of transformers does where its file says nothing: the classes' attributes
/// (models/*/image_processing_pil_*.py, version 5.24). These classes differ in nothing else; others are refused by name.
struct TransformersProcessorClass {
    /// `shortest_edge`, or else an equal height and width.
    var size: (pixels: Int, isShortest: Bool)
    var interpolation = "bicubic"
    var mean = [0.5, 0.5, 0.5]
    var std = [0.5, 0.5, 0.5]
    /// Side of the crop; nil where nothing is cropped.
    var crop: Int?
    /// Whether one number as `size` is both sides.
    var squaresNumber = true
    /// The share of the resized shorter side that is kept of sizes below 384; nil where the class has no such thing.
    var cropShare: Double?

    private static let openAI = (
        mean: ImageTransform.openAIMean.map { Double("\($0)") ?? 0 },
        std: ImageTransform.openAIStd.map { Double("\($0)") ?? 0 }
    )

    static let clip = TransformersProcessorClass(
        size: (224, true), mean: openAI.mean, std: openAI.std, crop: 224, squaresNumber: false)
    static let siglip = TransformersProcessorClass(size: (224, false), squaresNumber: false)

    /// By the class's name, without `ImageProcessor`.
    private static let known: [String: TransformersProcessorClass] = [
        "CLIP": clip, "ChineseCLIP": clip, "Bit": clip, "Siglip": siglip,
        "ViT": TransformersProcessorClass(size: (224, false), interpolation: "bilinear"),
        "DeiT": TransformersProcessorClass(size: (256, false), crop: 224),
        "Blip": TransformersProcessorClass(size: (384, false), mean: openAI.mean, std: openAI.std),
        "OwlViT": TransformersProcessorClass(size: (768, false), mean: openAI.mean, std: openAI.std),
        "MobileNetV1": TransformersProcessorClass(
            size: (256, true), interpolation: "bilinear", crop: 224, squaresNumber: false),
        "Pvt": TransformersProcessorClass(
            size: (224, false), mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225]),
        "ConvNext": TransformersProcessorClass(size: (384, true), squaresNumber: false, cropShare: 0.875),
    ]

    /// The class that `name` names: its newer and older names are `…ImageProcessor`, `…ImageProcessorFast`,
    /// `…ImageProcessorPil` and `…FeatureExtractor`.
    static func named(_ name: YAMLNode) throws -> TransformersProcessorClass {
        let text = try name.string()
        for ending in ["ImageProcessor", "ImageProcessorFast", "ImageProcessorPil", "FeatureExtractor"]
        where text.hasSuffix(ending) {
            if let found = known[String(text.dropLast(ending.count))] { return found }
        }
        throw LayoutReading.refusal(
            name, "the image processor \(text) is not supported",
            remedy: "these are: \(known.keys.sorted().map { "\($0)ImageProcessor" }.joined(separator: ", "))")
    }
}
