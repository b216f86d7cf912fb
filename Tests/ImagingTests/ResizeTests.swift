import Testing

@testable import Imaging

@Suite("Resizing")
struct ResizeTests {
    @Test("Resizing gives Pillow's bytes, in every mode and with every filter", arguments: Fixtures.names)
    func resizeIsExact(name: String) throws {
        let rows = Fixtures.table("resize").filter { $0[0] == name }
        guard name.hasSuffix(".png") else { return }
        try #require(rows.count == Interpolation.allCases.count)
        let image = try Image(contentsOfFile: Fixtures.image(name))
        for row in rows {
            let interpolation = try #require(Interpolation(rawValue: row[3]))
            let width = try #require(Int(row[1]))
            let height = try #require(Int(row[2]))
            let resized = try image.resized(width: width, height: height, interpolation: interpolation)
            #expect(Fixtures.digest(resized.convertedToRGB().pixels) == row[4], "\(row)")
        }
    }

    @Test("A window of a resize is that part of the whole", arguments: Interpolation.allCases)
    func windowIsPart(interpolation: Interpolation) throws {
        for name in ["rgb8.png", "rgba8.png", "gray16.png", "palette8.png", "gray-alpha8.png", "cmyk.jpg"] {
            let image = try Image(contentsOfFile: Fixtures.image(name))
            for (width, height) in [(31, 29), (12, 64), (64, 12), (image.width, 20), (20, image.height)] {
                let whole = try image.resized(width: width, height: height, interpolation: interpolation)
                let window = PixelRect(x: 3, y: 2, width: 7, height: 6)
                let part = try image.resized(
                    width: width, height: height, interpolation: interpolation, window: window)
                let pixel = image.mode.bytesPerPixel
                var expected: [UInt8] = []
                for y in 2..<8 {
                    expected += whole.pixels[((y * width + 3) * pixel)..<((y * width + 10) * pixel)]
                }
                #expect(part.pixels == expected, "\(name) \(width)x\(height)")
            }
        }
    }

    @Test("A resize to the same size changes nothing, not even under transparency")
    func sameSize() throws {
        let image = try Image(contentsOfFile: Fixtures.image("rgba8.png"))
        let resized = try image.resized(width: image.width, height: image.height)
        #expect(resized == image)
    }

    @Test("A size without pixels, or out of reach, is refused")
    func refusedSizes() throws {
        let image = try Image(width: 1, height: 1, pixels: [1, 2, 3])
        #expect(imageError { _ = try image.resized(width: 0, height: 3) }?.code == "image.transform")
        #expect(imageError { _ = try image.resized(width: -1, height: 3) }?.code == "image.transform")
        #expect(imageError { _ = try image.resized(width: .max, height: .max) }?.code == "image.too-large")
        #expect(imageError { _ = try image.resized(width: 1 << 20, height: 1 << 20) }?.code == "image.too-large")
    }
}
