import JSONLines
import ModelGraph
import Testing

/// Decimals become the nearest float32, as the suite of nigeltao/parse-number-fxx-test-data asks for: what is nearest is
/// found by exact whole numbers, not by another parser.
@Suite struct DecimalTests {
    @Test("a hundred thousand generated numbers become the nearest float32", arguments: 0..<10)
    func nearest(part: Int) throws {
        var random = SeededGenerator(seed: UInt64(part) + 100)
        let parser = JSONRecordParser()
        var beyond = 0
        for _ in 0..<10 {
            var numbers: [(text: String, exact: ExactDecimal)] = []
            while numbers.count < 1000 {
                let exact = Self.number(&random)
                let text = Self.written(exact, &random)
                if exact.isNearest(.infinity) {
                    beyond += 1
                    let record = try parser.parse(Array("{\"embedding\":[\(text)]}".utf8))
                    #expect(failure { _ = try record.floats() }.contains("beyond float32 at index 0"), "\(text)")
                }
                numbers.append((text, exact))
            }
            numbers.removeAll { $0.exact.isNearest(.infinity) }
            let isNegative = numbers.map { _ in Bool.random(using: &random) }
            let texts = zip(numbers, isNegative).map { $1 ? "-" + $0.text : $0.text }
            let values = try parser.parse(Array("{\"embedding\":[\(texts.joined(separator: ", "))]}".utf8)).floats()
            try #require(values.count == numbers.count)
            for (value, (number, isNegative)) in zip(values, zip(numbers, isNegative)) {
                if !number.exact.isNearest(value) || (value.sign == .minus) != isNegative {
                    Issue.record("\(number.text) is not \(value), 0x\(String(value.bitPattern, radix: 16))")
                }
            }
        }
        #expect(beyond > 50 && beyond < 5000)
    }

    /// Digits at random, the middle between two floats, or what is little more or less than it.
    private static func number(_ random: inout SeededGenerator) -> ExactDecimal {
        let kind = Int.random(in: 0..<10, using: &random)
        if kind < 3 {
            let count = Int.random(in: 0..<20, using: &random) == 0 ? 800 : kind == 0 ? 40 : 19
            let digits = (0..<Int.random(in: 1...count, using: &random)).map { _ in
                UInt8.random(in: 0...9, using: &random)
            }
            return ExactDecimal(
                digits: [UInt8.random(in: 1...9, using: &random)] + digits,
                exponent: Int.random(in: -47...38, using: &random) - digits.count)
        }
        var bits = UInt32.random(in: 0..<0x7F80_0000, using: &random)
        switch Int.random(in: 0..<8, using: &random) {
        case 0: bits &= 0x7F_FFFF  // subnormal
        case 1: bits = bits & 0x7F80_0000 | UInt32.random(in: 0...2, using: &random)  // at a power of two
        case 2: bits |= 0x7F_FFFF
        case 3: bits = 0x7F7F_FFFF - UInt32.random(in: 0...3, using: &random)  // the largest
        default: bits = UInt32.random(in: 0x3000_0000..<0x4800_0000, using: &random)  // of usual size
        }
        let fraction = bits < 1 << 23 ? UInt64(bits) : UInt64(bits & 0x7F_FFFF | 1 << 23)
        let scale = bits < 1 << 23 ? -149 : Int(bits >> 23) - 150
        var exact = ExactDecimal(kind < 5 ? fraction : 2 * fraction + 1, scale: kind < 5 ? scale : scale - 1)
        if kind < 7 {  // rounded to some digits, as %.9g, %.17g and %.20f do
            let count = Int.random(in: 1...30, using: &random)
            if exact.digits.count > count {
                exact.exponent += exact.digits.count - count
                exact.digits.removeLast(exact.digits.count - count)
            }
        } else if kind > 7, !exact.digits.isEmpty {  // a little more, or a little less, far behind
            let zeros = Int.random(in: 0...Int.random(in: 0...700, using: &random), using: &random)
            if kind == 9 {
                var place = exact.digits.count - 1
                while exact.digits[place] == 0 {
                    exact.digits[place] = 9
                    place -= 1
                }
                exact.digits[place] -= 1
                exact.digits += [UInt8](repeating: 9, count: zeros + 1)
            } else {
                exact.digits += [UInt8](repeating: 0, count: zeros) + [1]
            }
            exact.exponent -= zeros + 1
        }
        return ExactDecimal(digits: exact.digits, exponent: exact.exponent)
    }

    /// One of the many ways of writing a number.
    private static func written(_ number: ExactDecimal, _ random: inout SeededGenerator) -> String {
        let digits = number.digits.map(String.init).joined()
        let zeros = String(
            repeating: "0", count: Int.random(in: 0...Int.random(in: 0...40, using: &random), using: &random))
        func power(_ value: Int) -> String {
            let sign = value < 0 ? "-" : ["", "+"].randomElement(using: &random) ?? ""
            let padding = Bool.random(using: &random) ? "" : zeros
            return (Bool.random(using: &random) ? "e" : "E") + sign + padding + "\(abs(value))"
        }
        if digits.isEmpty { return "0." + zeros + "0" + power(7) }
        let point = digits.utf8.count + number.exponent  // digits before the point
        switch Int.random(in: 0..<5, using: &random) {
        case 0 where point > 0 && number.exponent < 0:
            return digits.prefix(point) + "." + digits.dropFirst(point) + zeros
        case 0 where number.exponent >= 0: return digits + String(repeating: "0", count: number.exponent)
        case 0 where point <= 0: return "0." + String(repeating: "0", count: -point) + digits + zeros
        case 1: return digits + power(number.exponent)
        case 2: return digits.prefix(1) + "." + digits.dropFirst() + "0" + power(point - 1)
        case 3: return "0." + zeros + digits + power(point + zeros.utf8.count)
        default: return digits + zeros + power(number.exponent - zeros.utf8.count)
        }
    }

    @Test(
        "numbers that readers stumble over",
        arguments: [
            ("0.69999998807907104492", 0.7), ("1e-0000000000000005", 1e-5), ("1E+00", 1), ("0e999999999999", 0),
            ("1e-99999999999999999999", 0), ("0.0000000000000000000000000e99", 0), ("-0.0", -0.0), ("-1e-60", -0.0),
            ("1.00000005960464477539062500001", 1 + .ulpOfOne), ("1e-45", .leastNonzeroMagnitude), ("7e-46", 0),
            ("7.0064923216240853546186479164495806564013097093825788587853e-46", 0),  // half is more
            (
                "7.00649232162408535461864791644958065640130970938257885878534141944895541342930300743319094181060791015626e-46",
                .leastNonzeroMagnitude
            ),
            ("340282346638528859811704183484516925440", .greatestFiniteMagnitude),
            ("340282356779733661637539395458142568447", .greatestFiniteMagnitude),
            ("16777217", 16_777_216), ("16777217.0000000000000000000000000000000001", 16_777_218),
            ("123456789012345678901234567890", 123_456_789_182_729_271_864_492_818_432),
        ] as [(String, Float)])
    func stumbled(text: String, value: Float) throws {
        #expect(try parse("{\"embedding\":[\(text)]}").floats().map(\.bitPattern) == [value.bitPattern])
        #expect(
            try parse("{\"embedding\":[ \(text)\t,\r1]}").floats().map(\.bitPattern) == [
                value.bitPattern, Float(1).bitPattern,
            ])
        // Where nobody reads it, it is checked and passed through.
        let record = try parse("{\"a\":\(text) ,\"b\":[\(text)],\"c\":{\"d\":\(text)}}")
        #expect(record.raw("a")?.text == text && record.raw("b")?.text == "[\(text)]")
        #expect(try record.number("a") == Double(text))
    }

    @Test("what nobody reads may be as large as a double")
    func doubles() throws {
        let digits = "17976931348623158" + String(repeating: "0", count: 292)
        for text in [digits, "1.7976931348623158e308", "-\(digits).5", "1e308", "0.0001e312", "1e-400"] {
            #expect(try parse("{\"a\":\(text),\"embedding\":[1]}").floats() == [1])
            #expect(
                failure { _ = try parse("{\"embedding\":[1e38,\(text)]}").floats() }.contains("index 1")
                    == (text != "1e-400"))
        }
        #expect(failure { _ = try parse("{\"a\":\(digits)0}") }.hasPrefix("json.syntax"))
    }

    @Test("any number of zeros may stand in front of or behind the digits")
    func zeros() throws {
        let zeros = String(repeating: "0", count: 100_000)
        for text in ["0.\(zeros)5e100000", "5\(zeros)e-100001", "0.5\(zeros)", "5.\(zeros)e-1", "0.05\(zeros)1e1"] {
            #expect(
                try parse("{\"embedding\":[\(text)]}").floats().first
                    == (text.hasPrefix("0.05") ? Float(0.5) : Float(text)))
        }
    }

    @Test(
        "what is no number of JSON is refused where it stands",
        arguments: [
            "01", "-", "1.", "1.e5", ".5", "+1", "1e", "1e+", "1e5.5", "0x10", "1_000", "--1", "1-", "00.5", "-01",
            "1a",
            "1.5.5", "NaN", "Infinity", "-Infinity", "１", "1e309", "-1e309", "1.7976931348623159e308",
        ])
    func refused(text: String) {
        for line in [
            "{\"embedding\":[0.5,\(text),1]}", "{\"a\":\(text)}", "{\"a\":[\(text)]}", "{\"a\":{\"b\":\(text)}}",
        ] {
            #expect(failure { _ = try parse(line) }.hasPrefix("json.syntax"), "\(line)")
        }
    }

    @Test("a vector that is broken after its numbers is refused as before")
    func broken() {
        for (line, message) in [
            (#"{"embedding":[1,2"#, "json.syntax"), (#"{"embedding":[1,2}"#, "json.syntax"),
            (#"{"embedding":[1,,2]}"#, "json.syntax"), (#"{"embedding":[1 2]}"#, "json.syntax"),
            (#"{"embedding":[1,]}"#, "json.syntax"), (#"{"embedding":[,1]}"#, "json.syntax"),
            (#"{"embedding":[1]]}"#, "json.syntax"), (#"{"embedding":[1]"a":1}"#, "json.syntax"),
            (#"{"embedding":[1] x}"#, "json.syntax"), (#"{"embedding":[1]} x"#, "json.syntax"),
            (#"{"embedding":[1]"#, "json.syntax"), (#"{"embedding":[1e40,tru]}"#, "json.syntax"),
        ] {
            #expect(failure { _ = try parse(line) }.hasPrefix(message), "\(line)")
        }
        #expect(failure { _ = try parse(#"{"embedding":[1,2,"a"]}"#).floats() }.contains("index 2"))
        #expect(failure { _ = try parse(#"{"embedding":[1e40,null]}"#).floats() }.contains("beyond float32 at index 0"))
    }
}
