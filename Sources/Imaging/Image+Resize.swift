import CImageCodecs

/// How a resized pixel is computed from its neighbours. All but `nearest` are antialiased: shrinking widens the filter.
public enum Interpolation: String, Sendable, Hashable, CaseIterable {
    case nearest, box, bilinear, hamming
    /// The cubic with a = -0.5.
    case bicubic
    case lanczos

    fileprivate var filter: Int32 {
        switch self {
        case .nearest: Int32(CIC_NEAREST)
        case .box: Int32(CIC_BOX)
        case .bilinear: Int32(CIC_BILINEAR)
        case .hamming: Int32(CIC_HAMMING)
        case .bicubic: Int32(CIC_BICUBIC)
        case .lanczos: Int32(CIC_LANCZOS)
        }
    }
}

/// A rectangle of pixels inside a picture.
struct PixelRect: Sendable, Hashable {
    var x: Int
    var y: Int
    var width: Int
    var height: Int
}

extension Image {
    /// The picture at another size: the same bytes as Pillow's `resize`, whatever the mode.
    ///
    /// As there, palette and bilevel pictures are resized by `nearest`, and pictures with alpha are multiplied by it before
    /// and divided after. A picture that has the size already is returned as it is.
    ///
    /// - Throws: `ImageError` (`image.transform` for a size below 1, `image.too-large` for one that is out of reach).
    public func resized(
        width newWidth: Int, height newHeight: Int, interpolation: Interpolation = .bicubic
    ) throws(ImageError) -> Image {
        let pixels = newWidth.multipliedReportingOverflow(by: newHeight)
        guard !pixels.overflow, pixels.partialValue <= Image.maximumResizedPixels else {
            throw ImageError(
                .tooLarge,
                reason:
                    "\(newWidth)x\(newHeight) pixels; at most \(Image.maximumResizedPixels) can result from resizing")
        }
        return try resized(
            width: newWidth, height: newHeight, interpolation: interpolation,
            window: PixelRect(x: 0, y: 0, width: newWidth, height: newHeight))
    }

    /// The window of `resized(width:height:interpolation:)`, without computing the rest.
    func resized(
        width newWidth: Int, height newHeight: Int, interpolation: Interpolation, window: PixelRect
    ) throws(ImageError) -> Image {
        guard newWidth > 0, newHeight > 0 else {
            throw ImageError(.transform, reason: "cannot resize \(width)x\(height) pixels to \(newWidth)x\(newHeight)")
        }
        guard max(newWidth, newHeight, width, height) <= Image.maximumSide else {
            throw ImageError(
                .tooLarge,
                reason: "cannot resize \(width)x\(height) pixels to \(newWidth)x\(newHeight): a side may have at most "
                    + "\(Image.maximumSide) pixels")
        }
        let changes = newWidth != width || newHeight != height
        let nearest = interpolation == .nearest || mode == .palette || mode == .bilevel || !changes
        let alpha = !nearest && (mode == .rgba || mode == .grayAlpha)
        var job = cic_resize(
            source_width: Int32(width), source_height: Int32(height), out_width: Int32(newWidth),
            out_height: Int32(newHeight), x: Int32(window.x), y: Int32(window.y), width: Int32(window.width),
            height: Int32(window.height), filter: interpolation.filter)

        var status = Int32(CIC_OK)
        let count = window.width * window.height * mode.bytesPerPixel
        let source = alpha ? premultiplied() : self
        let result = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            source.pixels.withUnsafeBufferPointer { input in
                let bytes = Int32(mode.bytesPerPixel)
                if nearest {
                    status = cic_resize_nearest(input.baseAddress, mode.bytesPerPixel, &job, buffer.baseAddress)
                } else if mode == .gray16 {
                    status = cic_resize_u16(input.baseAddress, &job, buffer.baseAddress)
                } else {
                    status = cic_resize_u8(input.baseAddress, bytes, &job, buffer.baseAddress)
                }
            }
            initialized = status == CIC_OK ? count : 0
        }
        guard status == CIC_OK else {
            throw ImageError(
                status == CIC_MEMORY ? .tooLarge : .transform,
                reason:
                    "cannot resize \(width)x\(height) pixels to \(newWidth)x\(newHeight): the memory needed is out of reach"
            )
        }
        let resized = Image(unchecked: window.width, window.height, mode, result, palette)
        return alpha ? resized.unpremultiplied() : resized
    }

    static let maximumSide = 1 << 26
    static let maximumResizedPixels = 1 << 28
}
