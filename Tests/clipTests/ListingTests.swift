import TestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// `find | clip embed`: a folder of everything, most of which is neither an image nor a text.
@Suite struct ListingTests {
    let model = TinyModel.shared

    /// Files by name, with what they begin with, as real ones do. None of them can be embedded.
    private static let others: [(name: String, start: String)] = [
        ("movie.mp4", "\0\0\0 ftypisom"), ("clip.mov", "\0\0\0\u{14}ftypqt  "), ("film.MKV", "\u{1A}E"),
        ("film.webm", "\u{1A}E"),
        ("film.avi", "RIFFabcdAVI "), ("sound.wav", "RIFFabcdWAVEfmt "), ("song.mp3", "ID3\u{3}\0"),
        ("song.flac", "fLaC\0"),
        ("song.m4a", "\0\0\0 ftypM4A "), ("voice.ogg", "OggS\0"), ("paper.pdf", "%PDF-1.7\n"),
        ("drawing.svg", "<svg/>"),
        ("layers.psd", "8BPS\0\u{1}"), ("icon.ico", "\0\0\u{1}\0"), ("scan.jp2", "\0\0\0\u{C}jP  "),
        ("new.jxl", "\0\0\0\u{C}JXL "),
        ("raw.cr2", "II*\0\u{10}\0\0\0CR\u{2}"), ("raw.NEF", "MM\0*\0\0"), ("raw.dng", "II*\0"), ("raw.arw", "II*\0"),
        ("phone.heic", "\0\0\0\u{18}ftypheic"), ("modern.avif", "\0\0\0\u{1C}ftypavif"), ("broken.gif", "GIF89a"),
        ("broken.bmp", "BM\0"), ("broken.tiff", "MM\0*"), ("broken.jpg", "\u{1}not"), ("zero.png", ""),
        ("zero.jpeg", ""),
        ("text.webp", "hello\n"), ("archive.zip", "PK\u{3}\u{4}"), ("archive.tar.gz", "\u{1F}"),
        ("data.json", "{\"a\":1}\n"),
        ("notes.txt", "a dog\n"), ("table.csv", "a,b\n"), ("page.html", "<html>"),
        ("model.safetensors", "\u{8}\0\0\0\0\0\0\0{}"),
        (".DS_Store", "\0\0\0\u{1}Bud1"), ("Thumbs.db", "\0"), (".hidden", ""), ("README", "read me\n"),
        ("Makefile", "all:\n"),
        ("no ending", "\0"), ("two  blanks", ""), (" leading", ""), ("trailing ", ""), ("dotted.", ""),
        ("'quoted'", ""),
        ("\"quoted\"", ""), ("[1]", ""), ("null", ""), ("-dash", ""), ("{brace", ""), ("é", ""), ("日本", ""),
        ("a dog", ""),
        ("photo.png.bak", ""), ("photo.png~", ""), ("photo png", ""), ("core", "\u{7F}ELF"), ("data:,x", ""),
    ]

    /// Makes them, three images among them, folders, a pipe and links; gives the names that are images.
    private func fill(_ folder: String) throws -> [String] {
        let bytes = model.folder.bytes(try model.picture("listing.png", 10, 200, 30))
        let images = ["a.png", "a photo.PNG", "wrong.jpg", ".hidden.webp"]
        for name in ["sub", "sub/cat", "sub/cat.png"] { #expect(mkdir("\(folder)/\(name)", 0o700) == 0) }
        for name in images { try overwrite("\(folder)/sub/\(name)", bytes) }
        for other in Self.others { try overwrite("\(folder)/sub/\(other.name)", other.start) }
        // An image without its ending is one, but nobody could tell from its name.
        try overwrite("\(folder)/sub/IMG_1", bytes)
        #expect(symlink("README", "\(folder)/sub/link") == 0 && symlink("nothing", "\(folder)/sub/dangling") == 0)
        #expect(mkfifo("\(folder)/sub/pipe", 0o600) == 0)
        return images
    }

    @Test(
        "names of files become images or errors, never texts",
        arguments: ["embed", "embed --null", "tokenize", "rank"])
    func noTexts(command: String) throws {
        let folder = try TemporaryFolder()
        let images = try fill(folder.path)
        #expect(Self.others.count >= 40)
        let isNull = command.hasSuffix("--null")
        let end = isNull ? "\\0" : "\\n"
        let find = isNull ? "-print0" : "-print"
        let run =
            command == "rank"
            ? "echo a | clip embed | clip rank --top 1 --queries \(folder["list"])"
            : "clip \(command) < \(folder["list"])"
        // Everything, by names from above, from beside, from the root, and bare.
        for (place, list) in [
            (folder.path, "find sub \(find)"), (folder["sub"], "find . \(find)"),
            ("/", "find \(folder["sub"]) \(find)"),
            (folder["sub"], "for f in * .[!.]*; do printf '%s\(end)' \"$f\"; done"),
        ] {
            let result = try Program.shell(
                "cd '\(place)' && { \(list); } > \(folder["list"]) && \(run)", environment: ["CLIP_MODEL": model.path],
                in: folder)
            #expect(result.status == 2, "\(list)")
            let records = try result.records()
            for record in records {
                let modality = try record.string("modality")
                #expect(modality != "text", "\(list)")
            }
            let key = command == "rank" ? "query" : "path"
            let found = try records.compactMap { try $0.string(key)?.split(separator: "/").last.map(String.init) }
            #expect(found.sorted() == (command == "tokenize" ? [] : images.sorted()), "\(list)")
            let entries = folder.bytes(folder["list"]).count { $0 == (isNull ? 0 : 0x0A) }
            let told = result.error.split(separator: "\n")
            #expect(told.count == entries - found.count, "\(list)")
            for other in Self.others where other.name != "{brace" || !list.contains("*") {
                #expect(
                    told.contains { $0.contains(other.name) || $0.contains("the record is an image") },
                    "\(list): \(other.name)")
            }
        }
    }

    @Test("merges are learned from texts only: names of files, records and other encodings are told")
    func merges() throws {
        let folder = try TemporaryFolder()
        _ = try fill(folder.path)
        let train = ["tokenizer", "train", "--vocabulary-size", "514", "--output", folder["merges"]]
        let lines = [
            "the cat", "", "\(folder["sub"])/README", "\(folder["sub"])/a.png", "{\"text\":\"a\"}", "w\0i\0", "[1]",
        ]
        let auto = try model.run(train, lines: lines)
        #expect(auto.status == 2)
        #expect(auto.error.split(separator: "\n").count == 5, "\(auto.error)")
        for number in 3...7 { #expect(auto.error.contains("standard input: line \(number): ")) }
        #expect(auto.error.contains("--json-key"))
        #expect(try model.run(train + ["--as", "text"], lines: lines).status == 0)
        #expect(try model.run(train + ["--as", "image"], lines: lines).status == 64)
    }

    @Test("--as text and pairs reach every command that reads texts")
    func modes() throws {
        #expect(mkdir(model.folder["a dog"], 0o700) == 0)
        let line = model.folder["a dog"]
        let pair = "{\"id\":7,\"image\":\"none.png\",\"text\":\"a dog\"}"
        #expect(try model.run(["tokenize"], lines: [line]).status == 2)
        #expect(try model.run(["tokenize", "--as", "text"], lines: [line]).status == 0)
        let tokens = try model.run(["tokenize", "--pairs"], lines: [pair])
        #expect(tokens.status == 0 && tokens.output.hasPrefix("{\"id\":\"7/text\",\"tokens\":["), "\(tokens)")
        #expect(try model.run(["tokenize"], lines: [pair]).error.contains("--pairs"))
        try model.folder.write(line, to: model.folder["one-query"])
        for query in ["--query '\(line)'", "--queries '\(model.folder["one-query"])'"] {
            let refused = try model.shell("echo a | clip embed | clip rank \(query)")
            #expect(refused.status == 2 && refused.output.isEmpty && refused.error.contains("is a folder here"))
            let taken = try model.shell("echo a | clip embed | clip rank --as text \(query)")
            #expect(taken.status == 0 && taken.lines.count == 1, "\(taken.error)")
        }
        let picture = try model.picture("half.png", 1, 2, 3)
        let quantize = ["models", "quantize", model.path, model.folder["quantized"], "--calibration", "-"]
        let bad = try model.run(quantize, lines: [line])
        #expect(bad.status == 64 && bad.error.contains("is a folder here"), "\(bad)")
        let good = try model.run(
            ["models", "quantize", model.path, model.folder["quantized-2"], "--calibration", "-", "--as", "text"],
            lines: [line, "{\"image\":\"\(picture)\",\"text\":\"a\"}"])
        #expect(good.status == 0, "\(good.error)")
    }
}
