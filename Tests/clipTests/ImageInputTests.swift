import CLIPKit
import ClipCommands
import TestSupport
import Testing

/// Images of every format, and the settings with which they are decoded, at the doors of the program.
@Suite struct ImageInputTests {
    let model = TinyModel.shared

    private func image(_ name: String) -> String { fixture("Imaging/formats/\(name)") }

    private func vectors(_ arguments: [String], lines: [String] = []) throws -> [[Float]] {
        let result = try model.run(arguments, lines: lines)
        #expect(result.status == 0, "\(result.error)")
        return try result.records().map { try $0.embedding }
    }

    /// What Pillow's pixels, written as PNG, give.
    private func expected(_ name: String, _ orientation: String) throws -> [Float] {
        try vectors(["embed", image("\(name).\(orientation).png")])[0]
    }

    private func cosine(_ a: [Float], _ b: [Float]) -> Float { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }

    @Test("GIF, BMP and JFIF files are images; one of another format, or a broken one, fails by name")
    func formats() throws {
        let names = ["palette.gif", "24.bmp", "plain.jfif"]
        let plain = try model.run(["embed"], lines: names.map(image))
        #expect(plain.status == 0, "\(plain.error)")
        let records = try plain.records()
        #expect(try records.map { try $0.string("modality") } == ["image", "image", "image"])
        let folder = try TemporaryFolder()
        try folder.write("hello, this is a text", to: folder["text.heic"])
        try folder.write("\0\0\0\u{18}ftypmp42isommp42 and so on", to: folder["film.avif"])
        try folder.write("GIF89a", to: folder["cut.gif"])
        let paths = ["text.heic", "film.avif", "cut.gif"].map { folder[$0] }
        let result = try model.run(["embed", "--on-error", "record"], lines: paths)
        #expect(result.status == 2)
        for (error, words) in zip(result.lines, ["not a PNG", "MP4", "GIF image is truncated"]) {
            #expect(error.contains(words) && error.contains("\"image."), "\(error)")
        }
        for path in paths { #expect(result.error.contains(path)) }
    }

    @Test(
        "Images stand upright at every door, and are as stored with --orientation stored",
        arguments: ["turned-6.jpg", "turned-3.jpg"])
    func orientation(name: String) throws {
        let path = image(name)
        let (upright, stored) = (try expected(name, "upright"), try expected(name, "stored"))
        #expect(cosine(upright, stored) < 0.9999)
        let record = "{\"image\":\"\(path)\"}"
        for vector in try vectors(["embed", path]) + vectors(["embed"], lines: [path, record]) {
            #expect(cosine(vector, upright) > 0.9999)
        }
        let flag = ["--orientation", "stored"]
        for vector in try vectors(["embed", path] + flag) + vectors(["embed"] + flag, lines: [path, record]) {
            #expect(cosine(vector, stored) > 0.9999)
        }
        // A query of rank is an image like any other.
        let candidates = try model.run(["embed", image("\(name).upright.png"), image("\(name).stored.png")]).output
        let lines = candidates.split(separator: "\n").map(String.init)
        for (arguments, best) in [([], "upright"), (flag, "stored")] {
            let ranked = try model.run(["rank", "--query", path, "--top", "1"] + arguments, lines: lines)
            #expect(ranked.output.contains("\(name).\(best).png"), "\(ranked.output) \(ranked.error)")
        }
    }

    @Test("16-bit gray that turns white is told once, by name and with the remedy, which gives another vector")
    func sixteenBit() throws {
        let paths = ["gray16.png", "gray16-interlaced.png"].map { fixture("Imaging/images/\($0)") }
        let clipped = try model.run(["embed", "--jobs", "1"] + paths)
        #expect(clipped.status == 0)
        let notes = clipped.error.split(separator: "\n").filter { $0.contains("16 bits") }
        #expect(notes.count == 1)
        #expect(notes.first?.contains("gray16.png") == true && notes.first?.contains("--sixteen-bit scale") == true)
        let scaled = try model.run(["embed", "--sixteen-bit", "scale"] + paths)
        #expect(!scaled.error.contains("16 bits"))
        #expect(try scaled.records()[0].embedding != clipped.records()[0].embedding)
        let plain = try model.run(["embed", fixture("Imaging/images/gray8.png")])
        #expect(plain.error.isEmpty)
    }

    @Test("The library decodes as the program does")
    func library() throws {
        let path = image("turned-6.jpg")
        let store = ModelStore(environment: ["CLIP_MODEL_PATH": model.folder.path])
        for orientation in ImageOptions.Orientation.allCases {
            let library = try CLIPModel(
                "tiny", plugins: PluginRegistry(Clip.linkedPlugins), store: store, backend: "reference",
                imageOptions: ImageOptions(orientation: orientation))
            let own = try library.embed(images: [path])
            #expect(own.space == model.space)
            let program = try vectors(["embed", path, "--orientation", orientation.rawValue])[0]
            #expect(cosine(Array(own[0]), program) > 0.9999)
        }
    }

    @Test("What an option cannot be is refused with what it can")
    func values() throws {
        for (option, words) in [("--orientation", "upright"), ("--sixteen-bit", "clip")] {
            let result = try model.run(["embed", option, "sideways", "x.png"])
            #expect(result.status == 64 && result.error.contains(words), "\(result.error)")
        }
    }
}
