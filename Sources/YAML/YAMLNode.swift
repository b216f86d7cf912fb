/// Where a node was written: the file as it was named to the reader, and the 1-based line and column (in characters).
/// Line 0 means a node made in code.
public struct YAMLLocation: Sendable, Hashable {
    public var file: String
    public var line: Int
    public var column: Int

    public init(file: String, line: Int, column: Int) {
        self.file = file
        self.line = line
        self.column = column
    }

    /// The location of nodes that no file holds.
    public static let code = YAMLLocation(file: "", line: 0, column: 0)
}

/// One value of a YAML document: a scalar, a sequence or a mapping, which knows where it was written.
///
/// Scalars keep their text; what they mean is asked with the typed accessors (`string()`, `int()`, ...), which read
/// plain scalars by the core schema of YAML 1.2 (https://yaml.org/spec/1.2.2/#103-core-schema) and throw a `YAMLError`
/// that names file, line and column. Mappings keep the order of the file; `mapping()` gives a reader that refuses keys
/// nobody asked for.
///
/// Two nodes are equal when they mean the same, wherever they were written; the order of a mapping counts.
public struct YAMLNode: Sendable {
    /// One key of a mapping with its value.
    public struct Entry: Sendable {
        public var key: String
        /// Where the key was written; the value has its own location.
        public var keyLocation: YAMLLocation
        public var value: YAMLNode

        public init(key: String, keyLocation: YAMLLocation = .code, value: YAMLNode) {
            self.key = key
            self.keyLocation = keyLocation
            self.value = value
        }
    }

    public enum Content: Sendable {
        /// `isQuoted` is true for quoted and block scalars and for the tag `!!str`: those are always strings.
        case scalar(text: String, isQuoted: Bool)
        case sequence([YAMLNode])
        case mapping([Entry])
    }

    public var content: Content
    public var location: YAMLLocation
    /// The way from the root by which a reader came here ("image.config.width"), for error messages.
    var label = ""

    public init(_ content: Content, at location: YAMLLocation = .code) {
        self.content = content
        self.location = location
    }

    public var file: String { location.file }
    public var line: Int { location.line }
    public var column: Int { location.column }
}

extension YAMLNode: Equatable {
    public static func == (a: YAMLNode, b: YAMLNode) -> Bool {
        switch (a.content, b.content) {
        case (.scalar(let s, _), .scalar(let t, _)):
            Array(s.utf8) == Array(t.utf8) && (a.scalarKind == .string) == (b.scalarKind == .string)
        case (.sequence(let s), .sequence(let t)): s == t
        case (.mapping(let s), .mapping(let t)):
            s.count == t.count && zip(s, t).allSatisfy { $0.key == $1.key && $0.value == $1.value }
        default: false
        }
    }
}

// Making nodes in code.
extension YAMLNode {
    public static let null = YAMLNode(.scalar(text: "null", isQuoted: false))
    public static func string(_ text: String) -> YAMLNode { YAMLNode(.scalar(text: text, isQuoted: true)) }
    public static func bool(_ value: Bool) -> YAMLNode { YAMLNode(.scalar(text: "\(value)", isQuoted: false)) }
    public static func int(_ value: Int) -> YAMLNode { YAMLNode(.scalar(text: "\(value)", isQuoted: false)) }

    /// The shortest text that reads back as the same double; infinities and NaN in YAML's spelling.
    public static func double(_ value: Double) -> YAMLNode {
        let text = value.isNaN ? ".nan" : value.isInfinite ? (value < 0 ? "-.inf" : ".inf") : "\(value)"
        return YAMLNode(.scalar(text: text, isQuoted: false))
    }

    public static func sequence(_ nodes: [YAMLNode]) -> YAMLNode { YAMLNode(.sequence(nodes)) }

    /// A mapping in the order given. Of a key given twice the last value stays, in the first one's place.
    public static func mapping(_ pairs: KeyValuePairs<String, YAMLNode>) -> YAMLNode {
        mapping(pairs.map { ($0.key, $0.value) })
    }

    /// A mapping in the order given. Of a key given twice the last value stays, in the first one's place.
    public static func mapping(_ pairs: [(key: String, value: YAMLNode)]) -> YAMLNode {
        var entries: [Entry] = []
        var places: [String: Int] = [:]
        for (key, value) in pairs {
            if let place = places[key] {
                entries[place].value = value
            } else {
                places[key] = entries.count
                entries.append(Entry(key: key, value: value))
            }
        }
        return YAMLNode(.mapping(entries))
    }
}
