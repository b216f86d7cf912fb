import ModelGraph
import Testing
import YAML

@Suite struct WritingTests {
    @Test("a model file is written readably and reads back equal")
    func model() throws {
        let node = YAMLNode.mapping([
            "name": .string("starter"),
            "image": .mapping([
                "encoder": .string("vit"), "config": .mapping(["width": .int(192), "bias": .bool(true)]),
            ]),
            "mean": .sequence([.double(0.5), .double(0.1)]),
            "plugins": .sequence([
                .mapping(["kind": .string("loss"), "names": .sequence([.string("a")])]),
                .sequence([.mapping([:]), .null]),
            ]),
            "version": .string("1"), "empty": .sequence([]), "none": .null, "answer": .string("no"),
            "text": .string("two\nlines: # not a comment"),
        ])
        let text = """
            name: starter
            image:
              encoder: vit
              config:
                width: 192
                bias: true
            mean: [0.5, 0.1]
            plugins:
              - kind: loss
                names: [a]
              - - {}
                - null
            version: "1"
            empty: []
            none: null
            answer: "no"
            text: "two\\nlines: # not a comment"

            """
        #expect(node.yamlText() == text)
        #expect(try parse(text) == node)
    }

    @Test("random trees with awkward strings read back equal", arguments: 0..<8)
    func roundTrip(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<200 {
            let node = Self.tree(depth: 4, &random)
            let text = node.yamlText()
            #expect(try parse(text) == node, "\(text)")
        }
    }

    private static func tree(depth: Int, _ random: inout SeededGenerator) -> YAMLNode {
        switch Int.random(in: 0..<(depth > 0 ? 8 : 6), using: &random) {
        case 0: return .int(.random(in: .min ... .max, using: &random))
        case 1: return .double(Double(bitPattern: .random(in: 0 ... .max, using: &random)))
        case 2: return .bool(.random(using: &random))
        case 3...5: return .string(string(&random))
        case 6:
            return .sequence((0..<Int.random(in: 0..<5, using: &random)).map { _ in tree(depth: depth - 1, &random) })
        default:
            return .mapping(
                (0..<Int.random(in: 0..<5, using: &random)).map { _ in
                    (string(&random), tree(depth: depth - 1, &random))
                })
        }
    }

    private static func string(_ random: inout SeededGenerator) -> String {
        let pieces = [
            "a", "Z", "0", "1", ".", "-", " ", ":", "#", "'", "\"", "\\", "\n", "\r", "\t", "\0", "é", "e\u{301}", "日",
            "😀", "\u{85}", "\u{2028}", "\u{FEFF}", "\u{7F}", "\u{FFFF}", "[", "]", "{", "}", ",", "&", "*", "!", "|",
            ">",
            "%", "@", "`", "?", "~", "null", "true", "yes", "<<", "---", "...", "0x", "1e5", ".inf",
            String(repeating: "long ", count: 300),
        ]
        return (0..<Int.random(in: 0..<6, using: &random)).map { _ in pieces.randomElement(using: &random) ?? "" }
            .joined()
    }

    @Test("settings replace and add values by dotted path")
    func setting() throws {
        let node = try parse("data: {batchSize: 8, mean: [1, 2]}\nnothing:\n")
        let changed = try node.setting("data.batchSize", to: "128").setting("data.mean.1", to: "[3, 4]")
            .setting("run.name", to: "\"7\"").setting("nothing.x", to: "y")
        #expect(
            try changed
                == parse("data: {batchSize: 128, mean: [1, [3, 4]]}\nnothing: {x: y}\nrun: {name: \"7\"}\n"))
        #expect(
            message { _ = try node.setting("data.batchSize.x", to: "1") }.contains("cannot be set inside the value '8'")
        )
        #expect(message { _ = try node.setting("data.mean.2", to: "1") }.contains("has no element '2'; use 0 to 1"))
        #expect(message { _ = try node.setting("data..x", to: "1") }.contains("no path to a setting"))
        #expect(message { _ = try node.setting("data.x", to: "[1") }.hasPrefix("data.x:2:1: bad YAML"))
    }

    @Test("merging joins mappings and replaces the rest")
    func merging() throws {
        let base = try parse("a: {x: 1, y: [1, 2]}\nb: 2\n")
        let over = try parse("a: {y: [3], z: 4}\nc: 5\n")
        #expect(try base.merging(over) == parse("a: {x: 1, y: [3], z: 4}\nb: 2\nc: 5\n"))
    }

    @Test("nodes become JSON")
    func json() throws {
        let node = try parse("a: 0x10\nb: [+1, 007, 5e-4, .5, .inf, ~, true]\nc: \"q\\\"\\n\\u2028\"\nd: {}\n")
        #expect(
            node.jsonText()
                == #"{"a":16,"b":[1,7,0.0005,0.5,".inf",null,true],"c":"q\"\n\u2028","d":{}}"#)
    }
}
