package import YAML

extension YAMLNode {
    /// Reads the JSON file at `path`, which is also the file's name in error messages. Side files of published models are
    /// JSON, and are read as JSON: a YAML reader refuses some of it and takes more than it.
    package static func loadJSON(_ path: String) throws(YAMLError) -> YAMLNode {
        try JSONDocument(SettingFile.bytes(path, limit: YAMLLimits().bytes), file: path).node()
    }

    /// Reads the file at `path` as what its name says: JSON where it ends in `.json`, else YAML.
    package static func loadDescription(_ path: String) throws(YAMLError) -> YAMLNode {
        path.hasSuffix(".json") ? try loadJSON(path) : try load(path)
    }
}

extension JSONDocument {
    /// The whole document as nodes that know their places. Names given twice in one object are refused.
    package func node() throws(YAMLError) -> YAMLNode {
        var reader = NodeReader(document: self)
        return try reader.node()
    }

    /// The place of a byte, from one before it: places are asked for in the order of the file.
    private struct Place {
        var offset = 0
        var line = 1
        var column = 1

        mutating func advance(to target: Int, in bytes: [UInt8]) {
            while offset < target {
                switch bytes[offset] {
                case 0x0A: (line, column) = (line + 1, 1)
                case 0x80..<0xC0: break  // goes on with a character
                default: column += 1
                }
                offset += 1
            }
        }
    }

    private struct NodeReader {
        let document: JSONDocument
        var index = 0
        var place = Place()

        mutating func node() throws(YAMLError) -> YAMLNode {
            let node = document.nodes[index]
            index += 1
            let location = location(of: node)
            switch node.kind {
            case .object: return YAMLNode(.mapping(try entries(upTo: Int(node.next))), at: location)
            case .array:
                var nodes: [YAMLNode] = []
                while index < Int(node.next) { nodes.append(try self.node()) }
                return YAMLNode(.sequence(nodes), at: location)
            case .string, .escapedString:
                return YAMLNode(.scalar(text: document.text(of: node), isQuoted: true), at: location)
            case .number, .yes, .no, .null:
                return YAMLNode(.scalar(text: document.text(of: node), isQuoted: false), at: location)
            }
        }

        private mutating func entries(upTo end: Int) throws(YAMLError) -> [YAMLNode.Entry] {
            var entries: [YAMLNode.Entry] = []
            var lines: [String: Int] = [:]
            while index < end {
                let name = document.nodes[index]
                index += 1
                let (key, location) = (document.text(of: name), location(of: name))
                if let line = lines.updateValue(location.line, forKey: key) {
                    throw YAMLError(
                        at: location, "key '\(key)' was given already on line \(line)", remedy: "remove one of them")
                }
                entries.append(YAMLNode.Entry(key: key, keyLocation: location, value: try node()))
            }
            return entries
        }

        private mutating func location(of node: JSONDocument.Node) -> YAMLLocation {
            let isString = node.kind == .string || node.kind == .escapedString
            place.advance(to: Int(node.start) - (isString ? 1 : 0), in: document.bytes)
            return YAMLLocation(file: document.file, line: place.line, column: place.column)
        }
    }

    /// A scalar's text: a string's with its escapes read, a number's as YAML spells it.
    private func text(of node: Node) -> String {
        let bytes = bytes[Int(node.start)..<Int(node.end)]
        let text = String(
            decoding: node.kind == .escapedString ? JSONScanner.unescaped(bytes) : Array(bytes), as: UTF8.self)
        guard node.kind == .number else { return text }
        return JSONScanner.notNumbers.first { $0.json == text }?.yaml ?? text
    }
}
