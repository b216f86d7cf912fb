import CLIPKit
import ClipCommands
import TestModels
import TestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// The same input means the same at every door: as an argument, a line, a line that ends with NUL, a record, a query, half
/// of a pair, a call of the library.
@Suite struct DoorsTests {
    let model = TinyModel.shared

    /// Names of files that somebody has. All that ends like an image is one.
    private static let names: [[UInt8]] =
        [
            "plain.png", "with space.png", "-dash.png", "--help.png", "--as.png", "-h.png", "{brace.png",
            "{\"text\":\"x\"}.png", "[1].png", "\"quoted\".png", "'single'.png", " leading.png", "blank .png",
            "\u{E9}.png",
            "e\u{301}.png", "new\nline.png", "back\\slash.png", "tab\t.png", "\u{FEFF}mark.png", "日本.png", "$x`y`.png",
            "%41.png", "data:image,x.png", "file:x.png", "return\rx.png", "~.png", "null.png", "\u{10FF41}.png", ".png",
            "UPPER.PNG", String(repeating: "x", count: 251) + ".png",
        ].map { Array($0.utf8) } + [Array("bad".utf8) + [0xFF] + Array(".png".utf8), [0xE9, 0x2E, 0x70, 0x6E, 0x67]]

    /// A folder with the same image under every name.
    private func makeGallery() throws -> (folder: TemporaryFolder, vector: [Float]) {
        let folder = try TemporaryFolder()
        let picture = try model.picture("doors.png", 200, 90, 10)
        let bytes = model.folder.bytes(picture)
        #expect(mkdir(folder["gallery"], 0o700) == 0)
        for name in Self.names {
            let file = open(rawPath(name, in: folder["gallery"]), O_WRONLY | O_CREAT, 0o600)
            try #require(write(file, bytes, bytes.count) == bytes.count)
            close(file)
        }
        return (folder, try model.run(["embed", picture]).records()[0].embedding)
    }

    private func rawPath(_ name: [UInt8], in folder: String) -> [CChar] {
        (Array("\(folder)/".utf8) + name + [0]).map { CChar(bitPattern: $0) }
    }

    private func shell(_ script: String, at place: String? = nil, in folder: TemporaryFolder) throws -> Program.Result {
        try Program.shell(
            "cd '\(place ?? folder.path)' || exit 9; \(script)", environment: ["CLIP_MODEL": model.path], in: folder)
    }

    /// The path of a record, as bytes.
    private func path(_ record: Record) throws -> [UInt8] {
        if let path = try record.string("path") { return Array(path.utf8) }
        let encoded = try #require(try record.string("path_base64"))
        return try #require(Base64.decode(Array(encoded.utf8)[...]))
    }

    /// Batches of several sizes sum in other orders.
    private func isNear(_ a: [Float], _ b: [Float]) -> Bool { zip(a, b).allSatisfy { abs($0 - $1) < 1e-5 } }

    private func expect(
        _ result: Program.Result, _ names: [[UInt8]], _ vector: [Float], _ door: String,
        sourceLocation: Testing.SourceLocation = #_sourceLocation
    ) throws {
        #expect(result.status == 0, "\(door): \(result.error)", sourceLocation: sourceLocation)
        let records = try result.records()
        #expect(try records.map(path) == names, "\(door)", sourceLocation: sourceLocation)
        for record in records {
            #expect(try isNear(record.embedding, vector), "\(door)", sourceLocation: sourceLocation)
        }
    }

    @Test("an image is the same image at every door, whatever its name")
    func images() throws {
        let (folder, vector) = try makeGallery()
        let names = Self.names
        let gallery = folder["gallery"]
        defer { for name in names { unlink(rawPath(name, in: gallery)) } }
        let dotted = names.map { Array("./".utf8) + $0 }
        func list(_ names: [[UInt8]], _ end: UInt8) -> [UInt8] { Array(names.map { $0 + [end] }.joined()) }
        func jsonPath(_ name: [UInt8], _ key: String = "image") -> String {
            guard let text = String(validating: name, as: UTF8.self) else {
                return "\"path_base64\":\"\(Base64.encode(name))\""
            }
            return "\"\(key)\":\(RawJSON(text).text)"
        }

        // Arguments, in the order of their bytes; hidden names do not belong to *.
        let sorted = names.filter { $0.first != UInt8(ascii: ".") }.sorted { $0.lexicographicallyPrecedes($1) }
        try expect(shell("LC_ALL=C; export LC_ALL; clip embed *", at: gallery, in: folder), sorted, vector, "arguments")
        try expect(
            shell("LC_ALL=C; export LC_ALL; clip embed -- *", at: gallery, in: folder), sorted, vector,
            "arguments after --")
        try expect(
            shell("LC_ALL=C; export LC_ALL; clip embed --as image *", at: gallery, in: folder), sorted, vector,
            "--as image")

        // Lines: a name that holds a line feed is none.
        let lines = dotted.filter { !$0.contains(0x0A) && $0 != Array("./.png".utf8) }
        try folder.write(list(lines, 0x0A), to: folder["lines"])
        try expect(shell("clip embed < ../lines", at: gallery, in: folder), lines, vector, "lines")
        try folder.write([0xEF, 0xBB, 0xBF] + Array(lines.joined(separator: [0x0D, 0x0A])), to: folder["windows"])
        try expect(shell("clip embed < ../windows", at: gallery, in: folder), lines, vector, "lines of another system")
        try folder.write(list(dotted, 0), to: folder["names"])
        try expect(
            shell("clip embed --null < ../names", at: gallery, in: folder), dotted, vector, "lines that end with NUL")

        // Records, pairs, queries.
        let records = names.enumerated().map { "{\"id\":\($0),\(jsonPath($1)),\"text\":null}\n" }.joined()
        try folder.write("\u{FEFF}" + records, to: folder["records"])
        try expect(shell("clip embed < ../records", at: gallery, in: folder), names, vector, "records")
        let pairs = names.enumerated().map { "{\"id\":\($0),\(jsonPath($1)),\"text\":\"a dog\"}\n" }.joined()
        try folder.write(pairs, to: folder["pairs"])
        let both = try shell("clip embed --pairs < ../pairs", at: gallery, in: folder)
        #expect(both.status == 0, "\(both.error)")
        let images = try both.records().enumerated().filter { $0.offset.isMultiple(of: 2) }.map(\.element)
        #expect(try images.map(path) == names)
        #expect(try images.map { try $0.id } == names.indices.map { "\"\($0)/image\"" })
        for image in images { #expect(try isNear(image.embedding, vector)) }
        let queries = try shell("clip embed ./plain.png | clip rank --queries ../records", at: gallery, in: folder)
        #expect(queries.status == 0, "\(queries.error)")
        #expect(
            try queries.records().map { try $0.string("query") } == names.map { String(decoding: $0, as: UTF8.self) })
        for record in try queries.records() { #expect(try #require(try record.number("score")) > 0.9999) }
        let arguments = try shell(
            "LC_ALL=C; export LC_ALL; set --; for f in *.png *.PNG; do set -- \"$@\" --query \"$f\"; done; "
                + "clip embed ./plain.png | clip rank \"$@\"", at: gallery, in: folder)
        #expect(arguments.status == 0, "\(arguments.error)")
        #expect(try arguments.records().count == sorted.count)
        for record in try arguments.records() { #expect(try #require(try record.number("score")) > 0.9999) }

        // The library.
        let store = ModelStore(environment: ["CLIP_MODEL_PATH": model.folder.path])
        let library = try CLIPModel("tiny", plugins: PluginRegistry(Clip.linkedPlugins), store: store)
        let opened = try names.map { try Image(contentsOfFile: Array("\(gallery)/".utf8) + $0) }
        let embedded = try library.embed(images: opened)
        for row in names.indices { #expect(isNear(Array(embedded[row]), vector)) }
    }

    @Test("training finds every image and text that embed finds, by the same records")
    func training() throws {
        let (folder, _) = try makeGallery()
        let names = Self.names
        defer { for name in names { unlink(rawPath(name, in: folder["gallery"])) } }
        let tiny = try TinyModel()
        let pairs = names.enumerated().map { index, name in
            let path = Array("\(folder["gallery"])/".utf8) + name
            let image =
                String(validating: path, as: UTF8.self).map { "\"image\":\(RawJSON($0).text),\"path_base64\":null" }
                ?? "\"image\":null,\"path_base64\":\"\(Base64.encode(path))\""
            return "{\(image),\"text\":\(RawJSON(Self.texts[index % Self.texts.count].text).text)}"
        }
        try tiny.folder.write("\u{FEFF}" + pairs.joined(separator: "\r\n"), to: tiny.folder["pairs.jsonl"])
        let model = TinyModel.yaml.split(separator: "\n").map { "  " + $0 + "\n" }.joined()
        try tiny.folder.write(
            "model:\n\(model)data: {pairs: pairs.jsonl, maximumFailures: 0}\nbatchSize: 4\nsteps: 1\n"
                + "optimizer: {name: adamw, learningRate: 1.0e-3}\nbackend: reference\n", to: tiny.folder["recipe.yaml"]
        )
        let result = try tiny.run(["train", tiny.folder["recipe.yaml"], "--output", tiny.folder["run"]])
        #expect(result.status == 0, "\(result.error)")
        let embedded = try tiny.run(["embed", "--pairs"], lines: pairs)
        #expect(embedded.status == 0 && embedded.lines.count == names.count * 2, "\(embedded.error)")
    }

    /// Texts that somebody writes, and the doors where they can be written as they are.
    private static let texts: [(text: String, isLine: Bool)] = [
        ("a dog", true), ("-5 degrees", true), ("--help", true), ("-h", true), ("--top", true), ("{a}", false),
        ("{\"text\":\"x\"}", false), ("{", false), ("\"half", true), ("[x", true), ("it's \\ $HOME `x`", true),
        ("\u{E9}t\u{E9}", true), ("e\u{301}te\u{301}", true), ("  blanks  ", true), ("two\nlines", false),
        ("\u{10FF41}\u{10FFFD}", true), ("日本語 🐕", true), ("\u{2028}x", true), ("a.b", true), ("null and void", true),
        (String(repeating: "x", count: 300), true),
    ]

    @Test("a text is the same text at every door")
    func texts() throws {
        let texts = Self.texts.map(\.text)
        let store = ModelStore(environment: ["CLIP_MODEL_PATH": model.folder.path])
        let library = try CLIPModel("tiny", plugins: PluginRegistry(Clip.linkedPlugins), store: store)
        let expected = try library.embed(texts: texts)
        func check(_ result: Program.Result, _ indexes: [Int], _ door: String) throws {
            #expect(result.status == 0, "\(door): \(result.error)")
            try check(result.records(), indexes, door)
        }
        func check(_ records: [Record], _ indexes: [Int], _ door: String) throws {
            #expect(
                try records.map { try $0.string("text") }.map { Array(($0 ?? "none").utf8) }
                    == indexes.map { Array(texts[$0].utf8) }, "\(door)")
            for (record, row) in zip(records, indexes) {
                #expect(try isNear(record.embedding, Array(expected[row])), "\(door) \(texts[row])")
            }
        }
        let all = Array(texts.indices)
        let lines = all.filter { Self.texts[$0].isLine }
        let noBraces = all.filter { !texts[$0].hasPrefix("{") }
        func record(_ index: Int, _ more: String = "\"image\":null") -> String {
            "{\"id\":\(index),\(more),\"text\":\(RawJSON(texts[index]).text)}"
        }
        try check(model.run(["embed", "--as", "text", "--"] + texts), all, "arguments")
        try check(model.run(["embed"], lines: lines.map { texts[$0] }), lines, "lines")
        try check(
            model.run(["embed"], input: Array(("\u{FEFF}" + lines.map { texts[$0] }.joined(separator: "\r\n")).utf8)),
            lines,
            "lines of another system")
        try check(
            model.run(["embed", "--null"], input: Array(noBraces.map { texts[$0] + "\0" }.joined().utf8)), noBraces,
            "lines that end with NUL")
        let records = all.map { record($0) }
        try check(model.run(["embed"], lines: records), all, "records")
        let picture = RawJSON(try model.picture("doors-pair.png", 1, 2, 3)).text
        let pairs = try model.run(["embed", "--pairs"], lines: all.map { record($0, "\"image\":\(picture)") })
        let halves = pairs.lines.enumerated().filter { !$0.offset.isMultiple(of: 2) }.map(\.element)
        #expect(try halves.map { try Record($0).id } == all.map { "\"\($0)/text\"" })
        try check(halves.map { try Record($0) }, all, "pairs")

        // As queries, each against itself.
        let candidates = try model.run(["embed"], lines: records).output
        try model.folder.write(records.joined(separator: "\n"), to: model.folder["doors-queries"])
        for (arguments, door) in [
            (["--queries", model.folder["doors-queries"]], "a file of queries"),
            // A text that is called like an option needs the equals sign.
            (
                texts.flatMap { ["--help", "-h", "--top"].contains($0) ? ["--query=" + $0] : ["--query", $0] },
                "queries"
            ),
        ] {
            let ranked = try model.run(["rank", "--top", "1"] + arguments, input: Array(candidates.utf8))
            #expect(ranked.status == 0, "\(door): \(ranked.error)")
            let found = try ranked.records()
            #expect(
                try found.map { Array((try $0.string("query") ?? "").utf8) } == texts.map { Array($0.utf8) }, "\(door)")
            for record in found { #expect(try #require(try record.number("score")) > 0.9999, "\(door)") }
        }

        // Ids.
        let ids = try model.run(["tokenize"], lines: records).records().map {
            try #require($0.record.raw("tokens")).text
        }
        #expect(ids.count == texts.count)
        let plain = try model.run(["tokenize"], lines: lines.map { texts[$0] }).records()
        #expect(try plain.map { try #require($0.record.raw("tokens")).text } == lines.map { ids[$0] })
    }

    @Test("nothing is nothing at every door: told, and no text")
    func empty() throws {
        let arguments = try model.run(["embed", "--as", "text", "", "a"])
        #expect(arguments.status == 2 && arguments.lines.count == 1)
        #expect(arguments.error == "clip embed: argument 1: the line is blank\n")
        #expect(try model.run(["embed", ""]).status == 64)
        let line = try model.run(["embed"], lines: ["", " \t", "a"])
        #expect(line.status == 2 && line.lines.count == 1)
        let query = try model.shell("echo a | clip embed | clip rank --query '' --query b")
        #expect(query.status == 2 && query.lines.count == 1)
        #expect(query.error.hasPrefix("clip rank: query 1: "))
        // A record may say that a text is empty.
        #expect(try model.run(["embed"], lines: ["{\"text\":\"\"}"]).status == 0)
        #expect(try model.run(["embed"], lines: ["{\"image\":\"\"}"]).status == 2)
    }

    @Test("rank skips a byte order mark before embeddings and queries, and null where nothing is")
    func rank() throws {
        let output = try model.run(["embed"], lines: ["a", "b", "c"]).output
        let marked = try model.run(["rank"], input: [0xEF, 0xBB, 0xBF] + Array(output.utf8))
        #expect(marked.status == 0 && marked.lines.count == 2, "\(marked.error)")
        let nulls = output.split(separator: "\n").map { String($0.dropLast()) + ",\"path\":null,\"path_base64\":null}" }
        let same = try model.run(["rank"], lines: nulls)
        #expect(same.output == marked.output, "\(same.error)")
        try model.folder.write("\u{FEFF}" + output, to: model.folder["marked.jsonl"])
        let queries = try model.run(["rank", "--queries", model.folder["marked.jsonl"]], input: Array(output.utf8))
        #expect(queries.status == 0 && queries.lines.count == 9, "\(queries.error)")
        let wide = output.utf8.flatMap { byte -> [UInt8] in [byte, 0] }
        let refused = try model.run(["rank"], input: [0xFF, 0xFE] + wide)
        #expect(refused.status == 2 && refused.output.isEmpty)
        #expect(refused.error.contains("line 1: the line is UTF-16"))
    }

    @Test(
        "what begins with a dash is a file where there is one, else wrong usage; never a call for help",
        arguments: [
            ["embed", "-photo.png"], ["embed", "-x", "a.png"], ["embed", "--null", "-hat.png"],
            ["embed", "--model", "-hat"],
            ["embed", "--photo.png"], ["rank", "-hello"], ["tokenize", "-photo"], ["models", "list", "-hh"],
            ["models", "info", "-hm"], ["train", "-his.yaml"], ["-photo.png"], ["embed", "--jobs", "-3"],
            ["tokenizer", "train", "-h.txt"],
        ])
    func dashes(arguments: [String]) throws {
        let result = try model.run(arguments, lines: ["a dog"])
        #expect(result.status == 64, "\(arguments) \(result)")
        #expect(result.output.isEmpty)
        #expect(!result.error.isEmpty && !result.error.contains("\u{10FF2D}"), "\(result.error)")
    }

    @Test(
        "other files than images may begin with a dash or be no UTF-8, too, and arguments that are none say what they are"
    )
    func otherFiles() throws {
        let folder = try TemporaryFolder()
        try folder.write("the cat\nthe hat\n", to: folder["-corpus.txt"])
        let result = try shell(
            "printf 'the cat\\nthe hat\\n' > \"$(printf 'bad\\377.txt')\"; "
                + "clip tokenizer train -corpus.txt bad*.txt --vocabulary-size 516 --output m && clip tokenize --tokenizer m "
                + "< -corpus.txt; rm bad*.txt", in: folder)
        #expect(result.lines.count == 2, "\(result.error)")
        for (argument, part) in [
            ("https://x.org/a", "is an address"), ("data:image/png;base64,AA==", "is a data: URI"),
            ("[1]", "is a JSON array"),
            (folder.path, "| clip embed"), (folder["-corpus.txt"], "clip embed < "), ("movie.mp4", "ends like a video"),
        ] {
            let wrong = try model.run(["embed", argument])
            #expect(wrong.status == 64 && wrong.output.isEmpty && wrong.error.contains(part), "\(wrong.error)")
            let mixed = try model.run(["embed", argument, "none.png"])
            #expect(mixed.status == 2 && mixed.output.isEmpty && mixed.error.split(separator: "\n").count == 2)
        }
    }

    @Test("every option is known to what tells names with a dash from options")
    func options() throws {
        for command in ["embed", "rank", "tokenize", "train", "models list", "models convert", "bench", "doctor"] {
            let words = command.split(separator: " ").map(String.init)
            for help in ["--help", "-h"] {
                let result = try model.run(words + [help])
                #expect(result.status == 0 && result.output.contains("USAGE: clip \(command)"), "\(command) \(help)")
            }
        }
        // Flags and values of every kind beside such a name.
        let folder = try TemporaryFolder()
        try folder.write(folder.bytes(try model.picture("dash.png", 3, 2, 1)), to: folder["-hat.png"])
        let result = try shell(
            "clip embed --no-normalize -hat.png --jobs 2 -hat.png --encoding=base64 "
                + "--as image -hat.png --strict -hat.png", in: folder)
        #expect(result.status == 0, "\(result.error)")
        #expect(try result.records().map { try $0.string("path") } == Array(repeating: "-hat.png", count: 4))
    }
}
