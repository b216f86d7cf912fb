import Imaging
import TestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

@Suite("Decoding")
struct DecodeTests {
    static let modes: [String: Image.Mode] = [
        "1": .bilevel, "P": .palette, "L": .gray, "I;16": .gray16, "LA": .grayAlpha, "RGB": .rgb, "RGBA": .rgba,
        "CMYK": .cmyk,
    ]

    @Test("The fixtures are there, in every mode")
    func fixturesAreThere() {
        let rows = Fixtures.table("decode")
        #expect(rows.count >= 60)
        #expect(Set(rows.map { $0[1] }) == Set(Self.modes.keys))
    }

    @Test("A PNG decodes to Pillow's bytes", arguments: Fixtures.table("decode").filter { $0[0].hasSuffix(".png") })
    func pngIsExact(row: [String]) throws {
        let image = try Image(contentsOfFile: Fixtures.image(row[0]))
        #expect(image.mode == Self.modes[row[1]])
        #expect("\(image.width) \(image.height)" == "\(row[2]) \(row[3])")
        let rgb = image.convertedToRGB()
        #expect(rgb.mode == .rgb)
        #expect(rgb.pixels.count == image.width * image.height * 3)
        #expect(Fixtures.digest(rgb.pixels) == row[4])
    }

    @Test(
        "A JPEG or WebP decodes to within 1 of Pillow's bytes",
        arguments: Fixtures.table("decode").filter { !$0[0].hasSuffix(".png") })
    func lossyIsClose(row: [String]) throws {
        let image = try Image(
            contentsOfFile: Fixtures.image(row[0]), options: ImageOptions(orientation: .stored))
        #expect(image.mode == Self.modes[row[1]])
        #expect("\(image.width) \(image.height)" == "\(row[2]) \(row[3])")
        let expected = try Image(contentsOfFile: Fixtures.expected(row[0])).convertedToRGB()
        try #require(Fixtures.digest(expected.pixels) == row[4], "the expected picture itself is read wrongly")
        let pixels = image.convertedToRGB().pixels
        try #require(pixels.count == expected.pixels.count)
        let worst = zip(pixels, expected.pixels).map { abs(Int($0) - Int($1)) }.max()
        #expect(worst ?? 0 <= 1)
    }

    @Test("The format is recognised by content, not by the path's ending")
    func formatByContent() throws {
        try withTemporaryFolder { folder in
            let path = folder + "/really-a-jpeg.png"
            try overwrite(path, contents(of: Fixtures.image("gray.jpg")))
            let renamed = try Image(contentsOfFile: path)
            let original = try Image(contentsOfFile: Fixtures.image("gray.jpg"))
            #expect(renamed == original)
        }
    }

    @Test("A path that is not UTF-8 can be read")
    func pathBytes() throws {
        try withTemporaryFolder { folder in
            let path = Array((folder + "/").utf8) + [0xFF, 0xFE]
            #expect(imageError { _ = try Image(contentsOfFile: path) }?.code == "image.missing")
            let cPath = path.map { CChar(bitPattern: $0) } + [0]
            // A file system may refuse such a name; then there is nothing to read.
            guard symlink(Fixtures.image("gray.jpg"), cPath) == 0 else { return }
            defer { unlink(cPath) }
            let linked = try Image(contentsOfFile: path)
            let original = try Image(contentsOfFile: Fixtures.image("gray.jpg"))
            #expect(linked == original)
        }
    }

    @Test("An image refuses bytes that do not fit its size")
    func imageChecksItsBytes() throws {
        #expect(imageError { _ = try Image(width: 2, height: 2, pixels: [0, 0, 0]) }?.code == "image.transform")
        #expect(imageError { _ = try Image(width: 0, height: 2, pixels: []) } != nil)
        #expect(imageError { _ = try Image(width: .max, height: 2, pixels: []) } != nil)
        #expect(imageError { _ = try Image(width: 1, height: 1, mode: .palette, pixels: [0]) } != nil)
        let gray = try Image(width: 1, height: 1, mode: .gray, pixels: [7])
        #expect(gray.convertedToRGB().pixels == [7, 7, 7])
    }
}
