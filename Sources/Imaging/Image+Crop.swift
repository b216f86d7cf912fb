extension Image {
    /// The picture inside a larger one whose other bytes are zero.
    ///
    /// Zero is meant in the picture's own mode, as in torchvision: black in RGB, no ink (white) in CMYK, and the first
    /// colour of a palette.
    func padded(left: Int, top: Int, width newWidth: Int, height newHeight: Int) -> Image {
        let pixel = mode.bytesPerPixel
        var result = [UInt8](repeating: 0, count: newWidth * newHeight * pixel)
        let rows = min(height, newHeight - top)
        let rowBytes = min(width, newWidth - left) * pixel
        for y in 0..<rows {
            let from = y * width * pixel
            let to = ((top + y) * newWidth + left) * pixel
            result.replaceSubrange(to..<(to + rowBytes), with: pixels[from..<(from + rowBytes)])
        }
        return Image(unchecked: newWidth, newHeight, mode, result, palette)
    }
}
