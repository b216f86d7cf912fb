import ModelGraph
import TestSupport
import Testing

@testable import Imaging

@Suite("Orientation")
struct OrientationTests {
    static let rows = Fixtures.table("turned").filter { row in
        (Libraries.tiff || !row[0].hasSuffix(".tiff")) && (Libraries.heif || !row[0].hasSuffix(".avif"))
    }

    @Test("An image stands upright as Pillow's exif_transpose has it, or is as Image.open gives it", arguments: rows)
    func turned(row: [String]) throws {
        for (orientation, column) in [(ImageOptions.Orientation.stored, 1), (.upright, 2)] {
            let image = try Image(
                contentsOfFile: Fixtures.format(row[0]), options: ImageOptions(orientation: orientation))
            #expect("\(image.width) \(image.height)" == row[(2 * column + 1)...(2 * column + 2)].joined(separator: " "))
            let pixels = image.convertedToRGB().pixels
            guard row[0].hasSuffix(".jpg") || row[0].hasSuffix(".avif") else {
                #expect(Fixtures.digest(pixels) == row[column])
                continue
            }
            let expected = try Image(contentsOfFile: Fixtures.format("\(row[0]).\(orientation.rawValue).png"))
                .convertedToRGB().pixels
            try #require(Fixtures.digest(expected) == row[column])
            #expect((zip(pixels, expected).map { abs(Int($0) - Int($1)) }.max() ?? 0) <= 2)
        }
    }

    @Test("Upright is the default")
    func byDefault() throws {
        let image = try Image(contentsOfFile: Fixtures.format("turned-6.jpg"))
        #expect((image.width, image.height) == (14, 23))
        let file = try contents(of: Fixtures.format("turned-6.jpg"))
        let decoded = try Image(decoding: file)
        #expect(decoded == image)
    }

    @Test("The eight ways to turn, pixel by pixel")
    func ways() throws {
        let image = try Image(width: 3, height: 2, mode: .gray, pixels: [1, 2, 3, 4, 5, 6])
        let expected: [[UInt8]] = [
            [1, 2, 3, 4, 5, 6], [3, 2, 1, 6, 5, 4], [6, 5, 4, 3, 2, 1], [4, 5, 6, 1, 2, 3], [1, 4, 2, 5, 3, 6],
            [4, 1, 5, 2, 6, 3], [6, 3, 5, 2, 4, 1], [3, 6, 2, 5, 1, 4],
        ]
        for (index, pixels) in expected.enumerated() {
            let turned = image.turned(by: index + 1)
            #expect(turned.pixels == pixels)
            #expect(turned.width == (index < 4 ? 3 : 2))
        }
        #expect(image.turned(by: 0) == image && image.turned(by: 9) == image && image.turned(by: nil) == image)
    }

    @Test("Sides larger than a block, of every size of pixel", arguments: [Image.Mode.gray, .grayAlpha, .rgb, .rgba])
    func blocks(mode: Image.Mode) throws {
        let (width, height, size) = (131, 77, mode.bytesPerPixel)
        let pixels = (0..<(width * height * size)).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 / 251) }
        let image = try Image(width: width, height: height, mode: mode, pixels: pixels)
        let turned = image.turned(by: 6)
        let isRight = (0..<width).allSatisfy { y in
            (0..<height).allSatisfy { x in
                let from = ((height - 1 - x) * width + y) * size
                let to = (y * height + x) * size
                return turned.pixels[to..<(to + size)] == image.pixels[from..<(from + size)]
            }
        }
        #expect(isRight)
        #expect(turned.turned(by: 8) == image)
    }

    @Test(
        "Damaged metadata never keep an image from being read",
        arguments: [
            "turned-6.jpg", "turned-5.png", "turned-5.webp", "turned-by-xmp-element.jpg", "turned-by-old-profile.png",
        ])
    func damaged(name: String) throws {
        let bytes = try contents(of: Fixtures.format(name))
        let marks = ["Exif\0\0", "eXIf", "EXIF", "adobe.com/xap", "Raw profile"].map { Array($0.utf8) }
        let start = try #require(
            bytes.indices.first { at in marks.contains { bytes[at...].starts(with: $0) } })
        let plain = try Image(decoding: bytes, options: ImageOptions(orientation: .stored))
        let sides = [[plain.width, plain.height], [plain.height, plain.width]]
        let area = min(40, bytes.count - start - 6)
        var generator = SeededGenerator(seed: 5)
        for _ in 0..<300 {
            var changed = bytes
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                changed[start + 6 + Int.random(in: 0..<area, using: &generator)] = UInt8.random(
                    in: .min ... .max, using: &generator)
            }
            // Where the damage reached the pixels, the image is another or none.
            guard let image = try? Image(decoding: changed) else { continue }
            #expect(sides.contains([image.width, image.height]))
        }
        // Contents that are nothing but one value, and pointers that point nowhere.
        for value: UInt8 in [0, 1, 0x7F, 0x80, 0xFF] where name == "turned-6.jpg" {
            var changed = bytes
            for at in (start + 6)..<(start + 6 + 26) { changed[at] = value }
            let image = try Image(decoding: changed)
            #expect([image.width, image.height] == sides[0])
        }
    }
}
