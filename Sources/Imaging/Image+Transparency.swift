extension Image {
    /// What of an image without alpha is transparent all the same.
    public enum Transparency: Sendable, Hashable {
        /// Alpha of the palette's entries, in order; those after them are opaque.
        case entries([UInt8])
        /// Pixels that have this colour in RGB are transparent.
        case color([UInt8])
    }

    /// Whether anything of it may be transparent.
    public var hasTransparency: Bool { mode == .grayAlpha || mode == .rgba || transparency != nil }

    /// The image in RGB, laid on white: what transformers does with transparent images.
    public func onWhite() -> Image {
        guard hasTransparency else { return convertedToRGB() }
        let rgb = convertedToRGB()
        let size = mode.bytesPerPixel
        var result = rgb.pixels
        result.withUnsafeMutableBufferPointer { target in
            pixels.withUnsafeBufferPointer { source in
                for pixel in 0..<(width * height) {
                    let alpha = alpha(
                        UnsafeBufferPointer(rebasing: source[(pixel * size)..<((pixel + 1) * size)]),
                        UnsafeBufferPointer(rebasing: target[(pixel * 3)..<(pixel * 3 + 3)]))
                    if alpha == 255 { continue }
                    for channel in 0..<3 {
                        let at = pixel * 3 + channel
                        target[at] = blendedWithWhite(target[at], alpha)
                    }
                }
            }
        }
        return Image(unchecked: width, height, .rgb, result)
    }

    /// The alpha of a pixel, given as stored and in RGB.
    @inline(__always)
    private func alpha(_ stored: UnsafeBufferPointer<UInt8>, _ color: UnsafeBufferPointer<UInt8>) -> UInt8 {
        switch (mode, transparency) {
        case (.grayAlpha, _): stored[1]
        case (.rgba, _): stored[3]
        case (_, .entries(let entries)): Int(stored[0]) < entries.count ? entries[Int(stored[0])] : 255
        case (_, .color(let transparent)): color.elementsEqual(transparent) ? 0 : 255
        case (_, nil): 255
        }
    }
}

/// Pillow's `alpha_composite` over opaque white, in its integers.
private func blendedWithWhite(_ value: UInt8, _ alpha: UInt8) -> UInt8 {
    if alpha == 0 { return 255 }
    let mixed = (UInt32(value) * UInt32(alpha) + 255 * (255 - UInt32(alpha))) << 7 + 0x4000
    return UInt8(truncatingIfNeeded: ((mixed >> 8) + mixed) >> 15)
}
