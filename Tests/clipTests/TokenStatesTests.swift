import CLIPKit
import TestSupport
import Testing

@Suite struct TokenStatesTests {
    let model = TinyModel.shared

    @Test(
        "--output writes a matrix for each input, in either encoding, and keeps other keys",
        arguments: ["tokens", "penultimate"])
    func records(output: String) throws {
        let red = try model.picture("states-red.png", 255, 0, 0)
        let lines = ["{\"id\":1,\"text\":\"the\",\"tag\":\"x\",\"shape\":7}", red]
        let result = try model.run(["embed", "--output", output], lines: lines)
        #expect(result.status == 0, "\(result.error)")
        let coded = try model.run(["embed", "--output", output, "--encoding", "base64"], lines: lines).records()
        let records = try result.records()
        #expect(try records.map { try $0.string("output") } == [output, output])
        #expect(records.map { $0.record.raw("shape")?.text } == ["[24,16]", "[5,16]"])
        #expect(records[0].record.raw("tag")?.text == "\"x\"")
        for (record, coded) in zip(records, coded) {
            #expect(record.record.kind(of: "embedding") == nil)
            let array = try #require(record.record.raw("states")).text.dropFirst().dropLast()
                .split(separator: ",").compactMap { Float($0) }
            let text = try #require(try coded.string("states"))
            let bytes = try #require(Base64.decode(Array(text.utf8)[...]))
            let floats = stride(from: 0, to: bytes.count, by: 4).map { start in
                Float(bitPattern: (0..<4).reduce(0) { $0 | UInt32(bytes[start + $1]) << UInt32(8 * $1) })
            }
            #expect(array == floats)
        }
    }

    @Test("a padded text's states do not depend on what is embedded with it")
    func batches() throws {
        let lines = ["the", "a the a the a", "b"]
        let together = try model.run(["embed", "--output", "tokens"], lines: lines).lines
        let one = try model.run(["embed", "--output", "tokens", "--batch-size", "1"], lines: lines).lines
        #expect(together.count == 3)
        #expect(together.map(\.count).min() ?? 0 > 1000)
        for (a, b) in zip(together, one) {
            let (a, b) = (try Record(a).record.raw("states"), try Record(b).record.raw("states"))
            func floats(_ json: RawJSON?) -> [Float] {
                (json?.text.dropFirst().dropLast() ?? "").split(separator: ",").compactMap { Float($0) }
            }
            #expect(zip(floats(a), floats(b)).allSatisfy { abs($0 - $1) < 1e-5 })
        }
    }

    @Test("clip rank refuses states and says what to do")
    func rank() throws {
        let states = try model.run(["embed", "--output", "penultimate"], lines: ["a", "b"])
        let result = try model.run(["rank"], lines: states.lines)
        #expect(result.status == 2)
        #expect(result.output.isEmpty)
        #expect(result.error.contains("embed with --output pooled"), "\(result.error)")
    }
}
