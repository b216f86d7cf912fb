import JSONLines
import Testing

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

@Suite struct PlainLineTests {
    /// "image", "text", or the code of the error.
    private func kind(_ bytes: [UInt8], _ mode: EmbedInput.Mode = .auto, separator: LineReader.Separator = .newline)
        throws
        -> String
    {
        let reader = EmbedInputReader(LineReader(bytes: bytes, separator: separator), mode: mode)
        switch try reader.next() {
        case .input(let input)?: return input.content.modality.rawValue
        case .failed(let record)?: return record.error.code
        default: return "nothing"
        }
    }

    private func kind(_ text: String, _ mode: EmbedInput.Mode = .auto) throws -> String {
        try kind(Array(text.utf8), mode)
    }

    @Test(
        "a line that can be nothing else is a text",
        arguments: [
            "a photo of a dog", "what is a .wav file", ".png", "photos/.png", "the best format is .png", "a.b",
            "open.ai",
            "either/or", "AC/DC", "/imagine a dog", "/s", "...and then", "~ tilde", "// comment", "Q: what?", "a:b",
            "data: the new oil", "data, 1990", "DATA: a, b", "file: see the attachment", "http://",
            "https://x.org is nice",
            "see https://x.org/a.html", "[MASK] of a dog", "[1] a dog", "[laughs", "[[Dogs]]", "\"a\" and \"b\"",
            "\"Dogs\": a film", "\"Hello,\" she said", "12", "1.5", "-3", "null and void", "true", "a\tb", " a dog ",
            "é",
            "e\u{301}", "🐕", "dog.png is the file", "it's 5'", "'quoted words'", "C: drive", "version 2.0", "a.",
            "ends in .",
            "GIF89 is old", "a photo WEBP", "PK", "The ftyp box", "@", "-photo", "--as", "日本語", "\u{2028}", "a, b,",
        ])
    func texts(line: String) throws {
        #expect(try kind(line) == "text")
        #expect(try kind(line, .text) == "text")
    }

    @Test(
        "a line that ends like an image is one",
        arguments: [
            "a.png", "x/Dog.JPeG", "a.b.heic", "photo.CR2", "x.gif", "x.tif", "x.TIFF", "x.bmp", "x.avif", "x.jfif",
            "x.jpe",
            "x.heif", "x.nef", "x.arw", "x.dng", "x.orf", "x.rw2", "x.raf", "x.jxl", "a photo of a dog.png", "./x.png",
            "/x/y.png", "-x.png", "~/x.png", "C:\\x.png", "[a].png", "\"a\".png", "./{x}/y.png", "e\u{301}.png",
        ])
    func images(line: String) throws {
        #expect(try kind(line) == "image")
        #expect(try kind(line, .text) == "text")
        #expect(try kind(line, .image) == "image")
    }

    @Test(
        "a line that could be meant otherwise than as a text fails, and --as text says that it is one",
        arguments: [
            ("x.mp4", "input.media"), ("holiday/IMG 1.MOV", "input.media"), ("x.wav", "input.media"),
            ("x.mp3", "input.media"), ("x.pdf", "input.media"), ("x.svg", "input.media"),
            ("play intro.mp3", "input.media"),
            ("x.mp4 ", "input.media"),
            ("./x", "input.file"), ("../x/notes", "input.file"), ("~/x", "input.file"), ("/no/such/file", "input.file"),
            ("C:\\x\\y", "input.file"), ("c:/x", "input.file"), ("\\\\server\\x", "input.file"), (".\\x", "input.file"),
            ("dog.png ", "input.file"), ("dog.png\t", "input.file"), ("'my dog.png'", "input.file"),
            ("data:image/png;base64,iVBORw0KGgo=", "input.uri"), ("DATA:text/plain,x y", "input.uri"),
            ("data:,hello", "input.uri"), ("data:;base64,AA==", "input.uri"), ("data:image/png", "input.uri"),
            ("data:image/svg+xml;utf8,<svg a='b c'/>", "input.uri"),
            ("file:///home/a/dog", "input.uri"), ("file:///home/My Photos/dog", "input.uri"), ("file:/x", "input.uri"),
            ("FILE://localhost/x", "input.uri"), ("file:dog", "input.uri"), ("file:///a/dog.png", "input.uri"),
            ("https://x.org/a.jpg?w=3", "input.uri"), ("http://x.org/a.jpg", "input.uri"),
            (" https://x.org ", "input.uri"),
            ("s3://bucket/key", "input.uri"), ("HTTP://X", "input.uri"),
            ("[1,2]", "input.json"), ("[]", "input.json"), ("[{\"text\":\"a\"}]", "input.json"), ("[{", "input.json"),
            ("[{\"text\":", "input.json"), ("[\"a\", \"b\"]", "input.json"), ("[", "input.json"), ("]", "input.json"),
            ("  }", "input.json"), ("},", "input.json"), ("]}", "input.json"), ("\"a dog\"", "input.json"),
            (#""a \"big\" dog""#, "input.json"), ("  \"a dog\",", "input.json"), ("\"text\": \"a\"", "input.json"),
            ("  \"text\": \"a\",", "input.json"), ("\"x\": {", "input.json"), ("\"x\": [", "input.json"),
            ("null", "input.json"), ("null,", "input.json"), ("  0.25,", "input.json"), ("-1e5,", "input.json"),
            ("ab\0", "input.nul"), ("a.png\0b.png\0c.png\0", "input.nul"), ("\0\0\0", "input.nul"),
            ("x.png\0", "input.nul"),
            ("\u{1B}[01;35mdog\u{1B}[0m", "input.control"), ("a\u{7}b", "input.control"), ("a\rb\rc", "input.control"),
        ])
    func otherwise(line: String, code: String) throws {
        #expect(try kind(line) == code)
        #expect(try kind(line, .text) == "text")
    }

    @Test("bare keys of many levels and long lines do not stand in the way of the answer")
    func deep() throws {
        let nested = String(repeating: "[", count: 100) + "1" + String(repeating: "]", count: 100)
        #expect(try kind(nested) == "input.json")
        #expect(try kind(String(repeating: "word ", count: 100_000)) == "text")
        #expect(try kind("data:image/png;base64," + String(repeating: "A", count: 1_000_000)) == "input.uri")
    }

    @Test(
        "UTF-16 and UTF-32 are named, in either order of bytes, with a byte order mark or without",
        arguments: [false, true])
    func encodings(isMarked: Bool) throws {
        for text in ["red hexagon\nblue circle\n", "red\r\nblue\r\n", "привет мир\nещё\n", "é\n", "dog.png\ncat.png\n"]
        {
            for isLittle in [false, true] {
                let units = Array((isMarked ? "\u{FEFF}" : "").utf16) + Array(text.utf16)
                let bytes = units.flatMap { unit -> [UInt8] in
                    let halves = [UInt8(unit & 0xFF), UInt8(unit >> 8)]
                    return isLittle ? halves : halves.reversed()
                }
                for mode in [EmbedInput.Mode.auto, .image] {
                    let reader = EmbedInputReader(LineReader(bytes: bytes), mode: mode)
                    var codes: [String] = []
                    while let item = try reader.next() {
                        guard case .failed(let record) = item else {
                            Issue.record("\(text) was accepted")
                            continue
                        }
                        codes.append(record.error.code)
                    }
                    #expect(codes.first == "input.encoding", "\(text) \(codes)")
                    #expect(codes.allSatisfy { ["input.encoding", "input.nul"].contains($0) }, "\(text) \(codes)")
                }
                let wide = text.unicodeScalars.flatMap { scalar -> [UInt8] in
                    let bytes = (0..<4).map { UInt8(scalar.value >> ($0 * 8) & 0xFF) }
                    return isLittle ? bytes : bytes.reversed()
                }
                #expect(try kind(wide) == "input.encoding")
            }
        }
    }

    @Test("a record or an embedding in UTF-16 is told as what it is, too")
    func encodedRecords() throws {
        let text = "{\"text\":\"a\",\"embedding\":[1]}"
        for isLittle in [false, true] {
            let bytes = text.utf8.flatMap { byte -> [UInt8] in isLittle ? [byte, 0] : [0, byte] }
            #expect(try kind(bytes) == "input.encoding")
            for bytes in [bytes, (isLittle ? [0xFF, 0xFE] : [0xFE, 0xFF]) + bytes] {
                #expect(failure { _ = try JSONRecordParser().parse(bytes) }.hasPrefix("input.encoding: "))
            }
        }
    }

    @Test("what exists under a name is no text, whatever its ending; an image's ending makes it an image")
    func existing() throws {
        var template = Array("/tmp/clip-names-XXXXXX".utf8CString)
        let folder = String(cString: try #require(mkdtemp(&template)))
        let names = [
            "README", "Makefile", "movie.mp4", "notes.txt", ".DS_Store", "a dog", "caf\u{E9}", "cafe\u{301}", "[1",
            "x.png.bak",
            "\"a\" and \"b\"", "ends in .", "https:",
        ]
        let images = ["a.png", ".png", "a .jpg", "IMG 1.CR2", "b.Heic"]
        for name in names + images { close(open("\(folder)/\(name)", O_CREAT | O_WRONLY, 0o600)) }
        #expect(mkdir("\(folder)/cat", 0o700) == 0 && mkdir("\(folder)/cat.mov", 0o700) == 0)
        #expect(mkfifo("\(folder)/pipe", 0o600) == 0)
        #expect(symlink("README", "\(folder)/link") == 0 && symlink("nothing", "\(folder)/dangling") == 0)
        let others = ["cat", "cat.mov", "cat/", "cat/.", "pipe", "link", "dangling"]
        for name in names + others {
            #expect(try kind("\(folder)/\(name)") == "input.file", "\(name)")
            #expect(try kind("\(folder)/\(name)", .text) == "text")
            #expect(try kind("\(folder)/\(name)", .image) == "image")
        }
        for name in images { #expect(try kind("\(folder)/\(name)") == "image", "\(name)") }
        for name in ["/dev/null", "/dev/zero", "/", ".", "..", "/tmp"] {
            #expect(try kind(name) == "input.file", "\(name)")
        }
        // Names that are not UTF-8 exist, too.
        let latin = Array("\(folder)/caf".utf8) + [0xE9]
        #expect(try kind(latin) == "input.utf8")
        close(open(latin.map { CChar(bitPattern: $0) } + [0], O_CREAT | O_WRONLY, 0o600))
        #expect(try kind(latin) == "input.file")
        #expect(try kind(latin + Array(".nef".utf8)) == "image")
        for name in names + images { unlink("\(folder)/\(name)") }
        for name in ["pipe", "link", "dangling"] { unlink("\(folder)/\(name)") }
        unlink(latin.map { CChar(bitPattern: $0) } + [0])
        for name in ["cat", "cat.mov", ""] { rmdir("\(folder)/\(name)") }
    }

    @Test("messages name the line, shortened, and the remedy")
    func messages() throws {
        func message(_ line: String) throws -> String {
            let reader = EmbedInputReader(LineReader(bytes: Array(line.utf8)))
            guard case .failed(let record)? = try reader.next() else { return "accepted" }
            return "\(record.error)"
        }
        for line in ["/dev", "x.mov", "file:///a", "[1]", "'a.png'", "a\u{1B}b"] {
            #expect(
                try message(line).hasSuffix(#"if it is a text, pass --as text or write {"text": "..."}"#), "\(line)")
        }
        #expect(try message("/dev").hasPrefix("'/dev' is a folder here; "))
        #expect(try message("x.mov").hasPrefix("'x.mov' ends like a video, which nothing here decodes; "))
        #expect(try message("a.png\0b.png").contains("--null"))
        let long = try message("data:image/png;base64," + String(repeating: "A", count: 100_000))
        #expect(long.utf8.count < 300)
        // Names are whole, so that each can be found again.
        let deep = "/no" + String(repeating: "/such folder", count: 40) + "/IMG.mov"
        #expect(try message(deep).hasPrefix("'\(deep)' ends like a video"))
        // A terminal gets no commands, and a line of messages stays one.
        #expect(try message("a\u{1B}[2Jb").contains(#"a\x1b[2Jb"#))
    }

    @Test("--null without any NUL is told where the input is a list of lines, and is one input where it is not")
    func noNUL() throws {
        #expect(try kind(Array("a.png\nb.png\n".utf8), separator: .nul) == "input.nul")
        #expect(try kind(Array("a dog\na cat\n".utf8), separator: .nul) == "input.nul")
        #expect(try kind(Array("a dog\na cat\n".utf8), .text, separator: .nul) == "text")
        #expect(try kind(Array("a dog\na cat\0".utf8), separator: .nul) == "text")
        #expect(try kind(Array("a dog\n".utf8), separator: .nul) == "text")
        #expect(try kind(Array("{\"text\":\n\"a\"}\n".utf8), separator: .nul) == "text")
        #expect(try kind(Array("a\r\nb\0".utf8), separator: .nul) == "text")
    }

    @Test("a file that was given in place of a list is told once, and nothing in it is read")
    func binary() throws {
        let files: [[UInt8]] = [
            [0x89] + Array("PNG\r\n\u{1A}\nIHDR\na\nb\n".utf8), [0xFF, 0xD8, 0xFF, 0xE0] + Array("\na\n".utf8),
            Array("GIF89a\u{1}\na\n".utf8), Array("RIFFabcdWEBPVP8 \na\n".utf8), Array("RIFFabcdWAVEfmt \na\n".utf8),
            Array("II*\0\u{8}\na".utf8), Array("MM\0*\na".utf8), Array("\0\0\0\u{20}ftypheic\na".utf8),
            Array("%PDF-1.7\na\n".utf8), Array("PK\u{3}\u{4}\na\n".utf8), [0x1F, 0x8B, 8, 0x0A, 0x61, 0x0A],
            [0x7F] + Array("ELF\na\n".utf8),
        ]
        for file in files {
            let reader = EmbedInputReader(LineReader(bytes: file))
            guard case .failed(let record)? = try reader.next() else {
                Issue.record("\(file) was accepted")
                continue
            }
            #expect(record.error.code == "input.binary")
            #expect(try reader.next() == nil)
        }
    }

    @Test("arguments are plain lines, also those that would be records or empty")
    func arguments() throws {
        let reader = EmbedInputReader(
            arguments: ["{\"text\":\"a\"}", "a.png", "", "/dev", "-x", "a\nb"].map { Array($0.utf8) })
        var found: [String] = []
        while let item = try reader.next() {
            #expect(reader.isReady)
            switch item {
            case .input(let input): found.append("\(input.id) \(input.content)")
            case .failed(let record), .upstream(let record): found.append("\(record.id) \(record.error.code)")
            }
        }
        #expect(
            found == [
                "1 text(\"{\\\"text\\\":\\\"a\\\"}\")", "2 image(a.png)", "3 input.empty", "4 input.file",
                "5 text(\"-x\")",
                "6 text(\"a\\nb\")",
            ])
    }

    @Test("FORMAT.md has every ending")
    func documented() throws {
        let path =
            #filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined() + "/Sources/JSONLines/FORMAT.md"
        let descriptor = open(path, O_RDONLY)
        defer { close(descriptor) }
        let lines = LineReader(descriptor: descriptor)
        var text = ""
        while case .line(let line)? = try lines.next() { text += String(decoding: line.bytes, as: UTF8.self) + "\n" }
        #expect(MediaEndings.imageEndings.count > 50)
        for ending in MediaEndings.imageEndings + MediaEndings.others.flatMap(\.endings) {
            #expect(text.contains("`.\(ending)`"), "\(ending)")
            #expect(MediaEndings.kind(of: Array("x.\(ending.uppercased())".utf8)) != nil)
        }
    }
}
