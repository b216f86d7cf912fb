import ModelGraph
import Testing
import YAML

func message(_ body: () throws -> Void) -> String {
    do {
        try body()
        return "no error"
    } catch {
        return "\(error)"
    }
}

func parse(_ text: String) throws -> YAMLNode { try YAMLNode.parse(text, file: "model.yaml") }

@Suite struct ReadingTests {
    @Test("every value knows the line and column where it was written")
    func places() throws {
        let node = try parse("name: x\nimage:\n  encoder: vit\n  sizes: [1,\n    22]\n")
        let encoder = try #require(node[path: "image.encoder"])
        #expect(encoder.location == YAMLLocation(file: "model.yaml", line: 3, column: 12))
        let second = try #require(node[path: "image.sizes.1"])
        #expect(second.location == YAMLLocation(file: "model.yaml", line: 5, column: 5))
        #expect(node[path: "image.sizes.2"] == nil)
    }

    @Test("columns count characters, not bytes")
    func columns() throws {
        let node = try parse("{ä: 1, b: 2}")
        #expect(node[path: "b"]?.column == 11)
        #expect(node[path: "ä"]?.column == 5)
    }

    @Test(
        "plain scalars are read by the core schema of YAML 1.2",
        arguments: [
            ("1", .integer), ("-17", .integer), ("+3", .integer), ("0x1F", .integer), ("0o17", .integer),
            ("99999999999999999999", .integer), ("1.5", .float), ("5e-4", .float), (".5", .float), ("1.", .float),
            ("-.inf", .float), (".nan", .float), ("true", .bool), ("false", .bool), ("null", .null), ("~", .null),
            ("yes", .string), ("no", .string), ("1.0.0", .string), ("0b1", .string), ("1_000", .string), ("+", .string),
            ("e5", .string), ("1e", .string), (".", .string), ("--1", .string), ("0x", .string), ("12:30:45", .string),
            ("\"1\"", .string), ("'true'", .string), ("!!str 1", .string), ("\"\"", .string), ("", .null),
        ] as [(String, YAMLNode.ScalarKind)])
    func coreSchema(text: String, kind: YAMLNode.ScalarKind) throws {
        #expect(try parse("v: \(text)")[path: "v"]?.scalarKind == kind)
    }

    @Test("numbers are read exactly")
    func numbers() throws {
        let values = try parse("[0x1F, 0o17, -9223372036854775808, +7, 007]").array { try $0.int() }
        #expect(values == [31, 15, .min, 7, 7])
        let reals = try parse("[5e-4, .5, 1., -2, 1E3, 0.1]").array { try $0.double() }
        #expect(reals == [5e-4, 0.5, 1, -2, 1000, 0.1])
    }

    @Test("block scalars and escapes keep their text")
    func texts() throws {
        let node = try parse("a: |\n  one\n  two\nb: >-\n  three\n  four\nc: \"\\u00e9\\0\\n\"\n")
        #expect(try node[path: "a"]?.string() == "one\ntwo\n")
        #expect(try node[path: "b"]?.string() == "three four")
        #expect(try node[path: "c"]?.string() == "é\0\n")
    }

    @Test("anchors and aliases give the same value twice, at the place of the alias")
    func aliases() throws {
        let node = try parse("base: &b {width: 3}\nimage: *b\n")
        #expect(try node[path: "image.width"]?.int() == 3)
        #expect(node[path: "image"]?.line == 2)
    }

    @Test("an empty file and a file of comments are null, a byte order mark is skipped")
    func empty() throws {
        #expect(try parse("").isNull)
        #expect(try parse("# nothing\n").isNull)
        #expect(try YAMLNode.parse([0xEF, 0xBB, 0xBF] + Array("a: 1".utf8), file: "f")[path: "a"]?.int() == 1)
    }

    @Test("values that double with every alias are refused instead of filling memory")
    func laughs() {
        var text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
        for level in 1...12 {
            let aliases = Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ", ")
            text += "a\(level): &a\(level) [\(aliases)]\n"
        }
        #expect(message { _ = try parse(text) }.contains("aliases counted in full"))
    }

    @Test("aliases cannot build levels deeper than the limit")
    func deepAliases() {
        var text = "a0: &a0 [x]\n"
        for level in 1...100 { text += "a\(level): &a\(level) [*a\(level - 1)]\n" }
        #expect(message { _ = try parse(text) }.contains("more than 64 levels"))
    }

    @Test(
        "bad files are refused with line, column and what to do",
        arguments: [
            ("a: 1\nb: [1, 2\n", "model.yaml:3:1: bad YAML: did not find expected ',' or ']'"),
            ("a: 1\na: 2\n", "model.yaml:2:1: key 'a' was given already on line 1; remove one of them"),
            ("a: 1\n---\nb: 2\n", "model.yaml:2:1: a second YAML document begins here; keep one document"),
            ("a: *x\n", "model.yaml:1:4: alias '*x' stands for nothing yet"),
            ("a: &x [*x]\n", "model.yaml:1:8: alias '*x' stands for nothing yet"),
            ("<<: {a: 1}\n", "model.yaml:1:1: the merge key '<<' is not part of YAML 1.2"),
            ("a: !!python/object x\n", "model.yaml:1:4: the tag 'tag:yaml.org,2002:python/object' is not supported"),
            ("[1]: 2\n", "model.yaml:1:1: a list or a mapping cannot be a key"),
            ("a:\n\t- 1\n", "model.yaml:2:1: bad YAML: found character that cannot start any token"),
            (String(repeating: "[", count: 100), "model.yaml:1:65: more than 64 levels"),
        ])
    func refused(text: String, start: String) {
        let message = message { _ = try parse(text) }
        #expect(message.hasPrefix(start), "\(message)")
    }

    @Test("bytes that are not UTF-8 are refused at their line")
    func notUTF8() {
        let bytes = Array("a: 1\nb: x".utf8) + [0xFF, 0x0A]
        let message = message { _ = try YAMLNode.parse(bytes, file: "m.yaml") }
        #expect(message == "m.yaml:2:5: invalid leading UTF-8 octet; save the file as UTF-8 text")
    }

    @Test("a missing file, a directory and too large a text are refused by name")
    func files() {
        #expect(
            message { _ = try YAMLNode.load("/nowhere/x.yaml") }
                == "/nowhere/x.yaml: cannot be read: No such file or directory; check the path")
        #expect(message { _ = try YAMLNode.load("/tmp") }.hasPrefix("/tmp: cannot be read: Is a directory"))
        var limits = YAMLLimits()
        limits.bytes = 3
        #expect(
            message { _ = try YAMLNode.parse("a: 1", file: "m.yaml", limits: limits) }
                .hasPrefix("m.yaml: 4 bytes are more than the 3"))
    }

    @Test("random damage to a file never crashes the reader", arguments: 0..<4)
    func fuzz(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let valid = Array(
            "a: &x {b: [1, \"t\\u00e9\", ~], c: |\n  te\n d: *x\n'q': !!str 5\n? k\n: - 1\n  - {y: z}\n".utf8)
        for _ in 0..<2000 {
            var bytes = valid
            for _ in 0...Int.random(in: 0..<4, using: &random) {
                let place = Int.random(in: bytes.indices, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: bytes[place] = .random(in: 0...255, using: &random)
                case 1: bytes.remove(at: place)
                default:
                    bytes.insert(Array("[]{}:-&*!|>'\"%\n# \t?,".utf8).randomElement(using: &random) ?? 0, at: place)
                }
            }
            if let node = try? YAMLNode.parse(bytes, file: "f") {
                #expect((try? YAMLNode.parse(node.yamlText(), file: "g")) == node)
            }
        }
    }
}
