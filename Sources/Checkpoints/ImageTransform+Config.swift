public import Imaging
public import YAML

extension ImageTransform {
    /// Reads a model's `preprocess`: one key for each property, all but `resize` optional; unknown keys are refused.
    ///
    ///     preprocess: {resize: 224, resizeMode: shortest, interpolation: bicubic, crop: center, mean: [...], std: [...]}
    public init(preprocess node: YAMLNode) throws {
        var map = try node.mapping()
        let sizes = 1...ImageTransform.maximumSize
        let resize = try map.required("resize").int(in: sizes)
        let resizeMode = try map.optional("resizeMode")?.value(of: ResizeMode.self) ?? .shortest
        let interpolation = try map.optional("interpolation")?.value(of: Interpolation.self) ?? .bicubic
        let crop = try map.optional("crop")?.value(of: Crop.self) ?? .center
        let cropSize = try map.optional("cropSize")?.int(in: sizes)
        let cropRounding = try map.optional("cropRounding")?.value(of: CropRounding.self) ?? .halfEven
        let convert = try map.optional("convert")?.value(of: Conversion.self) ?? .last
        let alpha = try map.optional("alpha")?.value(of: Alpha.self) ?? .drop
        let mean = try map.optional("mean").map(Self.channels) ?? ImageTransform.openAIMean
        let std = try map.optional("std").map(Self.channels) ?? ImageTransform.openAIStd
        try map.finish()
        do {
            try self.init(
                resize: resize, resizeMode: resizeMode, interpolation: interpolation, crop: crop, cropSize: cropSize,
                cropRounding: cropRounding, convert: convert, alpha: alpha, mean: mean, std: std)
        } catch {
            throw node.error(error.reason)
        }
    }

    /// Every property, as `init(preprocess:)` reads them.
    package var settings: YAMLNode {
        var entries: [(key: String, value: YAMLNode)] = [
            ("resize", .int(resize)), ("resizeMode", .string(resizeMode.rawValue)),
            ("interpolation", .string(interpolation.rawValue)), ("crop", .string(crop.rawValue)),
        ]
        if crop == .center { entries.append(("cropSize", .int(cropSize))) }
        return .mapping(
            entries + [
                ("cropRounding", .string(cropRounding.rawValue)), ("convert", .string(convert.rawValue)),
                ("alpha", .string(alpha.rawValue)),
                ("mean", .sequence(mean.map(YAMLNode.float))), ("std", .sequence(std.map(YAMLNode.float))),
            ])
    }

    private static func channels(_ node: YAMLNode) throws -> [Float] {
        let values = try node.array { try $0.float() }
        guard values.count == 3 else {
            throw node.error("\(values.count) numbers for three channels", remedy: "write [red, green, blue]")
        }
        return values
    }

    /// The side of the squares that it gives whatever the picture; nil where their shape follows the picture's.
    package var squareSize: Int? {
        if crop == .center { return cropSize }
        return resizeMode == .shortest ? nil : resize
    }

    /// All settings with defaults filled in, as text that is equal for transforms that do the same. A setting that came
    /// later is left out where it is what was done before, so that spaces stay.
    package var canonicalText: String {
        let numbers = (mean + std).map { "\($0)" }.joined(separator: ",")
        return
            "resize=\(resize) mode=\(resizeMode.rawValue) interpolation=\(interpolation.rawValue) crop=\(crop.rawValue) "
            + "size=\(crop == .center ? cropSize : 0) rounding=\(cropRounding.rawValue) convert=\(convert.rawValue) "
            + "normalize=\(numbers)" + (alpha == .drop ? "" : " alpha=\(alpha.rawValue)")
    }
}
