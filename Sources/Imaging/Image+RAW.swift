import CImageCodecs

extension Image {
    /// The preview that the camera put into a RAW file; the sensor's own values are not developed.
    static func preview(
        _ bytes: UnsafeBufferPointer<UInt8>, limits: ImageLimits, options: ImageOptions
    ) throws(ImageError) -> Image {
        guard let base = bytes.baseAddress else { throw ImageError(.empty, reason: "the file is empty") }
        var info = cic_info()
        var preview = cic_preview()
        let status = cic_raw_preview(base, bytes.count, &preview, &info)
        defer { cic_raw_release(&preview) }
        try Codec(format: .raw).check(status, info)
        let data = UnsafeBufferPointer(start: preview.bytes, count: preview.count)
        // The camera turns the whole file, where the preview does not say otherwise.
        let turn = options.orientation == .upright ? StoredOrientation.tiff(bytes) : nil
        if preview.is_jpeg != 0 {
            guard case .jpeg = try ImageFormat(recognising: data) else {
                throw ImageError(.decode, reason: "the camera RAW image's preview is no JPEG")
            }
            var stored = options
            stored.orientation = .stored
            let image = try decode(data, limits: limits, options: stored)
            if options.orientation == .stored { return image }
            return image.turned(by: StoredOrientation.jpeg(data) ?? turn)
        }
        let width = Int(preview.width)
        let height = Int(preview.height)
        try limits.check(width: width, height: height, "preview in the camera RAW")
        let image = try Image(width: width, height: height, pixels: Array(data.prefix(3 * width * height)))
        return image.turned(by: turn)
    }
}
