import CImageCodecs

extension Image {
    /// Decodes a PNG, JPEG or WebP picture (the first frame of an animation), told apart by its first bytes.
    ///
    /// The pixels are Pillow's: byte for byte for PNG, within 1 of 255 for JPEG and WebP. Orientation in EXIF data is not
    /// applied, colour profiles and gamma are ignored, transparency given by colour or palette entry is ignored.
    ///
    /// - Parameters:
    ///   - bytes: the whole file.
    ///   - source: where the bytes came from, for error messages.
    /// - Throws: `ImageError` (`image.empty`, `image.decode`, `image.truncated`, `image.too-large`).
    public init(decoding bytes: [UInt8], source: String? = nil, limits: ImageLimits = ImageLimits()) throws(ImageError)
    {
        do throws(ImageError) {
            self = try bytes.withUnsafeBufferPointer { (buffer) throws(ImageError) in
                try Image.decode(buffer, limits: limits)
            }
        } catch {
            throw error.from(source)
        }
    }

    private static func decode(
        _ bytes: UnsafeBufferPointer<UInt8>, limits: ImageLimits
    ) throws(ImageError) -> Image {
        guard let base = bytes.baseAddress, bytes.count > 0 else {
            throw ImageError(.empty, reason: "the file is empty")
        }
        let codec = try Codec.recognise(bytes)
        var info = cic_info()
        let headerStatus = codec.header(base, bytes.count, &info)
        // A size that is refused says more than the truncation that usually comes with it.
        let width = Int(info.width)
        let height = Int(info.height)
        guard width == 0 || height <= limits.pixels / width else {
            throw ImageError(
                .tooLarge,
                reason: "the \(codec.name) image has \(width)x\(height) pixels; the limit is \(limits.pixels) pixels")
        }
        try codec.check(headerStatus, info)
        guard let mode = Mode(layout: info.layout), width > 0, height > 0 else {
            throw ImageError(.decode, reason: "the \(codec.name) image has no pixels")
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
            throw ImageError(.decode, reason: "the \(codec.name) image contradicts its own header")
        }
        let palette = mode == .palette ? withUnsafeBytes(of: &info.palette) { [UInt8]($0) } : []
        return Image(unchecked: width, height, mode, pixels, palette)
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

private enum Codec {
    case png, jpeg, webp

    var name: String {
        switch self {
        case .png: "PNG"
        case .jpeg: "JPEG"
        case .webp: "WebP"
        }
    }

    func header(_ data: UnsafePointer<UInt8>, _ size: Int, _ info: inout cic_info) -> Int32 {
        switch self {
        case .png: cic_png_header(data, size, &info)
        case .jpeg: cic_jpeg_header(data, size, &info)
        case .webp: cic_webp_header(data, size, &info)
        }
    }

    func decode(
        _ data: UnsafePointer<UInt8>, _ size: Int, _ pixels: UnsafeMutablePointer<UInt8>, _ capacity: Int,
        _ info: inout cic_info
    ) -> Int32 {
        switch self {
        case .png: cic_png_decode(data, size, pixels, capacity, &info)
        case .jpeg: cic_jpeg_decode(data, size, pixels, capacity, &info)
        case .webp: cic_webp_decode(data, size, pixels, capacity, &info)
        }
    }

    func check(_ status: Int32, _ info: cic_info) throws(ImageError) {
        if status == CIC_OK { return }
        if status == CIC_TRUNCATED {
            throw ImageError(.truncated, reason: "the \(name) image is truncated: the data end too early")
        }
        var info = info
        let said = withUnsafeBytes(of: &info.message) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        throw ImageError(.decode, reason: "the \(name) image cannot be decoded: \(said)")
    }

    static func recognise(_ bytes: UnsafeBufferPointer<UInt8>) throws(ImageError) -> Codec {
        func has(_ prefix: [UInt8], at offset: Int = 0) -> Bool {
            bytes.dropFirst(offset).starts(with: prefix)
        }
        let pngSignature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
        if has(pngSignature) { return .png }
        if has([0xFF, 0xD8, 0xFF]) { return .jpeg }
        let riff = Array("RIFF".utf8)
        if has(riff), has(Array("WEBP".utf8), at: 8) { return .webp }

        let starts: [(name: String, bytes: [UInt8])] = [
            ("PNG", pngSignature), ("JPEG", [0xFF, 0xD8, 0xFF]), ("WebP", riff),
        ]
        for start in starts where bytes.count < 12 && start.bytes.starts(with: bytes.prefix(start.bytes.count)) {
            throw ImageError(.truncated, reason: "the \(start.name) image is truncated: the data end too early")
        }
        let others: [(name: String, offset: Int, text: String)] = [
            ("GIF", 0, "GIF8"), ("BMP", 0, "BM"), ("TIFF", 0, "II*\0"), ("TIFF", 0, "MM\0*"), ("AVIF", 4, "ftypavif"),
            ("HEIC", 4, "ftyphei"), ("HEIC", 4, "ftypmif1"), ("SVG", 0, "<svg"), ("PDF", 0, "%PDF"),
        ]
        for other in others where has(Array(other.text.utf8), at: other.offset) {
            throw ImageError(.decode, reason: "a \(other.name) file; PNG, JPEG and WebP images are read")
        }
        throw ImageError(.decode, reason: "not a PNG, JPEG or WebP image (it starts with \(preview(bytes)))")
    }

    /// The first bytes for a message: as text if they are plain ASCII, else in hexadecimal.
    private static func preview(_ bytes: UnsafeBufferPointer<UInt8>) -> String {
        let start = bytes.prefix(8)
        if start.allSatisfy({ (0x20..<0x7F).contains($0) }) {
            return "\"" + String(decoding: start, as: UTF8.self) + "\""
        }
        return start.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: " ")
    }
}
