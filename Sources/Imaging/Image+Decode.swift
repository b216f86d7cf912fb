import CImageCodecs

extension Image {
    /// Decodes an image (the first frame of an animation, the first page of a TIFF), told apart by its first bytes: PNG, JPEG,
    /// WebP, GIF, BMP, TIFF; HEIC and AVIF where libheif is installed; and the preview inside a camera's RAW file where libraw
    /// is.
    ///
    /// The pixels are Pillow's: byte for byte for PNG, GIF, BMP and TIFF, within 1 of 255 for JPEG, WebP and HEIC. AVIF's
    /// colours are spread over their pixels by libheif, which does it in another way. Colour profiles and gamma are ignored.
    /// Whole numbers and fractions of more than 16 bits in a TIFF are cut off at 0 and 255.
    ///
    /// - Parameters:
    ///   - bytes: the whole file.
    ///   - source: where the bytes came from, for error messages.
    /// - Throws: `ImageError` (`image.empty`, `image.decode`, `image.truncated`, `image.too-large`, `image.library`).
    public init(
        decoding bytes: [UInt8], source: String? = nil, limits: ImageLimits = ImageLimits(),
        options: ImageOptions = ImageOptions()
    ) throws(ImageError) {
        do throws(ImageError) {
            self = try bytes.withUnsafeBufferPointer { (buffer) throws(ImageError) in
                try Image.decode(buffer, limits: limits, options: options)
            }
        } catch {
            throw error.from(source)
        }
    }

    static func decode(
        _ bytes: UnsafeBufferPointer<UInt8>, limits: ImageLimits, options: ImageOptions
    ) throws(ImageError) -> Image {
        guard bytes.count > 0 else { throw ImageError(.empty, reason: "the file is empty") }
        let format = try ImageFormat(recognising: bytes)
        if format == .raw { return try preview(bytes, limits: limits, options: options) }
        let isUpright = options.orientation == .upright
        // Pillow's plugins for HEIC turn an image in any case, for AVIF they do not.
        let codec = Codec(format: format, isStored: format == .avif && !isUpright)
        var (image, info) = try pixels(bytes, codec, limits)
        let chunks = format == .png ? PNGChunks(bytes) : nil
        if let transparency = image.transparency(of: chunks, info) {
            image = Image(
                unchecked: image.width, image.height, image.mode, image.pixels, image.palette,
                transparency: transparency)
        }
        if image.mode == .gray16, options.sixteenBit == .scale { image = image.scaledToGray(depth: Int(info.depth)) }
        switch format {
        case .tiff: return image.turned(by: StoredOrientation.tiff(bytes))  // Pillow turns these when it opens them
        case .jpeg where isUpright: return image.turned(by: StoredOrientation.jpeg(bytes))
        case .webp where isUpright: return image.turned(by: StoredOrientation.webp(bytes))
        case .png where isUpright: return image.turned(by: chunks.flatMap(StoredOrientation.png))
        default: return image
        }
    }

    private static func pixels(
        _ bytes: UnsafeBufferPointer<UInt8>, _ codec: Codec, _ limits: ImageLimits
    ) throws(ImageError) -> (Image, cic_info) {
        guard let base = bytes.baseAddress else { throw ImageError(.empty, reason: "the file is empty") }
        var info = cic_info()
        let headerStatus = codec.header(base, bytes.count, &info)
        // A size that is refused says more than the truncation that usually comes with it.
        let width = Int(info.width)
        let height = Int(info.height)
        try limits.check(width: width, height: height, "\(codec.format.name) image")
        try codec.check(headerStatus, info)
        guard let mode = Mode(layout: info.layout), width > 0, height > 0 else {
            throw ImageError(.decode, reason: "the \(codec.format.name) image has no pixels")
        }

        let capacity = width * height * mode.bytesPerPixel
        var decodeStatus = Int32(CIC_OK)
        let pixels = [UInt8](unsafeUninitializedCapacity: capacity) { buffer, count in
            guard let target = buffer.baseAddress else { return }
            decodeStatus = codec.decode(base, bytes.count, target, capacity, &info)
            count = decodeStatus == CIC_OK ? capacity : 0
        }
        try codec.check(decodeStatus, info)
        guard info.width == width, info.height == height, Mode(layout: info.layout) == mode, pixels.count == capacity
        else {
            throw ImageError(.decode, reason: "the \(codec.format.name) image contradicts its own header")
        }
        let palette = mode == .palette ? withUnsafeBytes(of: &info.palette) { [UInt8]($0) } : []
        return (Image(unchecked: width, height, mode, pixels, palette), info)
    }

    /// What a PNG's chunk or a GIF's header says of transparency, as Pillow takes it.
    private func transparency(of chunks: PNGChunks?, _ info: cic_info) -> Transparency? {
        if info.has_transparent != 0 {
            let index = UInt8(truncatingIfNeeded: info.transparent)
            if mode != .palette { return .color([index, index, index]) }
            return .entries([UInt8](repeating: 255, count: Int(index)) + [0])
        }
        guard let bytes = chunks?.transparency else { return nil }
        // The low bytes of 16-bit numbers; of one bit, what it becomes.
        switch mode {
        case .palette: return .entries(Array(bytes))
        case .bilevel where bytes.count >= 2:
            return .color([UInt8](repeating: bytes[0] == 0 && bytes[1] == 0 ? 0 : 255, count: 3))
        case .gray where bytes.count >= 2, .gray16 where bytes.count >= 2:
            return .color([bytes[1], bytes[1], bytes[1]])
        case .rgb where bytes.count >= 6: return .color([bytes[1], bytes[3], bytes[5]])
        default: return nil
        }
    }
}

extension ImageLimits {
    func check(width: Int, height: Int, _ what: String) throws(ImageError) {
        guard width == 0 || height <= pixels / width else {
            throw ImageError(
                .tooLarge, reason: "the \(what) has \(width)x\(height) pixels; the limit is \(pixels) pixels")
        }
    }
}

extension Image.Mode {
    fileprivate init?(layout: Int32) {
        switch Int(layout) {
        case CIC_BILEVEL: self = .bilevel
        case CIC_PALETTE: self = .palette
        case CIC_GRAY: self = .gray
        case CIC_GRAY16: self = .gray16
        case CIC_GRAY_ALPHA: self = .grayAlpha
        case CIC_RGB: self = .rgb
        case CIC_RGBA: self = .rgba
        case CIC_CMYK: self = .cmyk
        default: return nil
        }
    }
}
