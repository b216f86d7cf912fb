import Imaging
import TestSupport
import Testing

@Suite("Writing")
struct WriteTests {
    @Test("A PNG that is written reads back the same, gray and RGB", arguments: ["rgb8.png", "gray8.png"])
    func roundTrip(name: String) throws {
        let image = try Image(contentsOfFile: Fixtures.image(name))
        let data = try image.pngData()
        let again = try Image(decoding: data)
        #expect(again == image)
        let sameData = try image.pngData()
        #expect(sameData == data)
    }

    @Test("Other modes are written as RGB")
    func convertsToRGB() throws {
        let image = try Image(contentsOfFile: Fixtures.image("palette8.png"))
        let written = try Image(decoding: image.pngData())
        #expect(written == image.convertedToRGB())
    }

    @Test("A file replaces an old one and leaves no temporary file")
    func replaces() throws {
        try withTemporaryFolder { folder in
            let path = folder + "/a.png"
            try overwrite(path, [1, 2, 3])
            let image = try Image(contentsOfFile: Fixtures.image("rgb8.png"))
            try image.writePNG(toFile: path)
            let written = try Image(contentsOfFile: path)
            #expect(written == image)
            #expect(names(in: folder) == ["a.png"])
        }
    }

    @Test("A file that cannot be written is an error that names it, and leaves nothing behind")
    func cannotWrite() throws {
        let image = try Image(width: 1, height: 1, pixels: [1, 2, 3])
        try withTemporaryFolder { folder in
            let missing = imageError { try image.writePNG(toFile: folder + "/none/a.png") }
            #expect(missing?.code == "image.write")
            #expect(missing?.description.hasPrefix(folder + "/none/a.png: ") == true)
            #expect(imageError { try image.writePNG(toFile: folder + "/") }?.code == "image.write")
            #expect(imageError { try image.writePNG(toFile: "") }?.code == "image.write")
            #expect(names(in: folder).isEmpty)
        }
    }
}
