/// A picture in memory: rows from top to bottom, pixels from left to right, no padding.
///
/// A decoded picture keeps the mode of its file, because resizing before or after the conversion to RGB gives different
/// numbers, and published preprocessing does either. The modes are those in which Pillow opens the same files.
public struct Image: Sendable, Hashable {
    /// How a pixel is stored. Pillow's name in brackets.
    public enum Mode: Sendable, Hashable, CaseIterable {
        /// One byte, 0 or 255 (`1`).
        case bilevel
        /// One byte, an index into `palette` (`P`).
        case palette
        /// One byte (`L`).
        case gray
        /// Two bytes, little-endian (`I;16`).
        case gray16
        /// Two bytes, gray and alpha (`LA`).
        case grayAlpha
        /// Three bytes (`RGB`).
        case rgb
        /// Four bytes, colour not multiplied by alpha (`RGBA`).
        case rgba
        /// Four bytes, 255 is full ink (`CMYK`).
        case cmyk

        public var bytesPerPixel: Int {
            switch self {
            case .bilevel, .palette, .gray: 1
            case .gray16, .grayAlpha: 2
            case .rgb: 3
            case .rgba, .cmyk: 4
            }
        }
    }

    public let mode: Mode
    /// In pixels, at least 1.
    public let width: Int
    /// In pixels, at least 1.
    public let height: Int
    /// `width * height * mode.bytesPerPixel` bytes.
    public let pixels: [UInt8]
    /// 256 RGB triples in mode `palette`, black beyond the file's own; empty in other modes.
    public let palette: [UInt8]
    /// What is transparent without alpha, as a PNG's or GIF's header says; nil after resizing and converting.
    public let transparency: Transparency?

    /// A picture from its bytes.
    ///
    /// - Throws: `ImageError` (`image.transform`) if a side is less than 1 or the number of bytes does not fit.
    public init(
        width: Int, height: Int, mode: Mode = .rgb, pixels: [UInt8], palette: [UInt8] = []
    ) throws(ImageError) {
        guard width > 0, height > 0 else {
            throw ImageError(.transform, reason: "an image of \(width)x\(height) pixels has no pixels")
        }
        let (count, overflow) = width.multipliedReportingOverflow(by: height)
        let (bytes, overflow2) = count.multipliedReportingOverflow(by: mode.bytesPerPixel)
        guard !overflow, !overflow2, pixels.count == bytes else {
            throw ImageError(
                .transform,
                reason:
                    "\(pixels.count) bytes are not an image of \(width)x\(height) pixels of \(mode.bytesPerPixel) bytes"
            )
        }
        guard palette.count == (mode == .palette ? 768 : 0) else {
            throw ImageError(
                .transform, reason: "a palette has 768 bytes and belongs to mode palette, not \(palette.count)")
        }
        self.init(unchecked: width, height, mode, pixels, palette)
    }

    init(
        unchecked width: Int, _ height: Int, _ mode: Mode, _ pixels: [UInt8], _ palette: [UInt8] = [],
        transparency: Transparency? = nil
    ) {
        self.mode = mode
        self.width = width
        self.height = height
        self.pixels = pixels
        self.palette = palette
        self.transparency = transparency
    }

    /// Samples of a pixel: 1 for gray, 3 for RGB, 4 for RGBA.
    public var channels: Int { mode == .gray16 ? 1 : mode.bytesPerPixel }

    /// Whether it is gray with values beyond 255, which turn white in RGB; `ImageOptions.SixteenBit.scale` keeps them apart.
    public var isClippedInRGB: Bool {
        mode == .gray16 && stride(from: 1, to: pixels.count, by: 2).contains { pixels[$0] != 0 }
    }
}
