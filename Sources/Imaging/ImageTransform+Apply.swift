extension ImageTransform {
    /// The picture as the encoder takes it: float32, planar red, green, blue.
    ///
    /// - Returns: `3 * height * width` numbers, [channel, row, column], with the sizes of `outputSize(width:height:)`.
    /// - Throws: `ImageError` (`image.transform` or `image.too-large`) if the picture is too long and thin to be resized.
    public func apply(to image: Image) throws(ImageError) -> [Float] {
        let prepared = try prepare(image)
        let count = 3 * prepared.width * prepared.height
        return [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
            normalize(prepared, into: UnsafeMutableBufferPointer(rebasing: buffer[0..<count]))
            initialized = count
        }
    }

    /// `apply(to:)` into memory of the caller's, for instance one picture of a batch.
    ///
    /// - Throws: `ImageError` (`image.transform`) also if `output` does not have the count of the result.
    public func apply(to image: Image, into output: UnsafeMutableBufferPointer<Float>) throws(ImageError) {
        let prepared = try prepare(image)
        let count = 3 * prepared.width * prepared.height
        guard output.count == count else {
            throw ImageError(
                .transform,
                reason:
                    "the result has 3x\(prepared.height)x\(prepared.width) numbers; there is room for \(output.count)")
        }
        normalize(prepared, into: output)
    }

    /// Everything up to the conversion to numbers: resized, cropped, in mode RGB or gray.
    func prepare(_ image: Image) throws(ImageError) -> Image {
        let visible = alpha == .white && image.hasTransparency ? image.onWhite() : image
        let source = convert == .first ? visible.convertedToRGBOrGray() : visible
        let size = resizedSize(width: source.width, height: source.height)
        let target = outputSize(width: source.width, height: source.height)
        let horizontal = fit(length: size.width, to: target.width)
        let vertical = fit(length: size.height, to: target.height)
        var result = try source.resized(
            width: size.width, height: size.height, interpolation: interpolation,
            window: PixelRect(
                x: horizontal.start, y: vertical.start, width: horizontal.count, height: vertical.count))
        if result.width != target.width || result.height != target.height {
            result = result.padded(
                left: horizontal.before, top: vertical.before, width: target.width, height: target.height)
        }
        return result.convertedToRGBOrGray()
    }

    /// A byte's value after ToTensor and Normalize, in the order and precision of float32 there.
    private func table(channel: Int) -> [Float] {
        (0...255).map { (Float($0) / 255 - mean[channel]) / std[channel] }
    }

    private func normalize(_ image: Image, into output: UnsafeMutableBufferPointer<Float>) {
        let count = image.width * image.height
        let step = image.mode.bytesPerPixel
        image.pixels.withUnsafeBufferPointer { pixels in
            guard let source = pixels.baseAddress, let target = output.baseAddress else { return }
            for channel in 0..<3 {
                table(channel: channel).withUnsafeBufferPointer { table in
                    guard let values = table.baseAddress else { return }
                    let from = source + (step == 3 ? channel : 0)
                    let to = target + channel * count
                    for i in 0..<count {
                        to[i] = values[Int(from[i &* step])]
                    }
                }
            }
        }
    }
}
