extension YAMLNode {
    /// This node as a YAML document that reads back equal, the same text for the same node every time. Mappings are
    /// written one key a line, lists of scalars in brackets, strings in quotes only where they need them.
    public func yamlText() -> String {
        var out = ""
        switch content {
        case .mapping(let entries) where !entries.isEmpty: Self.write(entries, indent: 0, to: &out)
        case .sequence(let nodes) where !isFlow: Self.write(nodes, indent: 0, to: &out)
        default: out = flowText + "\n"
        }
        return out
    }

    /// Scalars, lists of few scalars and empty collections go on one line.
    private var isFlow: Bool {
        switch content {
        case .scalar: true
        case .mapping(let entries): entries.isEmpty
        case .sequence(let nodes):
            nodes.isEmpty || nodes.allSatisfy { $0.scalarKind != nil } && flowText.utf8.count <= 100
        }
    }

    private var flowText: String {
        switch content {
        case .scalar(let text, _): scalarKind == .string ? Self.quotedIfNeeded(text) : text.isEmpty ? "null" : text
        case .sequence(let nodes): "[" + nodes.map(\.flowText).joined(separator: ", ") + "]"
        case .mapping: "{}"
        }
    }

    private static func write(_ entries: [Entry], indent: Int, to out: inout String) {
        let space = String(repeating: " ", count: indent)
        for (index, entry) in entries.enumerated() {
            // The first line's indentation is there already when the mapping is an element of a list.
            if index > 0 || !out.hasSuffix("- ") { out += space }
            let key = quotedIfNeeded(entry.key)
            // YAML finds the colon of a simple key only within 1024 characters.
            out += key.utf8.count > 1000 ? "? \(key)\n\(space):" : "\(key):"
            writeValue(entry.value, indent: indent, to: &out)
        }
    }

    private static func writeValue(_ value: YAMLNode, indent: Int, to out: inout String) {
        switch value.content {
        case .mapping(let entries) where !value.isFlow:
            out += "\n"
            write(entries, indent: indent + 2, to: &out)
        case .sequence(let nodes) where !value.isFlow:
            out += "\n"
            write(nodes, indent: indent + 2, to: &out)
        default: out += " " + value.flowText + "\n"
        }
    }

    private static func write(_ nodes: [YAMLNode], indent: Int, to out: inout String) {
        let space = String(repeating: " ", count: indent)
        for (index, node) in nodes.enumerated() {
            if index > 0 || !out.hasSuffix("- ") { out += space }
            out += "- "
            switch node.content {
            case .mapping(let entries) where !node.isFlow: write(entries, indent: indent + 2, to: &out)
            case .sequence(let nodes) where !node.isFlow: write(nodes, indent: indent + 2, to: &out)
            default: out += node.flowText + "\n"
            }
        }
    }

    /// Plain where that reads back as the same string in every place, else in double quotes.
    static func quotedIfNeeded(_ text: String) -> String {
        let plain = YAMLNode(.scalar(text: text, isQuoted: false))
        let words = ["yes", "no", "on", "off", "y", "n", "true", "false", "null"]  // other readers' booleans, too
        let isPlain =
            plain.scalarKind == .string && !words.contains(text.lowercased())
            && text.utf8.first.map { isWord($0) || $0 == UInt8(ascii: "/") } == true
            && text.utf8.allSatisfy { isWord($0) || "-+./@ ".utf8.contains($0) }
            && text.utf8.last != UInt8(ascii: " ")
        return isPlain ? text : jsonQuoted(text)
    }

    private static func isWord(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
            || byte == UInt8(ascii: "_")
    }
}
