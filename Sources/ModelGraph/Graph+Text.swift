extension Graph: CustomStringConvertible {
    /// One node a line: number, op, inputs, attributes, type, and the source line that made it.
    public var description: String {
        var lines = nodes.map { node in
            var text = "%\(node.id) = \(node.label)"
            if !node.inputs.isEmpty { text += "(" + node.inputs.map { "%\($0)" }.joined(separator: ", ") + ")" }
            let attributes = node.op.definition?.attributes ?? ""
            if !attributes.isEmpty { text += " \(attributes)" }
            return text + " : \(node.type)    // \(node.location)"
        }
        lines += updates.map { "update \(nodes[$0.parameter].label) <- %\($0.value)" }
        lines += outputs.map { "output \($0.name) = %\($0.id)" }
        return lines.joined(separator: "\n") + "\n"
    }

    /// The graph in Graphviz's language.
    public var dot: String {
        var text = "digraph model {\n  rankdir=TB; node [shape=box, fontname=\"Helvetica\", fontsize=10];\n"
        for node in nodes {
            let style =
                switch node.op {
                case .parameter: ", style=filled, fillcolor=lightyellow"
                case .input: ", style=filled, fillcolor=lightblue"
                case .constant: ", style=dotted"
                default: ""
                }
            text += "  n\(node.id) [label=\"\(node.label.dotEscaped)\\n\(node.type)\"\(style)];\n"
            for input in node.inputs { text += "  n\(input) -> n\(node.id);\n" }
        }
        for (index, output) in outputs.enumerated() {
            text +=
                "  out\(index) [label=\"\(output.name.dotEscaped)\", shape=oval];\n  n\(output.id) -> out\(index);\n"
        }
        for update in updates { text += "  n\(update.value) -> n\(update.parameter) [style=dashed, label=update];\n" }
        return text + "}\n"
    }
}

extension Node {
    /// The op's name, with the name of an input or parameter and the value of a scalar constant.
    fileprivate var label: String {
        switch op {
        case .input(let name): "input '\(name)'"
        case .parameter(let parameter): "parameter '\(parameter.name)'"
        case .constant(let data): data.shape.count == 1 ? "constant \(data.doubles[0])" : "constant"
        case .unary(let unary): unary.rawValue
        case .binary(let binary): binary.rawValue
        default: op.name
        }
    }
}

extension String {
    fileprivate var dotEscaped: String {
        // By scalars: a quotation mark with a combining accent is another Character, but still ends the string.
        unicodeScalars.reduce(into: "") { text, scalar in
            switch scalar {
            case "\"", "\\": text += "\\" + String(scalar)
            case "\n": text += "\\n"
            default: text.unicodeScalars.append(scalar)
            }
        }
    }
}
