import JSONLines
import ModelGraph
import Testing

@Suite struct JSONRecordTests {
    @Test("keys come in order and values byte for byte")
    func slices() throws {
        let record = try parse(
            " {\"b\" : [1, {\"x\":2}] , \"a\":\"q\\u00e9\\/\", \"n\":-1.50e+2 ,\"t\":true,\"z\":null } ")
        #expect(record.keys == ["b", "a", "n", "t", "z"])
        let texts = record.fields(except: ["t"]).map(\.value.text)
        #expect(texts == ["[1, {\"x\":2}]", "\"q\\u00e9\\/\"", "-1.50e+2", "null"])
        #expect(try record.string("a") == "qé/")
        #expect(try record.number("n") == -150)
        #expect(record.kind(of: "t") == .bool)
        #expect(record.kind(of: "none") == nil)
    }

    @Test("keys with escapes are found by what they mean")
    func escapedKeys() throws {
        let record = try parse(#"{"\u0069d":"7","a\"b":1}"#)
        #expect(record.raw("id")?.string == "7")
        #expect(record.keys == ["id", "a\"b"])
        #expect(record.fields(except: ["id"])[0].key == Array(#"a\"b"#.utf8))
    }

    @Test("every escape of JSON is read, surrogate pairs too")
    func escapes() throws {
        let record = try parse(#"{"s":"\"\\\/\b\f\n\r\t\u0000\u00e9\u20AC\ud83d\ude00é"}"#)
        #expect(try record.string("s") == "\"\\/\u{8}\u{C}\n\r\t\0é€😀é")
    }

    @Test(
        "broken lines are refused with what is wrong and where",
        arguments: [
            ("[1]", "json.object: the line is not a JSON object; it must start with '{'"),
            ("", "json.object: the line is not a JSON object; it must start with '{'"),
            (#"{"a":1"#, "json.syntax: broken JSON: the line does not end with the '}' of its object"),
            (#"{"a":"x"#, "json.syntax: broken JSON: the line ends inside a string"),
            (#"{"a":01}"#, "json.syntax: broken JSON: a malformed or too large number at byte 6"),
            (#"{"a":1e999}"#, "json.syntax: broken JSON: a malformed or too large number at byte 6"),
            (#"{"a":"\x"}"#, "json.syntax: broken JSON: a bad escape in the string at byte 6"),
            (#"{"a":"\ud800"}"#, "json.syntax: broken JSON: a bad escape in the string at byte 6"),
            (#"{"a":1,"b":2,"\u0061":3}"#, "json.duplicate: broken JSON: the key at byte 14 was given before"),
            ("{\"a\":\"x\u{1}\"}", "json.syntax: broken JSON at byte 8"),
        ])
    func broken(text: String, expected: String) {
        #expect(failure { _ = try parse(text) } == expected)
    }

    @Test(
        "other broken lines are refused, too",
        arguments: [
            #"{"a":1,}"#, #"{"a":[1,]}"#, #"{"a":[1 2]}"#, #"{"a" 1}"#, #"{"a":1 "b":2}"#, #"{a:1}"#, #"{"a":nul}"#,
            #"{"a":NaN}"#, #"{"a":+1}"#, #"{"a":.5}"#, #"{"a":1.}"#, #"{"a":1}}"#, #"{"a":1}{"b":2}"#, #"{"a":1} x"#,
            #"{"a":{"b":1]}"#, #"{"a":truex}"#, #"{'a':1}"#, #"{"a":[}"#, "{", "{}}", #"{"a":-}"#, #"{"a":1}/**/"#,
        ])
    func otherBroken(text: String) {
        #expect(failure { _ = try parse(text) }.hasPrefix("json.syntax: broken JSON"), "\(text)")
    }

    @Test("text that is not UTF-8 is refused at its byte, wherever it is", arguments: [0, 1, 63, 64, 65, 1000])
    func notUTF8(length: Int) {
        for bad: [UInt8] in [[0xFF], [0xC3], [0xED, 0xA0, 0x80], [0xC0, 0x80], [0xF4, 0x90, 0x80, 0x80]] {
            let line = Array("{\"é\":\"".utf8) + Array(repeating: 0x61, count: length) + bad + Array("\"}".utf8)
            let message = failure { _ = try JSONRecordParser().parse(line) }
            #expect(message == "json.utf8: the line is not UTF-8 at byte \(8 + length)")
        }
    }

    @Test("JSON nested too deeply is refused, and not too deeply read")
    func depth() throws {
        func nested(_ depth: Int) -> String {
            #"{"a":"# + String(repeating: "[", count: depth - 1) + String(repeating: "]", count: depth - 1) + "}"
        }
        _ = try parse(nested(64))
        #expect(failure { _ = try parse(nested(65)) }.hasPrefix("json.depth: the JSON is nested more than 64 deep"))
        #expect(failure { _ = try parse(nested(100_000)) }.hasPrefix("json.depth"))
    }

    @Test("many keys are read, and one given twice among them is found")
    func manyKeys() throws {
        let fields = (0..<1000).map { "\"k\($0)\":\($0)" }
        #expect(try parse("{" + fields.joined(separator: ",") + "}").keys.count == 1000)
        let twice = fields + ["\"k500\":0"]
        #expect(failure { _ = try parse("{" + twice.joined(separator: ",") + "}") }.hasPrefix("json.duplicate"))
    }

    @Test("a line of 50 MB is read, and the parser works on after it")
    func large() throws {
        let parser = JSONRecordParser()
        var line = Array("{\"id\":\"1\",\"text\":\"".utf8)
        line += Array(repeating: 0x61, count: 50 << 20)
        line += Array("\"}".utf8)
        #expect(try parser.parse(line).raw("text")?.bytes.count == 50 << 20 + 2)
        #expect(try parser.parse(Array("{\"id\":2}".utf8)).raw("id")?.text == "2")
        #expect(failure { _ = try parser.parse(line.dropLast()) }.hasPrefix("json.syntax"))
    }

    @Test("random damage never crashes the parser, and what it accepts it can write again", arguments: 0..<4)
    func fuzz(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let parser = JSONRecordParser()
        let valid = Array(
            #"{"id":"7\u00e9","text":"é😀","embedding":[0.1,-2e-3,3],"x":{"y":[null,true,{}]},"e":"AACAPw=="}"#.utf8)
        let pieces = Array("{}[],:\"\\0-.eu \t\0".utf8)
        for _ in 0..<5000 {
            var line = valid
            for _ in 0...Int.random(in: 0..<4, using: &random) {
                guard let place = line.indices.randomElement(using: &random) else { break }
                switch Int.random(in: 0..<4, using: &random) {
                case 0: line[place] = .random(in: 0...255, using: &random)
                case 1: line.remove(at: place)
                case 2: line.removeSubrange(place...)
                default: line.insert(pieces.randomElement(using: &random) ?? 0, at: place)
                }
            }
            guard let record = try? parser.parse(line) else { continue }
            _ = try? record.floats()
            _ = try? EmbeddingRecord(record, line: 1)
            let fields = record.fields(except: [])
            let again = try written { writer in try writer.write { $0.raw(fields) } }
            #expect(try parser.parse(Array(again.utf8.dropLast())).fields(except: []) == fields)
        }
    }
}
