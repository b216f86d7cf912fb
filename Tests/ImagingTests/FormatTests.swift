import ModelGraph
import TestSupport
import Testing

@testable import Imaging

/// Which of the libraries that are opened when first used are here.
enum Libraries {
    static let tiff = has("rgb-plain.tiff")
    static let heif = has("rgb.heic")
    static let raw = has("camera.dng")

    private static func has(_ name: String) -> Bool {
        let error = imageError { _ = try Image(contentsOfFile: Fixtures.format(name)) }
        return error?.kind != .library
    }
}

@Suite("GIF, BMP, TIFF, HEIC, AVIF and RAW")
struct FormatTests {
    static let rows = Fixtures.table("formats")

    private static func rows(_ endings: String...) -> [[String]] {
        rows.filter { row in endings.contains { row[0].hasSuffix("." + $0) } }
    }

    @Test("The fixtures are there, of every format")
    func fixturesAreThere() {
        #expect(Self.rows.count >= 90)
        #expect(Self.rows("gif").count >= 10 && Self.rows("bmp").count >= 20 && Self.rows("tiff").count >= 40)
        #expect(Self.rows("heic", "avif").count >= 7 && Self.rows("dng", "nef", "arw").count == 3)
    }

    @Test("A GIF, BMP or JFIF file decodes to Pillow's pixels", arguments: rows("gif", "bmp", "jfif"))
    func plain(row: [String]) throws { try check(row) }

    @Test(
        "A TIFF decodes to Pillow's pixels", .enabled(if: Libraries.tiff, "libtiff is not installed"),
        arguments: rows("tiff"))
    func tiff(row: [String]) throws { try check(row) }

    @Test(
        "HEIC and AVIF decode to nearly Pillow's pixels", .enabled(if: Libraries.heif, "libheif is not installed"),
        arguments: rows("heic", "avif"))
    func heif(row: [String]) throws { try check(row) }

    @Test(
        "Of a RAW file the preview is taken, upright, not the thumbnail that a TIFF reader sees first",
        .enabled(if: Libraries.raw, "libraw is not installed"), arguments: rows("dng", "nef", "arw"))
    func raw(row: [String]) throws {
        try check(row)
        let stored = try Image(
            contentsOfFile: Fixtures.format(row[0]), options: ImageOptions(orientation: .stored))
        #expect("\(stored.height) \(stored.width)" == "\(row[1]) \(row[2])")
    }

    private func check(_ row: [String]) throws {
        let image = try Image(contentsOfFile: Fixtures.format(row[0]))
        #expect("\(image.width) \(image.height)" == "\(row[1]) \(row[2])")
        let pixels = image.convertedToRGB().pixels
        guard let allowed = Int(row[3]), allowed > 0 else {
            #expect(Fixtures.digest(pixels) == row[4])
            return
        }
        let expected = try Image(contentsOfFile: Fixtures.format(row[0] + ".png")).convertedToRGB()
        try #require(Fixtures.digest(expected.pixels) == row[4], "the expected image itself is read wrongly")
        try #require(pixels.count == expected.pixels.count)
        #expect((zip(pixels, expected.pixels).map { abs(Int($0) - Int($1)) }.max() ?? 0) <= allowed)
    }

    @Test("A format is recognised by content, whatever the name ends like")
    func byContent() throws {
        try withTemporaryFolder { folder in
            for name in ["palette.gif", "24.bmp", "plain.jfif"] {
                try overwrite(folder + "/image.png", contents(of: Fixtures.format(name)))
                let renamed = try Image(contentsOfFile: folder + "/image.png")
                let original = try Image(contentsOfFile: Fixtures.format(name))
                #expect(renamed == original)
            }
        }
        func format(_ name: String) throws -> ImageFormat {
            try contents(of: Fixtures.format(name)).withUnsafeBufferPointer { try ImageFormat(recognising: $0) }
        }
        let formats = try [
            "rgb.heic", "gray.avif", "camera.dng", "camera.nef", "camera.arw", "rgb-lzw.tiff", "bigtiff.tiff",
        ]
        .map(format)
        #expect(formats == [.heic, .avif, .raw, .raw, .raw, .tiff, .tiff])
    }

    @Test(
        "RAW files that have marks of their own are recognised",
        arguments: [
            "FUJIFILMCCD-RAW 0201", "\0\0\0\u{18}ftypcrx \0\0\0\u{1}", "IIRO\u{8}\0\0\0........",
            "IIU\0\u{18}\0\0\0........",
            "\0MRM............", "FOVb............", "II*\0\u{10}\0\0\0CR\u{2}\0....",
        ])
    func rawMarks(start: String) throws {
        let format = try Array(start.utf8).withUnsafeBufferPointer { try ImageFormat(recognising: $0) }
        #expect(format == .raw)
    }

    @Test("A library that is missing is named with the packages that bring it")
    func missingLibraries() {
        for (format, name, words) in [
            (ImageFormat.heic, "HEIC", ["libheif", "apt install libheif1", "brew install libheif"]),
            (.avif, "AVIF", ["libheif", "apt install libheif1", "brew install libheif"]),
            (.raw, "camera RAW", ["libraw", "apt install libraw-dev", "brew install libraw"]),
            (.tiff, "TIFF", ["libtiff", "apt install libtiff6", "brew install libtiff"]),
        ] {
            let error = Codec(format: format).missingLibrary
            #expect(error.code == "image.library")
            for word in words + [name] { #expect(error.description.contains(word)) }
        }
        #expect(Codec(format: .heic).missingDecoder.description.contains("libheif-plugin-libde265"))
        #expect(Codec(format: .avif).missingDecoder.description.contains("libheif-plugin-dav1d"))
    }

    /// Those whose every byte counts: no further frames or pages behind the first.
    private static let whole = (rows("gif", "bmp") + (Libraries.tiff ? rows("tiff") : [])).map { $0[0] }
        .filter { !["animated.gif", "pages.tiff"].contains($0) }

    @Test("A GIF, BMP or TIFF that is cut short is an error", arguments: whole)
    func truncated(name: String) throws {
        let bytes = try contents(of: Fixtures.format(name))
        // What follows a GIF's last pixel, and the padding of a bitmap's last row.
        let end = name.hasSuffix(".gif") ? bytes.count - 8 : name.hasSuffix(".bmp") ? bytes.count - 5 : bytes.count
        var generator = SeededGenerator(seed: 3)
        let lengths = Array(1..<min(40, end)) + (0..<25).map { _ in Int.random(in: 1..<end, using: &generator) }
        for length in lengths {
            let error = imageError { _ = try Image(decoding: Array(bytes[..<length]), source: name) }
            let kinds: [ImageError.Kind] = name.hasSuffix(".tiff") ? [.truncated, .decode] : [.truncated]
            #expect(
                error.map { kinds.contains($0.kind) } == true, "\(name) cut to \(length): \(String(describing: error))")
        }
    }

    @Test("Changed bytes of a GIF, BMP or TIFF are an error or another image, never a crash", arguments: whole)
    func changedBytes(name: String) throws {
        let bytes = try contents(of: Fixtures.format(name))
        var generator = SeededGenerator(seed: 12)
        for _ in 0..<60 {
            var changed = bytes
            for _ in 0..<Int.random(in: 1...5, using: &generator) {
                let area = Bool.random(using: &generator) ? changed.count : min(changed.count, 64)
                changed[Int.random(in: 0..<area, using: &generator)] = UInt8.random(
                    in: .min ... .max, using: &generator)
            }
            let error = imageError { _ = try Image(decoding: changed, limits: ImageLimits(pixels: 1 << 18)) }
            if let error { #expect(!error.description.isEmpty) }
        }
    }

    @Test("A size beyond the limit is refused before anything is allocated")
    func pixelLimit() throws {
        var gif = try contents(of: Fixtures.format("palette.gif"))
        gif.replaceSubrange(6..<10, with: [0xFF, 0xFF, 0xFF, 0xFF])
        var bmp = try contents(of: Fixtures.format("24.bmp"))
        bmp.replaceSubrange(18..<26, with: [0xA0, 0x86, 1, 0, 0xA0, 0x86, 1, 0])
        var rle = try contents(of: Fixtures.format("rle8.bmp"))
        rle.replaceSubrange(18..<26, with: [0xA0, 0x86, 1, 0, 0xA0, 0x86, 1, 0])
        for bytes in [gif, bmp, rle] {
            #expect(imageError { _ = try Image(decoding: bytes) }?.code == "image.too-large")
        }
    }

    @Test(
        "So is one beyond a limit of the caller's, in every format",
        arguments: ["palette.gif", "24.bmp", "rgb-lzw.tiff", "rgb.heic", "gray.avif", "camera.dng"])
    func limits(name: String) {
        let error = imageError {
            _ = try Image(contentsOfFile: Fixtures.format(name), limits: ImageLimits(pixels: 50))
        }
        #expect(error?.kind == .tooLarge || error?.kind == .library, "\(name): \(String(describing: error))")
    }
}
