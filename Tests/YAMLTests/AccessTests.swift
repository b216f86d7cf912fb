import Testing
import YAML

@Suite struct AccessTests {
    private enum Pool: String, CaseIterable { case average, max, attention }

    @Test("a mapping is read key by key and every kind of value comes out")
    func reading() throws {
        let node = try parse(
            "name: vit\nbias: false\nwidth: 192\nrate: 1e-3\nmean: [0.5, 1]\npool: max\nnothing: ~\n")
        var map = try node.mapping()
        #expect(try map.required("name").string() == "vit")
        #expect(try map.optional("bias")?.bool() == false)
        #expect(try map.required("width").int(in: 1...4096) == 192)
        #expect(try map.required("rate").double() == 1e-3)
        #expect(try map.required("mean").array { try $0.double() } == [0.5, 1])
        #expect(try map.required("pool").value(of: Pool.self) == .max)
        #expect(map.optional("nothing") == nil)
        #expect(map.optional("absent") == nil)
        try map.finish()
    }

    @Test("an unknown key is refused with the nearest key that was asked for")
    func unknownKey() throws {
        let node = try parse("image:\n  config:\n    patchsize: 8\n")
        let message = message {
            var map = try #require(node[path: "image.config"]).mapping()
            _ = map.optional("imageSize")
            _ = map.optional("patchSize")
            try map.finish()
        }
        #expect(message == "model.yaml:3:5: unknown key 'patchsize' in 'image.config'; did you mean 'patchSize'?")
    }

    @Test("an unknown key near no other one lists the keys there are")
    func unknownKeyFar() throws {
        let node = try parse("colour: 8\n")
        let message = message {
            var map = try node.mapping()
            _ = map.optional("width")
            _ = map.optional("heads")
            try map.finish()
        }
        #expect(message == "model.yaml:1:1: unknown key 'colour'; use one of width, heads")
    }

    @Test("a missing key points at a typo of it, else at the mapping")
    func missing() throws {
        let typo = try parse("a: 1\nwdith: 2\n")
        #expect(
            message {
                var map = try typo.mapping()
                _ = try map.required("width")
            } == "model.yaml:2:1: key 'width' is missing; is 'wdith' here a typo of it?")
        #expect(
            message {
                var map = try typo.mapping()
                _ = try map.required("encoder")
            } == "model.yaml:1:1: key 'encoder' is missing; add 'encoder' to this mapping")
        let empty = try parse("width:\n")
        #expect(
            message {
                var map = try empty.mapping()
                _ = try map.required("width")
            }.contains("key 'width' has no value"))
    }

    @Test(
        "values of the wrong kind are refused with the key, what was expected and what is there",
        arguments: [
            ("v: 1", "model.yaml:1:4: 'v' must be a string, found '1'; put it in quotes: \"1\""),
            ("v: [1]", "model.yaml:1:4: 'v' must be a string, found a list"),
        ])
    func notAString(text: String, expected: String) throws {
        let node = try parse(text)
        #expect(
            message {
                var map = try node.mapping()
                _ = try map.required("v").string()
            } == expected)
    }

    @Test("numbers and booleans are strict")
    func strictness() throws {
        func read(_ text: String, _ body: (YAMLNode) throws -> Void) throws -> String {
            let node = try #require(try parse("v: \(text)")[path: "v"])
            return message { try body(node) }
        }
        #expect(try read("yes") { _ = try $0.bool() }.hasSuffix("'v' must be true or false, found 'yes'"))
        #expect(try read("\"true\"") { _ = try $0.bool() }.hasSuffix("found \"true\""))
        #expect(try read("1.5") { _ = try $0.int() }.hasSuffix("'v' must be a whole number, found '1.5'"))
        #expect(try read("\"1\"") { _ = try $0.int() }.hasSuffix("found \"1\""))
        #expect(try read("9223372036854775808") { _ = try $0.int() }.contains("does not fit in 64 bits"))
        #expect(try read("0") { _ = try $0.int(in: 1 ... .max) }.hasSuffix("'v' is 0; use at least 1"))
        #expect(try read("9") { _ = try $0.int(in: 1...8) }.hasSuffix("'v' is 9; use 1 to 8"))
        #expect(try read(".inf") { _ = try $0.double() }.contains("no finite number"))
        #expect(try read("1e999") { _ = try $0.double() }.contains("no finite number"))
        #expect(
            try read("avrage") { _ = try $0.value(of: Pool.self) }.hasSuffix("'v' is 'avrage'; did you mean 'average'?")
        )
        #expect(try read("x") { _ = try $0.mapping() }.hasSuffix("'v' must be a mapping of keys to values, found 'x'"))
        #expect(
            try read("[1, x]") { _ = try $0.array { try $0.int() } }.hasSuffix(
                "'v[1]' must be a whole number, found 'x'"))
    }

    @Test("free keys are read with rest, in the order of the file")
    func rest() throws {
        var map = try parse("b: 1\na: 2\nc: 3\n").mapping()
        _ = map.optional("a")
        #expect(map.rest().map(\.key) == ["b", "c"])
        try map.finish()
    }

    @Test("the nearest name forgives case, swaps and single slips, and nothing wild")
    func nearest() {
        let names = ["patchSize", "imageSize", "width", "heads"]
        #expect(NearestName.of("patchsize", among: names) == "patchSize")
        #expect(NearestName.of("wdith", among: names) == "width")
        #expect(NearestName.of("imagesizes", among: names) == "imageSize")
        #expect(NearestName.of("colour", among: names) == nil)
        #expect(NearestName.of("", among: names) == nil)
        #expect(NearestName.of("x", among: ["y"]) == nil)
    }

    @Test(
        "a float32 is the nearest to the text, whatever the nearest double is",
        arguments: [
            ("1.00000005960464477539062500001", 1 + Float.ulpOfOne), ("1.000000059604644775390625", 1),
            ("0.69999998807907104492", 0.7), ("1e-0000000000000005", 1e-5), ("1E+00", 1), (".5", 0.5), ("-.5", -0.5),
            ("7e-46", 0), ("1e-400", 0), ("16777217", 16_777_216), ("0x10", 16), ("0o17", 15), ("5.", 5),
            ("99999999999999999999", 1e20), ("3.4028235e38", .greatestFiniteMagnitude),
        ] as [(String, Float)])
    func floats(text: String, value: Float) throws {
        #expect(try parse(text).float() == value)
        #expect(try parse(text).double() == Double(text.hasPrefix("0o") ? "15" : text))
    }

    @Test("a number beyond float32 is refused where a float32 is read, one beyond a double everywhere")
    func beyond() throws {
        var map = try parse("a: 1e39").mapping()
        let large = try map.required("a")
        #expect(
            message { _ = try large.float() }
                == "model.yaml:1:4: 'a' is 1e39, which is beyond float32; use a smaller number")
        #expect(try large.double() == 1e39)
        for text in ["1e400", ".inf", ".nan", "1e99999999999999999999"] {
            #expect(message { _ = try parse(text).double() }.contains("no finite number"))
            #expect(message { _ = try parse(text).float() }.contains("no finite number"))
        }
    }
}
