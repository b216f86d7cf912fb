import Imaging

/// Pictures of all formats: what they are is told by their first bytes.
enum Images {
    private static let limits = ImageLimits(pixels: 1 << 18)

    static func check(_ bytes: [UInt8], _: String) throws {
        let name = "fuzz.image"
        let decoded = try reading(name) { try Image(decoding: bytes, source: name, limits: limits) }
        guard let image = decoded else { return }
        try require(image.width * image.height <= limits.pixels, "\(image.width) x \(image.height) pixels")
        let rgb = image.convertedToRGB()
        try require(try Image(decoding: rgb.pngData()) == rgb, "as PNG it reads back as another picture")
        let prepared = try ImageTransform(resize: 8).apply(to: image)
        try require(prepared.count == 3 * 8 * 8 && prepared.allSatisfy(\.isFinite), "it is prepared as \(prepared)")
    }
}
