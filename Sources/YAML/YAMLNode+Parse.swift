/// What a YAML text may cost at most. The text need not be trusted.
public struct YAMLLimits: Sendable {
    /// Bytes of the text.
    public var bytes = 16 << 20
    /// Collections inside one another.
    public var depth = 64
    /// Nodes, each alias counted with all that it stands for.
    public var nodes = 1 << 16

    public init() {}
}

extension YAMLNode {
    /// Reads one YAML document. An empty text is a null scalar.
    ///
    /// Anchors and aliases work, within `limits.nodes`. Refused, with line and column: bad YAML, text that is not
    /// UTF-8, several documents, keys given twice or that are no scalars, the merge key `<<`, tags other than `!!str`.
    /// - Parameter file: The name for error messages.
    public static func parse(
        _ text: String, file: String, limits: YAMLLimits = YAMLLimits()
    ) throws(YAMLError) -> YAMLNode {
        try parse(Array(text.utf8), file: file, limits: limits)
    }

    /// Reads one YAML document from UTF-8 bytes; see `parse(_:file:limits:)` for text.
    public static func parse(
        _ bytes: [UInt8], file: String, limits: YAMLLimits = YAMLLimits()
    ) throws(YAMLError) -> YAMLNode {
        guard bytes.count <= limits.bytes else {
            throw YAMLError(
                at: YAMLLocation(file: file, line: 0, column: 0),
                "\(bytes.count) bytes are more than the \(limits.bytes) a YAML file may have",
                remedy: "check that this is the file that was meant")
        }
        let parser = EventParser(bytes: bytes, file: file, limits: limits)
        return try parser.document()
    }

    /// Reads the YAML file at `path`, which is also the file's name in error messages.
    public static func load(_ path: String, limits: YAMLLimits = YAMLLimits()) throws(YAMLError) -> YAMLNode {
        try parse(readFile(path, limit: limits.bytes), file: path, limits: limits)
    }
}
