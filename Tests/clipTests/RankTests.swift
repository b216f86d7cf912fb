import TestSupport
import Testing

@Suite struct RankTests {
    let model = TinyModel.shared

    /// A record with a vector of three numbers.
    private func record(
        _ id: String, _ kind: String, _ name: String, _ vector: [Float], space: String? = "aa", extra: String = ""
    ) -> String {
        let space = space.map { ",\"space\":\"\($0)\"" } ?? ""
        let key = kind == "text" ? "text" : "path"
        return "{\"id\":\(id),\"modality\":\"\(kind)\",\"\(key)\":\"\(name)\"\(space)\(extra),\"embedding\":\(vector)}"
    }

    @Test("embed | rank gives each text its images, best first, with probabilities that sum to one")
    func pipe() throws {
        for (index, name) in ["a", "b", "c"].enumerated() {
            _ = try model.picture("pipe-\(name).png", UInt8(index * 120), 40, UInt8(255 - index * 100))
        }
        let folder = model.folder.path
        let list = "a dog\n\(folder)/pipe-a.png\n\(folder)/pipe-b.png\nthe cat\n\(folder)/pipe-c.png\n"
        try model.folder.write(list, to: model.folder["pipe.txt"])
        let result = try model.shell("clip embed < \(folder)/pipe.txt | clip rank")
        #expect(result.status == 0 && result.error.isEmpty, "\(result.error)")
        let records = try result.records()
        #expect(
            try records.map { try $0.string("query") } == ["a dog", "a dog", "a dog", "the cat", "the cat", "the cat"])
        #expect(try records.map { try $0.number("rank") } == [1, 2, 3, 1, 2, 3])
        for query in [records[..<3], records[3...]] {
            let scores = try query.map { try #require(try $0.number("score")) }
            #expect(scores == scores.sorted(by: >))
            let sum = try query.reduce(0.0) { $0 + (try #require(try $1.number("probability"))) }
            #expect(abs(sum - 1) < 1e-5)
            #expect(Set(try query.map { try $0.id }) == ["\"2\"", "\"3\"", "\"5\""])
        }
    }

    @Test("scores are cosines, ties keep the order of the input, fields pass through")
    func scores() throws {
        let lines = [
            record("1", "image", "a.png", [1, 0, 0], extra: ",\"tag\":\"\\u00e9\",\"rank\":99"),
            record("2", "image", "b.png", [0, 2, 0]),
            record("\"q\"", "text", "find a", [3, 4, 0]),
            record("3", "image", "c.png", [0, 1, 0], extra: ",\"truncated\":3"),
        ]
        let result = try model.run(["rank"], lines: lines)
        #expect(result.status == 0)
        #expect(
            result.lines == [
                "{\"query\":\"find a\",\"id\":2,\"rank\":1,\"score\":0.8,\"path\":\"b.png\"}",
                "{\"query\":\"find a\",\"id\":3,\"rank\":2,\"score\":0.8,\"path\":\"c.png\",\"truncated\":3}",
                "{\"query\":\"find a\",\"id\":1,\"rank\":3,\"score\":0.6,\"path\":\"a.png\",\"tag\":\"\\u00e9\"}",
            ])
        // No model has this space, so there are no probabilities, and one note says so.
        #expect(result.error.split(separator: "\n").count == 1)
        #expect(result.error.hasPrefix("clip rank: probability is left out: "))
    }

    @Test("with one kind of record the first is the query; --by chooses; --top limits")
    func queries() throws {
        let texts = [
            record("1", "text", "one", [1, 0, 0]), record("2", "text", "two", [0, 1, 0]),
            record("3", "text", "three", [1, 1, 0]),
        ]
        let first = try model.run(["rank", "--top", "1"], lines: texts)
        #expect(try first.records().map { [try $0.string("query"), try $0.string("text")] } == [["one", "three"]])
        let images = [record("4", "image", "x.png", [0, 0, 1]), record("5", "image", "y.png", [0, 1, 1])]
        let byImage = try model.run(["rank", "--by", "image", "--top", "all"], lines: texts + images)
        #expect(
            try byImage.records().map { try $0.string("query") } == [
                "x.png", "x.png", "x.png", "y.png", "y.png", "y.png",
            ])
        let byText = try model.run(["rank", "--top", "1"], lines: texts + images)
        #expect(try byText.records().map { try $0.string("query") } == ["one", "two", "three"])
        let none = try model.run(["rank", "--by", "text"], lines: texts)
        #expect(none.status == 1)
        #expect(none.error.contains("there is nothing to rank"))
    }

    @Test("--query and --queries are embedded with the model of the stream's space, found by its space")
    func givenQueries() throws {
        let red = try model.picture("query-red.png", 255, 0, 0)
        let folder = model.folder.path
        try model.folder.write("the cat\n\(red)\n", to: model.folder["queries.txt"])
        try model.folder.write("the cat\n\(red)\na dog\n", to: model.folder["stream.txt"])
        // Another model is set, and this one is only among the folders.
        let other = try TinyModel(seed: 9)
        let script =
            "clip embed --model \(model.path) < \(folder)/stream.txt | CLIP_MODEL_PATH=\(folder) "
            + "CLIP_MODEL=\(other.path) clip rank --query 'a dog' --queries \(folder)/queries.txt --top 1"
        let result = try model.shell(script)
        #expect(result.status == 0, "\(result.error)")
        let records = try result.records()
        #expect(try records.map { try $0.string("query") } == ["a dog", "the cat", red])
        #expect(try records.map { try $0.id } == ["\"3\"", "\"1\"", "\"2\""])
        for record in records { #expect(try #require(try record.number("score")) > 0.999) }

        let wrong = try model.shell(
            "clip embed < \(folder)/stream.txt | clip rank --query 'a dog' --model \(other.path)")
        #expect(wrong.status == 1)
        #expect(wrong.error.contains(model.space) && wrong.error.contains(other.space))
        let missing = try model.shell(
            "clip embed < \(folder)/stream.txt | CLIP_MODEL=\(other.path) clip rank --query 'a dog'")
        #expect(missing.status == 1)
        #expect(missing.error.contains("no model of this space"))
        let bad = try model.shell(
            "clip embed < \(folder)/stream.txt | clip rank --query none.png --query 'a dog' --top 1")
        #expect(bad.status == 2)
        #expect(bad.error.contains("query 1: none.png: no such file"))
        #expect(bad.lines.count == 1)
    }

    @Test("--queries takes what embed wrote, without its model; what cannot be compared is told")
    func embeddedQueries() throws {
        let queries = [
            record("1", "text", "up", [0, 2, 0]), record("2", "text", "alien", [0, 1, 0], space: "bb"),
            record("3", "image", "right.png", [1, 0.1, 0]),
        ]
        let file = model.folder["embedded-queries.jsonl"]
        try model.folder.write(queries.joined(separator: "\n"), to: file)
        let candidates = [record("4", "image", "a.png", [1, 0, 0]), record("5", "image", "b.png", [0, 1, 0])]
        let result = try model.run(["rank", "--top", "1", "--queries", file], lines: candidates)
        #expect(result.status == 2)
        #expect(result.error.contains("line 2: the vector is of the space 'bb', but that of the candidates is of 'aa'"))
        #expect(try result.records().map { try $0.string("query") } == ["up", "right.png"])
        #expect(try result.records().map { try $0.id } == ["5", "4"])
    }

    @Test("a long stream is ranked in its order, and each bad line of it is named, in order")
    func longStream() throws {
        // Enough for several threads and several blocks.
        var lines = [record("0", "text", "q", [1, 0, 0])]
        var bad: [Int] = []
        let padding = ",\"note\":\"" + String(repeating: "x", count: 1000) + "\""
        for index in 1...6000 {
            if index.isMultiple(of: 977) { bad.append(index + 1) }
            let vector: [Float] = index.isMultiple(of: 977) ? [0, 0, 0] : [index.isMultiple(of: 7) ? 2 : 1, 1, 0]
            lines.append(record("\(index)", "image", "\(index).png", vector, extra: padding))
        }
        let result = try model.run(["rank", "--top", "all"], lines: lines)
        #expect(result.status == 2)
        let told = result.error.split(separator: "\n").filter { $0.contains("has no direction") }
        #expect(told.count == bad.count)
        #expect(zip(told, bad).allSatisfy { $0.contains("line \($1):") })
        let good = (1...6000).filter { !$0.isMultiple(of: 977) }
        let expected = good.filter { $0.isMultiple(of: 7) } + good.filter { !$0.isMultiple(of: 7) }
        #expect(try result.records().map { Int(try $0.id) } == expected)
    }

    @Test("the scale and the sum of the softmax are the model's own, over all candidates")
    func probabilities() throws {
        let red = try model.picture("soft-red.png", 250, 0, 0)
        let blue = try model.picture("soft-blue.png", 0, 0, 250)
        let embeddings = try model.run(["embed"], lines: ["a dog", red, blue])
        let ranked = try Program.run(
            ["rank", "--top", "1"], input: Array(embeddings.output.utf8), environment: ["CLIP_MODEL": model.path],
            in: model.folder)
        let all = try Program.run(
            ["rank"], input: Array(embeddings.output.utf8), environment: ["CLIP_MODEL": model.path], in: model.folder)
        let scores = try all.records().map { try #require(try $0.number("score")) }
        let scale = 1 / 0.07
        let expected = 1 / (1 + expOf(scale * (scores[1] - scores[0])))
        for result in [ranked, all] {
            let probability = try #require(try result.records()[0].number("probability"))
            // Weights are kept in bfloat16, the scale too.
            #expect(abs(probability - expected) < 5e-3)
        }
    }

    @Test("vectors that cannot be compared are named with their line; the others are ranked")
    func badVectors() throws {
        let good = [record("1", "text", "q", [1, 0, 0]), record("2", "image", "a.png", [1, 1, 0])]
        let cases: [(String, String)] = [
            (
                record("3", "image", "b.png", [1, 1, 0], space: "bb"),
                "line 3: the vector is of the space 'bb', but that of line 1 is of 'aa'"
            ),
            (record("3", "image", "b.png", [1, 1, 0], space: nil), "an unknown model (no 'space')"),
            (record("3", "image", "b.png", [1, 1]), "line 3: the embedding has 2 numbers, that of line 1 has 3"),
            (record("3", "image", "b.png", [0, 0, 0]), "line 3: the embedding is all zeros"),
            ("{\"id\":3,\"path\":\"b.png\",\"space\":\"aa\",\"embedding\":[1,NaN,0]}", "line 3: broken JSON"),
            // Three little-endian float32: 1, NaN, 0.
            (
                "{\"id\":3,\"path\":\"b.png\",\"space\":\"aa\",\"embedding\":\"AACAPwAAwH8AAAAA\"}",
                "line 3: 'embedding' holds nan at index 1"
            ),
            (
                "{\"id\":3,\"path\":\"b.png\",\"space\":\"aa\",\"embedding\":[1,\"x\",0]}",
                "something other than a number at index 1"
            ),
            ("{\"id\":3,\"path\":\"b.png\"}", "line 3: the record has no 'embedding'"),
            ("no json", "line 3: the line is not a JSON object"),
        ]
        for (line, message) in cases {
            let result = try model.run(["rank"], lines: good + [line])
            #expect(result.status == 2, "\(line)")
            #expect(result.error.contains("clip rank: "), "\(result.error)")
            #expect(result.error.contains(message), "\(result.error)")
            #expect(result.lines.count == 1)
        }
    }

    @Test("records that failed upstream are counted, and the exit status tells")
    func upstream() throws {
        let result = try model.shell(
            "printf 'a\\nnone.png\\nb\\n' | clip embed --on-error record 2>/dev/null | clip rank")
        #expect(result.status == 2)
        #expect(result.lines.count == 1)
        #expect(result.error == "clip rank: 1 record had failed upstream\n")
    }

    @Test("an empty stream and a single record give nothing, and a note")
    func nothing() throws {
        let empty = try model.run(["rank"], input: [])
        #expect(empty.status == 0)
        #expect(empty.error == "clip rank: no embeddings came in, so there is nothing to rank\n")
        let single = try model.run(["rank"], lines: [record("1", "text", "q", [1, 0, 0])])
        #expect(single.status == 0)
        #expect(single.output.isEmpty)
        #expect(single.error.contains("a query, and nothing to rank"))
    }
}
