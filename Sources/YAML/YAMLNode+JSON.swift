extension YAMLNode {
    /// This node as JSON on one line. Numbers become JSON numbers; infinities and NaN, which JSON lacks, strings.
    public func jsonText() -> String {
        switch content {
        case .sequence(let nodes): "[" + nodes.map { $0.jsonText() }.joined(separator: ",") + "]"
        case .mapping(let entries):
            "{" + entries.map { Self.jsonQuoted($0.key) + ":" + $0.value.jsonText() }.joined(separator: ",") + "}"
        case .scalar(let text, _):
            switch scalarKind {
            case .null: "null"
            case .bool: text
            case .integer: Self.integer(text).map(String.init) ?? Self.jsonFloat(Double(text), else: text)
            case .float: Self.jsonFloat(Self.float(text), else: text)
            case .string, nil: Self.jsonQuoted(text)
            }
        }
    }

    private static func jsonFloat(_ value: Double?, else text: String) -> String {
        guard let value, value.isFinite else { return jsonQuoted(text) }
        return "\(value)"
    }

    /// A string of JSON that is one of YAML, too: besides what JSON demands, YAML's line breaks and characters that it
    /// does not print are escaped.
    static func jsonQuoted(_ text: String) -> String {
        var out = "\""
        for scalar in text.unicodeScalars {
            switch scalar.value {
            case 0x22: out += "\\\""
            case 0x5C: out += "\\\\"
            case 0x0A: out += "\\n"
            case 0x0D: out += "\\r"
            case 0x09: out += "\\t"
            case 0..<0x20, 0x7F..<0xA0, 0x2028, 0x2029, 0xFEFF, 0xFFFE, 0xFFFF:
                let hex = String(scalar.value, radix: 16)
                out += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
            default: out.unicodeScalars.append(scalar)
            }
        }
        return out + "\""
    }
}
