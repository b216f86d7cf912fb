extension YAMLNode {
    /// What a scalar is by the core schema of YAML 1.2; quoted ones are strings.
    public enum ScalarKind: Sendable, Hashable { case null, bool, integer, float, string }

    /// The kind of this scalar, or nil for a sequence or a mapping.
    public var scalarKind: ScalarKind? {
        guard case .scalar(let text, let isQuoted) = content else { return nil }
        if isQuoted { return .string }
        switch text {
        case "", "~", "null", "Null", "NULL": return .null
        case "true", "false": return .bool
        default: break
        }
        let bytes = Array(text.utf8)
        return Self.isInteger(bytes) ? .integer : Self.isFloat(bytes) ? .float : .string
    }

    public var isNull: Bool { scalarKind == .null }

    /// `[-+]?[0-9]+`, `0o[0-7]+` or `0x[0-9a-fA-F]+`
    private static func isInteger(_ bytes: [UInt8]) -> Bool {
        if bytes.count > 2, bytes[0] == UInt8(ascii: "0") {
            if bytes[1] == UInt8(ascii: "o") { return bytes[2...].allSatisfy { (0x30...0x37).contains($0) } }
            if bytes[1] == UInt8(ascii: "x") { return bytes[2...].allSatisfy { hexDigit($0) } }
        }
        let digits = bytes.drop { $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "+") }
        return bytes.count - digits.count <= 1 && !digits.isEmpty && digits.allSatisfy(digit)
    }

    /// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`, `[-+]?\.(inf|Inf|INF)` or `\.(nan|NaN|NAN)`
    private static func isFloat(_ bytes: [UInt8]) -> Bool {
        var rest = bytes[...]
        func isSign(_ byte: UInt8) -> Bool { byte == UInt8(ascii: "-") || byte == UInt8(ascii: "+") }
        let isSigned = rest.first.map(isSign) ?? false
        if isSigned { rest.removeFirst() }
        let word = String(decoding: rest, as: UTF8.self)
        if [".inf", ".Inf", ".INF"].contains(word) { return true }
        if !isSigned, [".nan", ".NaN", ".NAN"].contains(word) { return true }
        let whole = rest.prefix(while: digit)
        rest = rest.dropFirst(whole.count)
        if rest.first == UInt8(ascii: ".") {
            rest.removeFirst()
            let fraction = rest.prefix(while: digit)
            rest = rest.dropFirst(fraction.count)
            if whole.isEmpty && fraction.isEmpty { return false }
        } else if whole.isEmpty {
            return false
        }
        if let first = rest.first, first == UInt8(ascii: "e") || first == UInt8(ascii: "E") {
            rest.removeFirst()
            if let sign = rest.first, isSign(sign) { rest.removeFirst() }
            return !rest.isEmpty && rest.allSatisfy(digit)
        }
        return rest.isEmpty
    }

    private static func digit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
    private static func hexDigit(_ byte: UInt8) -> Bool {
        digit(byte) || (0x41...0x46).contains(byte) || (0x61...0x66).contains(byte)
    }

    /// The value of an integer text, nil when it does not fit.
    static func integer(_ text: String) -> Int? {
        if text.hasPrefix("0o") { return Int(text.dropFirst(2), radix: 8) }
        if text.hasPrefix("0x") { return Int(text.dropFirst(2), radix: 16) }
        return Int(text)
    }

    /// The value of a float text of the core schema.
    static func float(_ text: String) -> Double? {
        switch text.lowercased() {
        case ".inf", "+.inf": .infinity
        case "-.inf": -.infinity
        case ".nan": .nan
        case let text: Double(text.hasPrefix(".") ? "0" + text : text)
        }
    }
}
