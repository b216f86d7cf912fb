import JSONLines
import ModelGraph
import Testing

@Suite struct FloatTests {
    @Test(
        "random floats of all magnitudes come back the same, in both encodings", arguments: EmbeddingEncoding.allCases)
    func roundTrip(encoding: EmbeddingEncoding) throws {
        var random = SeededGenerator(seed: 3)
        var values: [Float] = [
            0, -0.0, 1, -1, .leastNonzeroMagnitude, .leastNormalMagnitude, .greatestFiniteMagnitude, .pi, 1e-5,
            16_777_216,
        ]
        while values.count < 200_000 {
            let value = Float(bitPattern: UInt32.random(in: 0 ... .max, using: &random))
            if value.isFinite { values.append(value) }
        }
        let parser = JSONRecordParser()
        for start in stride(from: 0, to: values.count, by: 2000) {
            let part = Array(values[start..<min(start + 2000, values.count)])
            let line = try written { try $0.write { try $0.floats("embedding", part, encoding: encoding) } }
            let back = try parser.parse(Array(line.utf8.dropLast())).floats()
            #expect(back.map(\.bitPattern) == part.map(\.bitPattern))
        }
    }

    @Test("floats are written as short as Swift writes them")
    func shortest() throws {
        var random = SeededGenerator(seed: 4)
        for _ in 0..<20_000 {
            let value = Float(bitPattern: UInt32.random(in: 0 ... .max, using: &random))
            guard value.isFinite else { continue }
            let line = try written { try $0.write { try $0.float("v", value) } }
            let text = line.dropFirst(5).dropLast(2)
            #expect(Float(text)?.bitPattern == value.bitPattern)
            #expect(text.utf8.count <= "\(value)".utf8.count, "\(text) for \(value)")
        }
    }

    @Test("decimals on the middle between two floats are rounded once, to even")
    func halfway() throws {
        // 1 + 2^-24 lies in the middle; a little more must go up, though its double is the middle itself.
        let record = try parse(
            #"{"embedding":[1.000000059604644775390625,1.00000005960464477539062500001,1.00000005960464477539062499999]}"#
        )
        #expect(try record.floats() == [1, 1 + Float.ulpOfOne, 1])
        let tiny = try parse(#"{"embedding":[1e-45,7e-46,7.1e-46,1e-60,-1e-60,3.4028235e38]}"#)
        #expect(
            try tiny.floats() == [.leastNonzeroMagnitude, 0, .leastNonzeroMagnitude, 0, 0, .greatestFiniteMagnitude])
    }

    @Test(
        "what is no vector of finite floats is refused with the reason",
        arguments: [
            ("{}", "embedding.missing: the record has no 'embedding'"),
            (#"{"embedding":[]}"#, "embedding.empty: 'embedding' is empty"),
            (#"{"embedding":""}"#, "embedding.empty: 'embedding' is empty"),
            (#"{"embedding":[1,null]}"#, "embedding.value: 'embedding' holds something other than a number at index 1"),
            (#"{"embedding":["1"]}"#, "embedding.value: 'embedding' holds something other than a number at index 0"),
            (#"{"embedding":[[1]]}"#, "embedding.value: 'embedding' holds something other than a number at index 0"),
            (#"{"embedding":[1,2,1e39]}"#, "embedding.value: 'embedding' holds a number beyond float32 at index 2"),
            (
                #"{"embedding":3}"#,
                "embedding.type: 'embedding' must be an array of numbers or a base64 string, found number"
            ),
            (#"{"embedding":"AAAA"}"#, "embedding.base64: 'embedding' has 3 bytes, which are no whole float32 values"),
            (#"{"embedding":"AAA"}"#, "embedding.base64: 'embedding' is a string, but not valid base64"),
            (#"{"embedding":"A!AA"}"#, "embedding.base64: 'embedding' is a string, but not valid base64"),
            (#"{"embedding":"AACAfw=="}"#, "embedding.value: 'embedding' holds inf at index 0"),
            (#"{"embedding":"AADAfw=="}"#, "embedding.value: 'embedding' holds nan at index 0"),
        ])
    func refused(text: String, expected: String) throws {
        let record = try parse(text)
        #expect(failure { _ = try record.floats() } == expected)
    }

    @Test("base64 is little-endian float32, and slashes may be escaped")
    func base64() throws {
        #expect(try parse(#"{"embedding":"AACAPwAAAMA="}"#).floats() == [1, -2])
        #expect(try parse(#"{"embedding":"\/\/9\/Pw=="}"#).floats() == [Float(bitPattern: 0x3F7F_FFFF)])
        #expect(
            try written { try $0.write { try $0.floats("e", [1, -2], encoding: .base64) } }
                == "{\"e\":\"AACAPwAAAMA=\"}\n")
    }

    @Test(
        "NaN and infinities are refused on writing, and nothing of the record is written",
        arguments: EmbeddingEncoding.allCases)
    func notFinite(encoding: EmbeddingEncoding) throws {
        let text = try written { writer in
            let message = failure { try writer.write { try $0.floats("e", [1, .nan], encoding: encoding) } }
            #expect(message == "number.finite: 'e' holds nan at index 1, which JSON cannot write")
            #expect(failure { try writer.write { try $0.float("s", -.infinity) } }.contains("'s' holds -inf"))
            try writer.write { $0.int("a", 1) }
        }
        #expect(text == "{\"a\":1}\n")
    }
}
