import JSONLines
import Testing

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

@Suite struct RecordTests {
    /// What an embed command that embeds nothing writes for the lines of a text.
    private func echo(_ bytes: [UInt8], mode: EmbedInput.Mode = .auto) throws -> [String] {
        let reader = EmbedInputReader(LineReader(bytes: bytes), mode: mode)
        return try written { writer in
            while let item = try reader.next() {
                switch item {
                case .input(let input): try writer.write(EmbeddingRecord(input, space: "s", embedding: [1, 0.5]))
                case .failed(let record), .upstream(let record): try writer.write(record)
                }
            }
        }.split(separator: "\n").map(String.init)
    }

    private func echo(_ text: String, mode: EmbedInput.Mode = .auto) throws -> [String] {
        try echo(Array(text.utf8), mode: mode)
    }

    @Test("plain lines are texts, or images when they end like one")
    func plain() throws {
        let lines = try echo("a \"dog\"\nx/Dog.JPeG\n.png\nwebp \n")
        #expect(
            lines == [
                #"{"id":"1","modality":"text","text":"a \"dog\"","space":"s","embedding":[1,0.5]}"#,
                #"{"id":"2","modality":"image","path":"x/Dog.JPeG","space":"s","embedding":[1,0.5]}"#,
                #"{"id":"3","modality":"text","text":".png","space":"s","embedding":[1,0.5]}"#,
                #"{"id":"4","modality":"text","text":"webp ","space":"s","embedding":[1,0.5]}"#,
            ])
    }

    @Test("--as overrides what plain lines are, not what records say")
    func modes() throws {
        #expect(try echo("a.png\n", mode: .text)[0].contains(#""text":"a.png""#))
        #expect(try echo("folder/a\n", mode: .image)[0].contains(#""path":"folder/a""#))
        #expect(try echo(#"{"text":"a"}"#, mode: .image)[0].contains(#""modality":"text""#))
    }

    @Test("records keep their id and their unknown keys byte for byte")
    func passThrough() throws {
        let lines = try echo(
            #" {"id":07.5e1}"# + "\n" + #"{"x":{"a": [1]},"id":-7.50,"image":"a","\u0079":"\u00e9","space":1}"#)
        #expect(lines[0].contains("json.syntax"))
        #expect(
            lines[1]
                == #"{"id":-7.50,"modality":"image","path":"a","space":"s","x":{"a": [1]},"\u0079":"\u00e9","embedding":[1,0.5]}"#
        )
    }

    @Test("a path that is not UTF-8 survives as base64, a text that is not is refused")
    func notUTF8() throws {
        let lines = try echo([0xFF] + Array(".png\n".utf8) + [0xFF])
        #expect(lines[0] == #"{"id":"1","modality":"image","path_base64":"/y5wbmc=","space":"s","embedding":[1,0.5]}"#)
        #expect(lines[1].contains(#""line":2,"error":{"code":"input.utf8""#))
        #expect(try echo(#"{"path_base64":"/y5wbmc="}"#) == [lines[0]])
    }

    @Test(
        "records that say too much or too little are refused with the reason",
        arguments: [
            (
                #"{"image":"a","text":"b"}"#, "input.both",
                "the record has both 'image' and 'text'; give one of them, or both with 'clip embed --pairs'"
            ),
            (
                #"{"path_base64":"YQ==","text":"b"}"#, "input.both",
                "the record has both 'path_base64' and 'text'; give one of them, or both with 'clip embed --pairs'"
            ),
            (
                #"{"image":"a","path_base64":"YQ=="}"#, "input.both",
                "the record has both 'image' and 'path_base64'; give one of them"
            ),
            (#"{"text":null,"image":null}"#, "input.neither", "the record has neither 'image' nor 'text'"),
            (
                #"{"image":"file:///a"}"#, "input.uri",
                "'file:///a' is a file: URI; write the file's name without it; if it is a text, pass --as text or write "
                    + #"{"text": "..."}"#
            ),
            (#"{"id":"x"}"#, "input.neither", "the record has neither 'image' nor 'text'"),
            (
                #"{"path":"x"}"#, "input.neither",
                "the record has neither 'image' nor 'text'; write 'image' instead of 'path'"
            ),
            (#"{"image":1}"#, "record.type", "'image' must be a string, found number"),
            (#"{"image":""}"#, "input.empty", "the path of the image is empty"),
            (#"{"image":"a\u0000b"}"#, "input.path", "the path of the image has a NUL character inside"),
            (#"{"path_base64":"?"}"#, "input.path", "'path_base64' is not valid base64"),
            (#"{"id":true,"text":"a"}"#, "record.type", "'id' must be a string or a number, found bool"),
            ("  \t", "input.empty", "the line is blank"),
        ])
    func refused(text: String, code: String, message: String) throws {
        let reader = EmbedInputReader(LineReader(bytes: Array(text.utf8)))
        guard case .failed(let record)? = try reader.next() else {
            Issue.record("\(text) was accepted")
            return
        }
        #expect(record.error == RecordError(code: code, message: message))
        #expect(record.line == 1)
    }

    @Test("null is absence, and a key that is null does not pass through")
    func null() throws {
        #expect(
            try echo(#"{"id":null,"text":null,"image":"a.png","path_base64":null,"x":null}"#) == [
                #"{"id":"1","modality":"image","path":"a.png","space":"s","x":null,"embedding":[1,0.5]}"#
            ])
        #expect(
            try echo(#"{"image":null,"text":"a"}"#) == [
                #"{"id":"1","modality":"text","text":"a","space":"s","embedding":[1,0.5]}"#
            ])
        let record = try EmbeddingRecord(
            parse(#"{"id":null,"modality":null,"path":null,"text":"a","space":null,"states":null,"embedding":[1]}"#),
            line: 3)
        #expect(record.id.description == "3" && record.content == .text("a") && record.space == nil)
        #expect(record.extra.map(\.name) == ["states"])
        #expect(
            failure { _ = try EmbeddingRecord(parse(#"{"embedding":null}"#), line: 1) }.hasPrefix("embedding.missing"))
    }

    @Test("a pair is two inputs with ids of their own; what is wrong with one is no matter to the other")
    func pairs() throws {
        let lines = [
            #"{"id":7,"image":"a.png","text":"a dog","tag":1}"#, #"{"image":"b.png","text":"b"}"#,
            #"{"id":"x\u0041","image":"","text":"c"}"#, #"{"id":9,"text":"d","image":null}"#, "plain", #"{"id":3}"#,
            #"{"path_base64":"YQ==","text":"e"}"#,
        ]
        let reader = EmbedInputReader(LineReader(bytes: Array(lines.joined(separator: "\n").utf8)), pairs: true)
        var found: [String] = []
        while let item = try reader.next() {
            #expect(reader.isReady)
            switch item {
            case .input(let input):
                found.append("\(input.line) \(input.id) \(input.content) \(input.extra.map(\.name))")
            case .failed(let record), .upstream(let record):
                found.append("\(record.line) \(record.id) \(record.error.code)")
            }
        }
        #expect(
            found == [
                #"1 7/image image(a.png) ["tag"]"#, #"1 7/text text("a dog") ["tag"]"#, "2 2/image image(b.png) []",
                #"2 2/text text("b") []"#, "3 xA/image input.empty", #"3 xA/text text("c") []"#, #"4 9 text("d") []"#,
                #"5 5 text("plain") []"#, "6 3 input.neither", "7 7/image image(a) []", #"7 7/text text("e") []"#,
            ])
    }

    @Test("values over several lines are written on one, and nothing else of them changes")
    func oneLine() throws {
        let lines = [
            "{\"text\":\"x\",\"extra\":[1,\n2, 3],\"k\":\"v\"}",
            "{\n  \"text\": \"y\",\r\n  \"o\": {\n    \"a\": [1,\r2]\n  }\n}\n",
            "\n{\"id\":\n8,\"line\":8,\n\"error\":{\"code\":\"c\",\"message\":\"x\"}}",
        ]
        let reader = EmbedInputReader(LineReader(bytes: Array(lines.joined(separator: "\0").utf8), separator: .nul))
        let text = try written { writer in
            while let item = try reader.next() {
                switch item {
                case .input(let input): try writer.write(EmbeddingRecord(input, space: "s", embedding: [1]))
                case .failed(let record), .upstream(let record): try writer.write(record)
                }
            }
        }
        #expect(
            text == #"""
                {"id":"1","modality":"text","text":"x","space":"s","extra":[1,2, 3],"k":"v","embedding":[1]}
                {"id":"2","modality":"text","text":"y","space":"s","o":{    "a": [1,2]  },"embedding":[1]}
                {"id":8,"line":8,"error":{"code":"c","message":"x"}}

                """#)
        // A string cannot go over lines.
        #expect(failure { _ = try parse("{\"text\":\"a\nb\"}") }.hasPrefix("json.syntax"))
        #expect(failure { _ = try parse("{\"text\":tr\nue}") }.hasPrefix("json.syntax"))
    }

    @Test("empty lines are errors, so that ids stay aligned, except at the end")
    func emptyLines() throws {
        let lines = try echo("\n\na\n\nb\n\n\n")
        #expect(
            lines.map { $0.contains("input.empty") ? "empty" : $0.contains("text") ? "text" : $0 } == [
                "empty", "empty", "text", "empty", "text",
            ])
        #expect(lines[3] == #"{"id":"4","line":4,"error":{"code":"input.empty","message":"the line is empty"}}"#)
        #expect(lines[4].hasPrefix(#"{"id":"5""#))
    }

    @Test("the id of a bad record is its own where it can be read")
    func errorID() throws {
        #expect(
            try echo("\n{\"id\":\"dog\"}\n")[1]
                == #"{"id":"dog","line":2,"error":{"code":"input.neither","message":"the record has neither 'image' nor 'text'"}}"#
        )
    }

    @Test("error records from upstream go on byte for byte")
    func upstream() throws {
        let line = #"{"id":"8", "line":8,"error":{"code":"image.decode","message":"x"},"more":1}"#
        #expect(try echo(line) == [line])
        let reader = EmbeddingReader(LineReader(bytes: Array(line.utf8)))
        guard case .upstream(let record)? = try reader.next() else {
            Issue.record("no error record")
            return
        }
        #expect(record.description == "line 8: x")
        #expect(record.error.code == "image.decode")
    }

    @Test("a byte order mark before a line is no part of it, as files that were joined have it")
    func byteOrderMark() throws {
        let lines = try echo("\u{FEFF}{\"id\":1,\"text\":\"a\"}\n\u{FEFF}b.png\r\nc\u{FEFF}\n\u{FEFF}")
        #expect(lines[0].hasPrefix(#"{"id":1,"modality":"text""#))
        #expect(lines[1].hasPrefix(#"{"id":"2","modality":"image","path":"b.png""#))
        #expect(lines[2].contains("\"text\":\"c\u{FEFF}\""))
        #expect(lines.count == 3)
        let embeddings = EmbeddingReader(LineReader(bytes: Array("\u{FEFF}{\"embedding\":[1]}".utf8)))
        guard case .embedding? = try embeddings.next() else {
            Issue.record("no embedding")
            return
        }
        // A name that ends with NUL is what it is, but for the mark of the file.
        let names = LineReader(bytes: Array("\u{FEFF}a\0\u{FEFF}b".utf8), separator: .nul)
        #expect(try split(names) == ["1:a", "2:\u{FEFF}b"])
    }

    @Test(
        "an embedding that is read and written is the same line",
        arguments: [
            #"{"id":"7","modality":"image","path":"dog.png","space":"3f9c12ab","embedding":[0.01,-2e-5]}"#,
            #"{"id":7,"modality":"text","text":"a dog","space":"3f9c12ab","x":[1, 2],"embedding":"AACAPwAAAMA="}"#,
            #"{"id":"7","modality":"image","path_base64":"/y5wbmc=","space":"3f9c12ab","embedding":[1]}"#,
        ])
    func embeddings(line: String) throws {
        let reader = EmbeddingReader(LineReader(bytes: Array(line.utf8)))
        guard case .embedding(let record, 1)? = try reader.next() else {
            Issue.record("no embedding")
            return
        }
        #expect(try written { try $0.write(record) } == line + "\n")
    }

    @Test("embeddings of other programs need neither modality nor space")
    func foreign() throws {
        let record = try EmbeddingRecord(parse(#"{"embedding":[1],"k":2}"#), line: 3)
        #expect(
            record.id.description == "3" && record.modality == nil && record.space == nil && record.extra.count == 1)
        #expect(try EmbeddingRecord(parse(#"{"embedding":[1],"text":"a"}"#), line: 3).content == .text("a"))
        #expect(
            failure { _ = try EmbeddingRecord(parse(#"{"embedding":[1],"modality":"sound"}"#), line: 1) }
                == "record.modality: 'modality' must be image or text, found 'sound'")
    }

    @Test("a ranking is written with the candidate's own fields")
    func rank() throws {
        let extra = try parse(#"{"rank":9,"tag":"\u00e9"}"#).fields(except: [])
        let record = RankRecord(
            query: "a dog", id: RecordID("7"), rank: 1, score: 0.31, probability: 0.92,
            content: .image(try RecordPath("dog.png")), extra: extra)
        #expect(
            try written { try $0.write(record) }
                == #"{"query":"a dog","id":"7","rank":1,"score":0.31,"probability":0.92,"path":"dog.png","tag":"\u00e9"}"#
                + "\n")
    }

    @Test("strings are escaped as JSON demands and come back the same")
    func strings() throws {
        let text = String(String.UnicodeScalarView((0...0x2FF).compactMap(Unicode.Scalar.init))) + "日\u{2028}😀"
        let line = try written { try $0.write { $0.string("s", text) } }
        #expect(line.utf8.dropLast().allSatisfy { $0 >= 0x20 })
        #expect(try parse(line).string("s") == text)
    }

    @Test("a closed pipe is told apart from other failures, and stays told")
    func closedPipe() throws {
        RecordWriter.ignoreBrokenPipeSignal()
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0)
        close(ends[0])
        let writer = RecordWriter(descriptor: ends[1])
        try writer.write { $0.int("a", 1) }
        #expect(throws: WriteError.closedPipe) { try writer.flush() }
        #expect(throws: WriteError.closedPipe) { try writer.write { $0.int("a", 1) } }
        close(ends[1])
    }

    #if os(Linux)
        @Test("a full disk is named")
        func diskFull() throws {
            let descriptor = open("/dev/full", O_WRONLY)
            defer { close(descriptor) }
            let writer = RecordWriter(descriptor: descriptor, name: "out.jsonl", flushesEachRecord: true)
            let message = failure { try writer.write { $0.int("a", 1) } }
            #expect(message == "out.jsonl: the disk is full; free some space and run it again")
        }
    #endif
}
