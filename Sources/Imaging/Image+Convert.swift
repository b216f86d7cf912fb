extension Image {
    /// The picture in RGB, as Pillow's `convert("RGB")` makes it.
    ///
    /// Alpha is dropped, not composited (see `onWhite`); 16-bit gray is clipped at 255, not scaled; CMYK is converted without a profile.
    public func convertedToRGB() -> Image {
        switch mode {
        case .rgb: return self
        case .bilevel, .gray, .grayAlpha: return tripled()
        case .gray16: return clippedToGray().tripled()
        case .palette: return map(to: .rgb) { source, target in copyColor(source[0], to: target) }
        case .rgba:
            return map(to: .rgb) { source, target in
                target[0] = source[0]
                target[1] = source[1]
                target[2] = source[2]
            }
        case .cmyk:
            return map(to: .rgb) { source, target in
                let light = 255 &- source[3]
                for channel in 0..<3 {
                    target[channel] = light &- scaled(source[channel], by: light)
                }
            }
        }
    }

    /// `convertedToRGB` without tripling gray: the three channels of a gray picture are equal, and stay so when resized.
    func convertedToRGBOrGray() -> Image {
        switch mode {
        case .gray, .rgb: self
        case .bilevel: Image(unchecked: width, height, .gray, pixels)
        case .grayAlpha: map(to: .gray) { source, target in target[0] = source[0] }
        case .gray16: clippedToGray()
        case .palette, .rgba, .cmyk: convertedToRGB()
        }
    }

    /// Colour multiplied by alpha, which is how pictures with alpha are resized.
    func premultiplied() -> Image {
        switch mode {
        case .rgba:
            map(to: mode) { source, target in
                let alpha = source[3]
                for channel in 0..<3 { target[channel] = scaled(source[channel], by: alpha) }
                target[3] = alpha
            }
        case .grayAlpha:
            map(to: mode) { source, target in
                target[0] = scaled(source[0], by: source[1])
                target[1] = source[1]
            }
        default: self
        }
    }

    /// The inverse of `premultiplied`, up to rounding.
    func unpremultiplied() -> Image {
        switch mode {
        case .rgba:
            map(to: mode) { source, target in
                let alpha = source[3]
                for channel in 0..<3 { target[channel] = divided(source[channel], by: alpha) }
                target[3] = alpha
            }
        case .grayAlpha:
            map(to: mode) { source, target in
                target[0] = divided(source[0], by: source[1])
                target[1] = source[1]
            }
        default: self
        }
    }

    /// Gray of 16 bits in 8: the highest eight of the `depth` bits that its file has.
    func scaledToGray(depth: Int) -> Image {
        let shift = min(max(depth - 8, 0), 8)
        return map(to: .gray) { source, target in
            let value = UInt16(source[0]) | UInt16(source[1]) << 8
            target[0] = UInt8(truncatingIfNeeded: min(value >> UInt16(shift), 255))
        }
    }

    private func clippedToGray() -> Image {
        map(to: .gray) { source, target in target[0] = source[1] == 0 ? source[0] : 255 }
    }

    private func tripled() -> Image {
        map(to: .rgb) { source, target in
            target[0] = source[0]
            target[1] = source[0]
            target[2] = source[0]
        }
    }

    @inline(__always)
    private func copyColor(_ index: UInt8, to target: UnsafeMutablePointer<UInt8>) {
        let at = Int(index) * 3
        guard at + 2 < palette.count else { return }
        target[0] = palette[at]
        target[1] = palette[at + 1]
        target[2] = palette[at + 2]
    }

    /// Applies a rule pixel by pixel; the pointers stand at the pixel in each mode.
    @inline(__always)
    private func map(
        to target: Mode, _ rule: (UnsafePointer<UInt8>, UnsafeMutablePointer<UInt8>) -> Void
    ) -> Image {
        let count = width * height
        let from = mode.bytesPerPixel
        let to = target.bytesPerPixel
        let result = [UInt8](unsafeUninitializedCapacity: count * to) { buffer, initialized in
            pixels.withUnsafeBufferPointer { source in
                guard var input = source.baseAddress, var output = buffer.baseAddress else { return }
                for _ in 0..<count {
                    rule(input, output)
                    input += from
                    output += to
                }
                initialized = count * to
            }
        }
        return Image(unchecked: width, height, target, result)
    }
}

/// value * factor / 255, rounded, in Pillow's integer form.
@inline(__always)
private func scaled(_ value: UInt8, by factor: UInt8) -> UInt8 {
    let product = UInt32(value) &* UInt32(factor) &+ 128
    return UInt8(truncatingIfNeeded: ((product >> 8) &+ product) >> 8)
}

/// value * 255 / alpha, cut off at 255; unchanged where alpha is 0 or 255.
@inline(__always)
private func divided(_ value: UInt8, by alpha: UInt8) -> UInt8 {
    if alpha == 0 || alpha == 255 { return value }
    return UInt8(min(255, 255 * UInt32(value) / UInt32(alpha)))
}
