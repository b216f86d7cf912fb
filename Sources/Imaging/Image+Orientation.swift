import CImageCodecs

extension Image {
    /// The image turned and mirrored as EXIF's orientation asks for; as it is for 1, and for numbers that mean nothing.
    func turned(by orientation: Int?) -> Image {
        guard let orientation, (2...8).contains(orientation) else { return self }
        let result = [UInt8](unsafeUninitializedCapacity: pixels.count) { buffer, count in
            pixels.withUnsafeBufferPointer { source in
                guard let from = source.baseAddress, let to = buffer.baseAddress else { return }
                cic_turn(from, mode.bytesPerPixel, UInt32(width), UInt32(height), Int32(orientation), to)
                count = source.count
            }
        }
        let isLying = orientation >= 5
        return Image(
            unchecked: isLying ? height : width, isLying ? width : height, mode, result, palette,
            transparency: transparency)
    }
}
