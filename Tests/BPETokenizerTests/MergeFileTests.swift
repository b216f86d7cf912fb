import BPETokenizer
import TestSupport
import Testing

@Suite("Merge files")
struct MergeFileTests {
    private func failure(_ text: String, mergeCount: Int? = nil) -> MergeTableError? {
        #expect(throws: MergeTableError.self) {
            try MergeTable(text: Array(text.utf8), file: "merges.txt", mergeCount: mergeCount)
        }
    }

    @Test("a header, carriage returns and empty lines at the end do not matter")
    func layouts() throws {
        let plain = try MergeTable(text: Array("t h\nth e</w>".utf8), file: "m")
        #expect(plain.merges.count == 2)
        for text in ["#version: 0.2\nt h\nth e</w>\n", "t h\r\nth e</w>\r\n", "t h\nth e</w>\n\n\n"] {
            #expect(try MergeTable(text: Array(text.utf8), file: "m").fileText() == plain.fileText())
        }
        #expect(String(decoding: plain.fileText(), as: UTF8.self) == "#version: 0.2\nt h\nth e</w>\n")
    }

    @Test("ids follow the order of bytes, ends of words, merges, start, end")
    func order() throws {
        let table = try MergeTable(text: Array("t h\nth e</w>\n".utf8), file: "m")
        #expect(table.symbol(0) == Array("!".utf8))
        #expect(table.symbol(255) == Array("\u{143}".utf8))
        #expect(table.symbol(256) == Array("!</w>".utf8))
        #expect(table.symbol(513) == Array("the</w>".utf8))
        #expect(table.symbol(514) == nil)
        #expect((table.startToken, table.endToken, table.vocabularySize) == (514, 515, 516))
    }

    @Test("what is wrong with a line is said with its number")
    func badLines() {
        #expect(
            failure("#version: 0.2\nt h\nthe\n")?.description
                == "merges.txt:3: 'the' is not a merge; write two symbols with one space between them")
        #expect(failure("t h\nth  e\n")?.reason == .notAPair("th  e"))
        #expect(failure("t h\n\nth e\n") == MergeTableError(file: "merges.txt", line: 2, reason: .notAPair("")))
        #expect(failure("th e\n")?.reason == .unknownSymbol("th"))
        #expect(failure("t h\nt h\n") == MergeTableError(file: "merges.txt", line: 2, reason: .duplicate("th")))
        #expect(
            failure("h e\nt h\nth e\nt he\n") == MergeTableError(file: "merges.txt", line: 4, reason: .duplicate("the"))
        )
        #expect(failure("t</w> h\n")?.reason == .leftEndsWord("t</w>"))
        #expect(failure("t h\n", mergeCount: 2)?.reason == .tooFew(merges: 1, needed: 2))
    }

    @Test("bytes that are not UTF-8 are named as such")
    func notText() {
        let error = #expect(throws: MergeTableError.self) {
            try MergeTable(text: Array("t h\n".utf8) + [0xFF, 0x20, 0x65, 0x0A], file: "m")
        }
        #expect(error == MergeTableError(file: "m", line: 2, reason: .notUTF8))
    }

    @Test("gzip that ends early or is damaged is refused")
    func damagedGzip() throws {
        let whole = try contents(of: Fixtures.folder + "small.tsv.gz")
        for bytes in [
            Array(whole.dropLast(9)), Array(whole.prefix(12)), Array(whole.prefix(300)) + whole.dropFirst(310),
        ] {
            let file = try Fixtures.temporary(bytes)
            let error = #expect(throws: MergeTableError.self) { try MergeTable(contentsOf: file) }
            guard case .damagedGzip = error?.reason else {
                Issue.record("\(String(describing: error))")
                continue
            }
        }
    }

    @Test("files that cannot be read are refused with the system's reason")
    func unreadable() {
        for path in ["/nonexistent/merges.txt", "/", "a\0b"] {
            let error = #expect(throws: MergeTableError.self) { try MergeTable(contentsOf: path) }
            guard case .unreadable = error?.reason else {
                Issue.record("\(String(describing: error))")
                continue
            }
        }
    }

    @Test("a smaller vocabulary leaves out the last merges")
    func smaller() throws {
        let path = Fixtures.folder + "small-merges.txt"
        #expect(try MergeTable(contentsOf: path, vocabularySize: 614).merges.count == 100)
        let error = #expect(throws: MergeTableError.self) { try MergeTable(contentsOf: path, vocabularySize: 513) }
        #expect(error?.reason == .tooSmall(vocabularySize: 513))
    }

    @Test("what the trainer writes reads back the same")
    func roundTrip() throws {
        var trainer = BPETrainer()
        for text in ["</w> </w></w> x</w>y", "aaaa aaaaaa aaa", "the then they", "\u{0}\u{1}é 猫猫猫"] {
            for _ in 0..<5 { trainer.add(text) }
        }
        let table = try trainer.train(vocabularySize: 600)
        #expect(table.merges.count > 10)
        #expect(try MergeTable(text: table.fileText(), file: "m").fileText() == table.fileText())
    }

    @Test("pairs rarer than asked for are not learned")
    func minimumFrequency() throws {
        var trainer = BPETrainer()
        for text in ["ab", "ab", "ab", "cd"] { trainer.add(text) }
        #expect(
            try trainer.train(vocabularySize: 600, minimumFrequency: 3).fileText()
                == Array("#version: 0.2\na b</w>\n".utf8))
        #expect(try trainer.train(vocabularySize: 600, minimumFrequency: 1).merges.count == 2)
        #expect(try BPETrainer().train(vocabularySize: 514).merges.isEmpty)
        #expect(throws: MergeTableError.self) { try BPETrainer().train(vocabularySize: 513) }
    }
}
