import Imaging
import ModelGraph
import TestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

@Suite("Bad input")
struct BadInputTests {
    @Test("What is not an image file is named for what it is")
    func notAnImage() throws {
        try withTemporaryFolder { folder in
            func failure(_ path: String) -> ImageError? { imageError { _ = try Image(contentsOfFile: path) } }
            func file(_ name: String, _ bytes: [UInt8]) throws -> String {
                try overwrite(folder + "/" + name, bytes)
                return folder + "/" + name
            }
            #expect(failure(folder + "/none.png")?.code == "image.missing")
            #expect(failure("")?.code == "image.missing")
            #expect(failure(Fixtures.image("gray.jpg") + "\0.png")?.code == "image.missing")
            #expect(failure(Fixtures.image("gray.jpg") + "/x.png")?.code == "image.missing")
            #expect(failure(folder)?.code == "image.not-a-file")
            #expect(failure("/dev/zero")?.code == "image.not-a-file")
            #expect(try failure(file("empty.png", []))?.code == "image.empty")

            let text = try #require(try failure(file("text.png", Array("hello world, this is text".utf8))))
            #expect(text.code == "image.decode")
            #expect(text.description.hasPrefix(folder + "/text.png: not a PNG, JPEG or WebP image"))
            #expect(text.description.contains("hello wo"))
            for (start, name) in [("GIF89a..............", "GIF"), ("BM", "BMP"), ("II*\0\u{8}\0\0\0", "TIFF")] {
                let broken = try #require(try failure(file("other.png", Array(start.utf8))))
                #expect(broken.description.contains(name))
            }
            for (start, name) in [("%PDF-1.7 and so on", "PDF"), ("\0\0\0\u{18}ftypmp42........", "MP4")] {
                let other = try #require(try failure(file("other.png", Array(start.utf8))))
                #expect(other.code == "image.decode")
                #expect(other.description.contains(name))
                #expect(other.description.contains("PNG, JPEG, WebP, GIF, BMP, TIFF, HEIC, AVIF and camera RAW"))
            }
        }
    }

    @Test("A named pipe is refused without waiting for a writer")
    func namedPipe() throws {
        try withTemporaryFolder { folder in
            try #require(mkfifo(folder + "/pipe.png", 0o600) == 0)
            let error = imageError { _ = try Image(contentsOfFile: folder + "/pipe.png") }
            #expect(error?.code == "image.not-a-file")
            #expect(error?.description.contains("named pipe") == true)
        }
    }

    @Test("A header that claims too many pixels is refused before anything is allocated")
    func pixelLimit() throws {
        var png = try contents(of: Fixtures.image("rgb8.png"))
        png.replaceSubrange(16..<24, with: [0, 1, 0x86, 0xA0, 0, 1, 0x86, 0xA0])
        var jpeg = try contents(of: Fixtures.image("color-444.jpg"))
        let frame = try #require(jpeg.indices.first { jpeg[$0] == 0xFF && jpeg[$0 + 1] == 0xC0 })
        jpeg.replaceSubrange((frame + 5)..<(frame + 9), with: [0xFF, 0xFF, 0xFF, 0xFF])
        var webp = try contents(of: Fixtures.image("animated.webp"))
        webp.replaceSubrange(24..<30, with: [0x9F, 0x86, 0x01, 0x9F, 0x86, 0x01])
        for (bytes, size) in [(png, "100000x100000"), (jpeg, "65535x65535"), (webp, "100000x100000")] {
            let error = try #require(imageError { _ = try Image(decoding: bytes, source: "bomb.png") })
            #expect(error.code == "image.too-large", "\(error)")
            #expect(error.description.hasPrefix("bomb.png: "))
            #expect(error.description.contains("\(size) pixels; the limit is 178956970 pixels"))
        }
    }

    @Test("A PNG header that promises more than its data can hold is truncated, not allocated for")
    func implausibleSize() throws {
        var png = try contents(of: Fixtures.image("rgb8.png"))
        // 13,000 x 13,000 is within the limit; the check sum is made right, so that only the data can tell.
        png.replaceSubrange(16..<24, with: [0, 0, 0x32, 0xC8, 0, 0, 0x32, 0xC8])
        png.replaceSubrange(29..<33, with: crc32(png[12..<29]))
        #expect(imageError { _ = try Image(decoding: png) }?.code == "image.truncated")
    }

    @Test("Limits can be set")
    func limits() throws {
        let path = Fixtures.image("rgb8.png")
        let pixels = imageError { _ = try Image(contentsOfFile: path, limits: ImageLimits(pixels: 100)) }
        #expect(pixels?.code == "image.too-large")
        let size = imageError { _ = try Image(contentsOfFile: path, limits: ImageLimits(fileBytes: 50)) }
        #expect(size?.code == "image.too-large")
        #expect(size?.description.contains("the limit is 50 bytes") == true)
    }

    @Test("A file cut short in its picture is an error that says truncated", arguments: Fixtures.names)
    func truncated(name: String) throws {
        let bytes = try contents(of: Fixtures.image(name))
        // What follows a PNG's last data chunk, and the end marker of a JPEG, carry no pixels.
        let end = name.hasSuffix(".png") ? bytes.count - 16 : bytes.count - 2
        var lengths = Array(1..<min(60, end))
        var generator = SeededGenerator(seed: 7)
        lengths += (0..<40).map { _ in Int.random(in: 1..<end, using: &generator) }
        for length in lengths {
            let error = imageError { _ = try Image(decoding: Array(bytes[..<length]), source: name) }
            #expect(error?.code == "image.truncated", "\(name) cut to \(length): \(String(describing: error))")
            #expect(error?.description.contains("truncated") == true)
        }
        for length in end..<bytes.count {
            _ = imageError { _ = try Image(decoding: Array(bytes[..<length]), source: name) }
        }
    }

    @Test("Changed bytes are an error or another picture, never a crash", arguments: Fixtures.names)
    func changedBytes(name: String) throws {
        let bytes = try contents(of: Fixtures.image(name))
        var generator = SeededGenerator(seed: 11)
        let transform = try ImageTransform(resize: 8)
        var failures = 0
        for _ in 0..<120 {
            var changed = bytes
            for _ in 0..<Int.random(in: 1...6, using: &generator) {
                changed[Int.random(in: changed.indices, using: &generator)] ^=
                    1 << UInt8.random(in: 0..<8, using: &generator)
            }
            // A limit keeps a changed size from making the test slow.
            let error = imageError {
                let image = try Image(decoding: changed, limits: ImageLimits(pixels: 1 << 20))
                _ = try transform.apply(to: image)
            }
            if let error {
                failures += 1
                #expect(!error.description.isEmpty)
            }
        }
        #expect(failures > 0)
    }

    /// PNG's check sum.
    private func crc32(_ bytes: some Sequence<UInt8>) -> [UInt8] {
        var crc: UInt32 = .max
        for byte in bytes {
            crc ^= UInt32(byte)
            for _ in 0..<8 { crc = crc & 1 == 1 ? (crc >> 1) ^ 0xEDB8_8320 : crc >> 1 }
        }
        crc = ~crc
        return [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: crc >> $0) }
    }
}
