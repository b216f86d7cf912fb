import TestSupport
import Testing

@testable import Imaging

@Suite("Transparency and 16-bit gray")
struct TransparencyTests {
    @Test(
        "Laid on white, a transparent image is what transformers' convert_to_rgb makes of it",
        arguments: Fixtures.table("transparent").filter { Libraries.tiff || !$0[0].hasSuffix(".tiff") })
    func onWhite(row: [String]) throws {
        let image = try Image(contentsOfFile: Fixtures.format(row[0]))
        let white = image.onWhite()
        #expect(white.mode == .rgb)
        #expect(Fixtures.digest(white.pixels) == row[1])
    }

    @Test(
        "A transparent image is prepared as transformers' CLIPImageProcessor and SiglipImageProcessor, and open_clip, do it",
        arguments: Fixtures.table("processed"))
    func processed(row: [String]) throws {
        let (zero, one): ([Float], [Float]) = ([0, 0, 0], [1, 1, 1])
        let transform =
            switch row[1] {
            case "transformers-clip":
                try ImageTransform(
                    resize: 8, cropRounding: .down, convert: .first, alpha: .white, mean: zero, std: one)
            case "transformers-siglip":
                try ImageTransform(
                    resize: 8, resizeMode: .squash, crop: .none, convert: .first, alpha: .white, mean: zero, std: one)
            default: try ImageTransform(resize: 8, mean: zero, std: one)
            }
        let values = try transform.apply(to: Image(contentsOfFile: Fixtures.format(row[0])))
        let hexadecimal = values.map { value in
            let byte = UInt8(max(0, min(255, (value * 255).rounded())))
            return (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }
        #expect(hexadecimal.joined() == row[2])
    }

    @Test("A transform lays on white before anything else where it is told to, and drops alpha by default")
    func transform() throws {
        let clear = try Image(width: 8, height: 8, mode: .rgba, pixels: [UInt8](repeating: 0, count: 256))
        let keyed = try Image(decoding: contents(of: Fixtures.format("rgb8-key.png")))
        for conversion in ImageTransform.Conversion.allCases {
            let drop = try ImageTransform(resize: 4, convert: conversion, mean: [0, 0, 0], std: [1, 1, 1])
            let white = try ImageTransform(
                resize: 4, convert: conversion, alpha: .white, mean: [0, 0, 0], std: [1, 1, 1])
            let dropped = try drop.apply(to: clear)
            let laid = try white.apply(to: clear)
            #expect(dropped.allSatisfy { $0 == 0 })
            #expect(laid.allSatisfy { $0 == 1 })
            let first = try white.apply(to: keyed)
            let second = try white.apply(to: keyed.onWhite())
            #expect(first == second)
            let opaque = try Image(width: 2, height: 2, mode: .rgb, pixels: (0..<12).map { $0 * 20 })
            let a = try drop.apply(to: opaque)
            let b = try white.apply(to: opaque)
            #expect(a == b)
        }
    }

    @Test("16-bit gray turns white beyond 255, as in Pillow, and says so; its high byte is taken when it is scaled")
    func sixteenBit() throws {
        let path = Fixtures.image("gray16.png")
        let clipped = try Image(contentsOfFile: path)
        #expect(clipped.isClippedInRGB)
        let scaled = try Image(contentsOfFile: path, options: ImageOptions(sixteenBit: .scale))
        #expect(scaled.mode == .gray && !scaled.isClippedInRGB)
        let high = stride(from: 1, to: clipped.pixels.count, by: 2).map { clipped.pixels[$0] }
        #expect(scaled.pixels == high)
        #expect(Set(scaled.pixels).count > 20)
        let plain = try Image(contentsOfFile: Fixtures.image("gray8.png"), options: ImageOptions(sixteenBit: .scale))
        let usual = try Image(contentsOfFile: Fixtures.image("gray8.png"))
        #expect(plain == usual && !plain.isClippedInRGB)
    }

    @Test("JPEGs whose fatal error follows the last row are refused; a missing end or rubbish before it is not")
    func afterTheLastRow() throws {
        let whole = try contents(of: Fixtures.image("color-444.jpg"))
        let body = Array(whole.dropLast(2))
        let frame = try #require(whole.indices.first { whole[$0] == 0xFF && whole[$0 + 1] == 0xC0 })
        let again = Array(whole[frame..<(frame + 19)])
        let end: [UInt8] = [0xFF, 0xD9]
        for (tail, message) in [
            ([0xFF, 0xD8] + end, "two SOI"), (again + end, "two SOF"), ([0xFF, 0x02] + end, "marker"),
            ([0xFF, 0xC3, 0, 11, 8, 0, 16, 0, 16, 1, 1, 0x11, 0] + end, "SOF type"),
            ([0xFF, 0xC4, 0, 21, 0x77] + [UInt8](repeating: 0, count: 17) + end, "DHT"),
        ] as [([UInt8], String)] {
            let error = imageError { _ = try Image(decoding: body + tail) }
            #expect(error?.kind == .decode, "\(message)")
            #expect(error?.description.contains(message) == true, "\(String(describing: error))")
        }
        let original = try Image(decoding: whole)
        for tail: [UInt8] in [
            Array("rubbish".utf8) + end, [0xFF, 0xFE, 0x10, 0, 1, 2], end + [0xFF, 0xD8, 0xFF], [0xFF, 0xD0] + end,
        ] {
            let image = try Image(decoding: body + tail)
            #expect(image == original)
        }
    }
}
