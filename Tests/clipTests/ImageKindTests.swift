import CLIPKit
import TestSupport
import Testing

/// What is said where the bundled model, which nobody named, gets images of another kind than its own.
@Suite struct ImageKindTests {
    private static let starter = "\(repositoryRoot)/Models/starter"
    private static let photos = ["astronaut", "rocket", "chelsea", "coffee"].map { fixture("Photos/\($0).jpg") }
    private static let note =
        "no model was named, so it is 'starter', which knows nothing of such images, but ten colours, ten shapes, counts, "
        + "relations, digits and letters, drawn in images of 64 x 64 pixels; for photos 'clip models pull ViT-B-32:openai' "
        + "and add --model ViT-B-32:openai\n"

    @Test("a photo gets the note, whichever it is", arguments: photos)
    func photo(path: String) throws {
        let result = try Program.run(["embed"], lines: [path], in: TemporaryFolder())
        #expect(result.status == 0)
        #expect(result.error == "clip embed: " + Self.note)
        #expect(result.output.split(separator: "\n").count == 1)
    }

    @Test("it stands once in a run, and is left out where somebody named the model")
    func once() throws {
        let folder = try TemporaryFolder()
        let all = try Program.run(["embed"], lines: Self.photos + Self.photos, in: folder)
        #expect(all.error == "clip embed: " + Self.note)
        for (arguments, environment) in [
            (["--model", "starter"], [:]), (["--model", Self.starter], [:]), ([], ["CLIP_MODEL": "starter"]),
        ] as [([String], [String: String])] {
            let named = try Program.run(["embed"] + arguments, lines: Self.photos, environment: environment, in: folder)
            #expect(named.status == 0 && named.error.isEmpty, "\(named.error)")
        }
        let query = try Program.shell(
            "echo 'a red star' | clip embed | clip rank --query '\(Self.photos[0])'", in: folder)
        #expect(query.error == "clip rank: " + Self.note, "\(query.error)")
    }

    @Test("the quick start's pictures get no note")
    func quickStart() throws {
        let pictures = names(in: "\(repositoryRoot)/Examples/pictures").filter { $0.hasSuffix(".png") }
        #expect(pictures.count >= 12)
        let result = try Program.run(
            ["embed"], lines: pictures.map { "\(repositoryRoot)/Examples/pictures/\($0)" }, in: TemporaryFolder())
        #expect(result.status == 0 && result.error.isEmpty, "\(result.error)")
    }

    /// Width, height, and the colour of a pixel.
    struct Drawn: CustomTestStringConvertible {
        var testDescription: String
        var size: (Int, Int)
        var isDrawing: Bool
        var color: @Sendable (_ x: Int, _ y: Int) -> (Int, Int, Int)
    }

    private static func noise(_ x: Int, _ y: Int) -> Int {
        var state = UInt64(x) &* 0x9E37_79B9_7F4A_7C15 ^ UInt64(y) &* 0xC2B2_AE3D_27D4_EB4F
        state = (state ^ state >> 29) &* 0xBF58_476D_1CE4_E5B9
        return Int(state >> 40 & 0xFF)
    }

    private static let drawn = [
        Drawn(testDescription: "one colour", size: (300, 200), isDrawing: true) { _, _ in (200, 30, 30) },
        Drawn(testDescription: "a disc on white", size: (256, 256), isDrawing: true) { x, y in
            (x - 128) * (x - 128) + (y - 120) * (y - 120) < 70 * 70 ? (20, 60, 200) : (255, 255, 255)
        },
        Drawn(testDescription: "a gradient with a square", size: (160, 160), isDrawing: true) { x, y in
            (40..<90).contains(x) && (50..<100).contains(y) ? (240, 220, 0) : (x, x / 2, 255 - x)
        },
        Drawn(testDescription: "a small drawing", size: (20, 20), isDrawing: true) { x, y in
            x < 10 ? (0, 0, 0) : (255, 255, 255)
        },
        Drawn(testDescription: "a pixel", size: (1, 1), isDrawing: true) { _, _ in (1, 2, 3) },
        Drawn(testDescription: "noise of the starter's own size", size: (64, 64), isDrawing: true) { x, y in
            let gray = noise(x, y)
            return (gray, gray, gray)
        },
        Drawn(testDescription: "noise", size: (200, 200), isDrawing: false) { x, y in
            (noise(x, y), noise(y, x), noise(x + 7, y))
        },
        Drawn(testDescription: "gray texture", size: (96, 128), isDrawing: false) { x, y in
            let gray = (noise(x / 2, y / 2) + x + y) / 2
            return (gray, gray, gray)
        },
        Drawn(testDescription: "a small texture", size: (32, 32), isDrawing: false) { x, y in
            (noise(x, y), noise(x, y), 100)
        },
    ]

    @Test("drawings of any size get no note, textures do", arguments: drawn)
    func kinds(_ given: Drawn) throws {
        let folder = try TemporaryFolder()
        let (width, height) = given.size
        let pixels = (0..<width * height).flatMap { index -> [UInt8] in
            let color = given.color(index % width, index / width)
            return [color.0, color.1, color.2].map { UInt8(clamping: $0) }
        }
        try Image(width: width, height: height, pixels: pixels).writePNG(toFile: folder["a.png"])
        let result = try Program.run(["embed"], lines: [folder["a.png"]], in: folder)
        #expect(result.status == 0)
        #expect(result.error.isEmpty == given.isDrawing, "\(result.error)")
    }

    @Test("models info says what a model knows, and `knows` is read strictly")
    func info() throws {
        let info = try Program.run(["models", "info", "starter"], in: TemporaryFolder())
        #expect(info.output.contains("ten colours, ten shapes"))
        let folder = try TemporaryFolder()
        _ = try Program.shell("cp -r '\(Self.starter)' '\(folder["m"])'", in: folder)
        let text = folder.text(folder["m/model.yaml"])
        try folder.write(text.replacing("images: drawings", with: "images: drawing"), to: folder["m/model.yaml"])
        let wrong = try Program.run(["models", "info", folder["m"]], in: folder)
        #expect(wrong.status == 1 && wrong.error.contains("did you mean 'drawings'?"), "\(wrong.error)")
    }
}
