import JSONLines
import ModelGraph
import Testing

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

@Suite struct LineReaderTests {
    @Test(
        "lines end with LF or CR LF, and the last one needs no end",
        arguments: [
            ("", []), ("a", ["1:a"]), ("a\n", ["1:a"]), ("a\r\nb\rc\n\nd", ["1:a", "2:b\rc", "3:", "4:d"]),
            ("a\n\r\n", ["1:a", "2:"]), ("a\r", ["1:a\r"]), ("\n", ["1:"]),
        ] as [(String, [String])])
    func newlines(text: String, lines: [String]) throws {
        #expect(try split(LineReader(bytes: Array(text.utf8))) == lines)
        #expect(try throughPipe(Array(text.utf8)) { try split(LineReader(descriptor: $0)) } == lines)
    }

    @Test("lines may end with NUL, and hold line feeds then")
    func nul() throws {
        let reader = LineReader(bytes: Array("a\nb\r\0c".utf8), separator: .nul)
        #expect(try split(reader) == ["1:a\nb\r", "2:c"])
    }

    @Test("a line that is too long is told with its length and the next one is read")
    func tooLong() throws {
        let text = "abc\n" + String(repeating: "x", count: 1_000_000) + "\nd\r\n12345\n1234\r\n" + "toolong"
        let lines = ["1:abc", "2 too long: 1000000", "3:d", "4 too long: 5", "5:1234", "6 too long: 7"]
        #expect(try split(LineReader(bytes: Array(text.utf8), maximumLength: 4)) == lines)
        #expect(try throughPipe(Array(text.utf8)) { try split(LineReader(descriptor: $0, maximumLength: 4)) } == lines)
    }

    @Test("random lines come out of a pipe as they went in, whatever the pieces", arguments: 0..<4)
    func pieces(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let lines = (0..<300).map { _ in
            (0..<Int.random(in: 0..<5000, using: &random)).map { _ in UInt8.random(in: 11...255, using: &random) }
        }.map { $0.last == 13 ? $0.dropLast() : $0 }
        let read = try throughPipe(Array(lines.joined(separator: [10]))) { descriptor in
            let reader = LineReader(descriptor: descriptor)
            var read: [[UInt8]] = []
            while case .line(let line)? = try reader.next() { read.append(line.bytes) }
            return read
        }
        #expect(read == (lines.last == [] ? lines.dropLast() : lines))
    }

    @Test("a directory cannot be read, and the error says so")
    func directory() throws {
        let descriptor = open("/tmp", O_RDONLY)
        defer { close(descriptor) }
        let reader = LineReader(descriptor: descriptor, name: "list.txt")
        #expect(failure { _ = try reader.next() } == "list.txt: cannot be read: Is a directory")
    }

    @Test("a reader is ready when a line is there or the stream has ended, not when it would wait")
    func ready() throws {
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0)
        defer { close(ends[0]) }
        let reader = LineReader(descriptor: ends[0])
        #expect(!reader.isReady)
        #expect(write(ends[1], "a\nb\nc", 5) == 5)
        #expect(reader.isReady)
        _ = try reader.next()
        #expect(reader.isReady)
        _ = try reader.next()
        #expect(!reader.isReady)  // "c" may go on
        let records = EmbedInputReader(reader)
        #expect(write(ends[1], "\n\n", 2) == 2)
        _ = try records.next()
        #expect(!records.isReady)  // the empty line is an error only if another follows
        #expect(write(ends[1], "d\ne", 3) == 3)
        #expect(records.isReady)
        _ = try records.next()
        _ = try records.next()
        #expect(!records.isReady)
        close(ends[1])
        #expect(records.isReady)
        guard case .input(let input)? = try records.next() else {
            Issue.record("no last line")
            return
        }
        #expect(input.line == 6 && input.content == .text("e"))
        #expect(try records.next() == nil)
        #expect(try reader.next() == nil)
    }

    /// Hands `body` a descriptor from which `bytes` come in odd pieces, from a child process.
    private func throughPipe<T>(_ bytes: [UInt8], _ body: (Int32) throws -> T) throws -> T {
        var template = Array("/tmp/lines-XXXXXX".utf8CString)
        let file = mkstemp(&template)
        try #require(file >= 0)
        defer {
            close(file)
            unlink(template)
        }
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { write(file, $0.baseAddress, $0.count) }
            try #require(count > 0)
            rest = rest.dropFirst(count)
        }
        let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let stream = try #require(popen("dd bs=7919 status=none if='\(path)'", "r"))
        defer { pclose(stream) }
        return try body(fileno(stream))
    }
}
