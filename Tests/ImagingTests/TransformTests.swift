import Testing

@testable import Imaging

@Suite("Transforms")
struct TransformTests {
    @Test("A transform gives torchvision's numbers, bit for bit", arguments: Fixtures.table("transform"))
    func transformIsExact(row: [String]) throws {
        let resize = try #require(Int(row[1]))
        let resizeMode = try #require(ImageTransform.ResizeMode(rawValue: row[2]))
        let interpolation = try #require(Interpolation(rawValue: row[3]))
        let crop = try #require(ImageTransform.Crop(rawValue: row[4]))
        let cropSize = try #require(Int(row[5]))
        let cropRounding = try #require(ImageTransform.CropRounding(rawValue: row[6]))
        let convert = try #require(ImageTransform.Conversion(rawValue: row[7]))
        let transform = try ImageTransform(
            resize: resize, resizeMode: resizeMode, interpolation: interpolation, crop: crop, cropSize: cropSize,
            cropRounding: cropRounding, convert: convert)
        let image = try Image(contentsOfFile: Fixtures.image(row[0]))
        let values = try transform.apply(to: image)
        let size = transform.outputSize(width: image.width, height: image.height)
        #expect(values.count == 3 * size.width * size.height)
        let bytes = values.flatMap { value in (0..<4).map { UInt8(truncatingIfNeeded: value.bitPattern >> (8 * $0)) } }
        #expect(Fixtures.digest(bytes) == row[8])
    }

    @Test("An odd surplus is halved to even by torchvision, and down by transformers")
    func cropOffsets() throws {
        let torchvision = try ImageTransform(resize: 224)
        let transformers = try ImageTransform(resize: 224, cropRounding: .down)
        for (surplus, even, down) in [(0, 0, 0), (1, 0, 0), (2, 1, 1), (3, 2, 1), (5, 2, 2), (7, 4, 3), (74, 37, 37)] {
            #expect(torchvision.fit(length: 224 + surplus, to: 224).start == even)
            #expect(transformers.fit(length: 224 + surplus, to: 224).start == down)
        }
    }

    @Test("The longer side is rounded down")
    func shortestSize() throws {
        let transform = try ImageTransform(resize: 224)
        #expect(transform.resizedSize(width: 640, height: 480) == (298, 224))
        #expect(transform.resizedSize(width: 333, height: 500) == (224, 336))
        #expect(transform.resizedSize(width: 50, height: 50) == (224, 224))
    }

    @Test("Writing into a buffer gives the same numbers, and a wrong size is refused")
    func intoBuffer() throws {
        let transform = try ImageTransform(resize: 12)
        let image = try Image(contentsOfFile: Fixtures.image("rgb8.png"))
        var batch = [Float](repeating: -9, count: 2 * 432)
        try batch.withUnsafeMutableBufferPointer { buffer in
            try transform.apply(to: image, into: UnsafeMutableBufferPointer(rebasing: buffer[432...]))
            #expect(
                imageError { try transform.apply(to: image, into: UnsafeMutableBufferPointer(rebasing: buffer[1...])) }?
                    .code == "image.transform")
        }
        #expect(batch[..<432].allSatisfy { $0 == -9 })
        let values = try transform.apply(to: image)
        #expect(Array(batch[432...]) == values)
    }

    @Test("A picture too long and thin to be resized is an error, soon")
    func longAndThin() throws {
        let line = try Image(
            width: 40_000_000, height: 1, mode: .gray, pixels: [UInt8](repeating: 9, count: 40_000_000))
        #expect(imageError { _ = try ImageTransform(resize: 224).apply(to: line) }?.code == "image.too-large")
        #expect(
            imageError { _ = try ImageTransform(resize: 224, resizeMode: .squash).apply(to: line) }?.code
                == "image.too-large")
        let longest = imageError { _ = try ImageTransform(resize: 224, resizeMode: .longest).apply(to: line) }
        #expect(longest?.code == "image.transform")
    }

    @Test("Settings that make no sense are refused")
    func settings() {
        #expect(imageError { _ = try ImageTransform(resize: 0) }?.code == "image.transform")
        #expect(imageError { _ = try ImageTransform(resize: .max) } != nil)
        #expect(imageError { _ = try ImageTransform(resize: 8, cropSize: -1) } != nil)
        #expect(imageError { _ = try ImageTransform(resize: 8, mean: [0, 0]) } != nil)
        #expect(imageError { _ = try ImageTransform(resize: 8, mean: [0, 0, .nan]) } != nil)
        #expect(imageError { _ = try ImageTransform(resize: 8, std: [1, 0, 1]) } != nil)
    }
}
