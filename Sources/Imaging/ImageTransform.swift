/// What a model does to a picture before its encoder sees it: resize, crop, convert to RGB, scale to 0...1, normalise.
///
/// The result is bit for bit that of Pillow and torchvision with the same settings (`Resize`, `CenterCrop`,
/// `convert("RGB")`, `ToTensor`, `Normalize`). The defaults are those of OpenAI's CLIP; model.yaml's `preprocess` has one
/// key for each property.
public struct ImageTransform: Sendable, Hashable {
    /// What is fitted to the size.
    public enum ResizeMode: String, Sendable, Hashable, CaseIterable {
        /// The shorter side becomes the size, the longer follows, rounded down.
        case shortest
        /// Both sides become the size, whatever the proportions.
        case squash
        /// The longer side becomes the size, the shorter follows, rounded half to even; then padding with zeros to a square.
        case longest
    }

    public enum Crop: String, Sendable, Hashable, CaseIterable {
        /// The middle square; a side that is too short is padded with zeros.
        case center
        /// Nothing is cut; with `shortest`, the output then has the proportions of the picture.
        case none
    }

    /// Where the crop begins when the surplus is odd.
    public enum CropRounding: String, Sendable, Hashable, CaseIterable {
        /// Half the surplus, rounded half to even: torchvision, and so OpenAI and open_clip.
        case halfEven = "half-even"
        /// Half the surplus, rounded down: Hugging Face's transformers.
        case down
    }

    /// When the picture is converted to RGB. It matters for palettes, bilevel, alpha, CMYK and 16-bit gray.
    public enum Conversion: String, Sendable, Hashable, CaseIterable {
        /// Before resizing: transformers.
        case first
        /// After resizing and cropping: OpenAI and open_clip.
        case last
    }

    /// What becomes of transparency, an alpha channel's or a colour's that the file calls transparent.
    public enum Alpha: String, Sendable, Hashable, CaseIterable {
        /// Left out, so that the colours underneath show: Pillow's `convert("RGB")`, and so OpenAI and open_clip.
        case drop
        /// The picture is laid on white before anything else: transformers.
        case white
    }

    /// Pixels to which `resizeMode` fits the picture.
    public let resize: Int
    public let resizeMode: ResizeMode
    public let interpolation: Interpolation
    public let crop: Crop
    /// Pixels of the cropped square's side.
    public let cropSize: Int
    public let cropRounding: CropRounding
    public let convert: Conversion
    public let alpha: Alpha
    /// Red, green, blue; in units of 0...1.
    public let mean: [Float]
    /// Red, green, blue; in units of 0...1.
    public let std: [Float]

    public static let openAIMean: [Float] = [0.48145466, 0.4578275, 0.40821073]
    public static let openAIStd: [Float] = [0.26862954, 0.26130258, 0.27577711]

    /// The largest size that is taken, in pixels.
    public static let maximumSize = 8192

    /// A transform to squares of `resize` pixels, unless told otherwise.
    ///
    /// - Parameter cropSize: `resize` if `nil`.
    /// - Throws: `ImageError` (`image.transform`) if a size is not in 1...8192, or mean or std are not three finite numbers,
    ///   or a std is zero.
    public init(
        resize: Int, resizeMode: ResizeMode = .shortest, interpolation: Interpolation = .bicubic, crop: Crop = .center,
        cropSize: Int? = nil, cropRounding: CropRounding = .halfEven, convert: Conversion = .last,
        alpha: Alpha = .drop, mean: [Float] = ImageTransform.openAIMean, std: [Float] = ImageTransform.openAIStd
    ) throws(ImageError) {
        for (name, size) in [("resize", resize), ("cropSize", cropSize ?? resize)] {
            guard (1...ImageTransform.maximumSize).contains(size) else {
                throw ImageError(
                    .transform, reason: "preprocess: \(name) is \(size); it must be 1 to \(ImageTransform.maximumSize)")
            }
        }
        for (name, values) in [("mean", mean), ("std", std)] {
            guard values.count == 3, values.allSatisfy(\.isFinite) else {
                throw ImageError(
                    .transform,
                    reason: "preprocess: \(name) must be three finite numbers (red, green, blue), not \(values)")
            }
        }
        guard std.allSatisfy({ $0 != 0 }) else {
            throw ImageError(.transform, reason: "preprocess: std must not be zero, but is \(std)")
        }
        self.resize = resize
        self.resizeMode = resizeMode
        self.interpolation = interpolation
        self.crop = crop
        self.cropSize = cropSize ?? resize
        self.cropRounding = cropRounding
        self.convert = convert
        self.alpha = alpha
        self.mean = mean
        self.std = std
    }

    /// The size in pixels of the output for a picture of this size. It depends on the picture only for `shortest` with no
    /// crop.
    public func outputSize(width: Int, height: Int) -> (width: Int, height: Int) {
        if crop == .center { return (cropSize, cropSize) }
        return resizeMode == .longest ? (resize, resize) : resizedSize(width: width, height: height)
    }
}
