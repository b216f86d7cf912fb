public import YAML

/// A JSON file, read strictly and in one pass: vocabularies have millions of values, for which the reader of YAML, which
/// knows every value's line, takes seconds.
///
/// Refused, with line and column: whatever RFC 8259 does not allow, text that is not UTF-8, half surrogates, nesting
/// beyond 64. Taken beyond it: a byte order mark before the text, and the words `NaN` and `Infinity` of Python's json.
public final class JSONDocument: Sendable {
    /// For messages.
    public let file: String
    let bytes: [UInt8]
    let nodes: [Node]

    struct Node {
        enum Kind: UInt8 { case object, array, string, escapedString, number, yes, no, null }

        var kind: Kind
        /// The value's bytes; a string's without its quotes.
        var start: UInt32
        var end: UInt32
        /// The node after this one and all in it.
        var next: UInt32
    }

    /// Reads the file at `path`.
    public convenience init(contentsOf path: String) throws(YAMLError) {
        try self.init(SettingFile.bytes(path), file: path)
    }

    /// - Parameter file: where the text is from, for messages.
    public init(_ bytes: [UInt8], file: String) throws(YAMLError) {
        guard bytes.count <= SettingFile.limit else {
            throw SettingFile.error(file, "has more than \(SettingFile.limit) bytes", remedy: "name another file")
        }
        guard String(validating: bytes, as: UTF8.self) != nil else {
            throw SettingFile.error(file, "is not UTF-8", remedy: "fetch it again")
        }
        let bytes = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? Array(bytes.dropFirst(3)) : bytes
        var scanner = JSONScanner(count: bytes.count)
        do throws(JSONScanner.Fault) {
            try scanner.scan(bytes.span)
        } catch {
            throw Self.error(file, bytes, error.offset, error.message, remedy: "fetch the file again")
        }
        self.bytes = bytes
        self.file = file
        nodes = scanner.nodes
    }

    public var root: JSONValue { JSONValue(document: self, index: 0) }

    static func error(
        _ file: String, _ bytes: [UInt8], _ offset: Int, _ message: String, remedy: String
    ) -> YAMLError {
        let before = bytes[..<min(offset, bytes.count)]
        let line = before.lastIndex(of: 0x0A).map { $0 + 1 } ?? 0
        let column = before[line...].count { $0 & 0xC0 != 0x80 } + 1
        return YAMLError(
            at: YAMLLocation(file: file, line: before.count { $0 == 0x0A } + 1, column: column), message,
            remedy: remedy)
    }
}

/// A value in a JSON file.
public struct JSONValue: Sendable {
    let document: JSONDocument
    let index: Int

    private var node: JSONDocument.Node { document.nodes[index] }
    private var bytes: ArraySlice<UInt8> { document.bytes[Int(node.start)..<Int(node.end)] }

    /// An error at the value's place.
    public func error(_ message: String, remedy: String) -> YAMLError {
        JSONDocument.error(document.file, document.bytes, Int(node.start), message, remedy: remedy)
    }

    public var isNull: Bool { node.kind == .null }
    public var isObject: Bool { node.kind == .object }
    public var isString: Bool { node.kind == .string || node.kind == .escapedString }

    public func bool() throws(YAMLError) -> Bool {
        guard node.kind == .yes || node.kind == .no else { throw expected("true or false") }
        return node.kind == .yes
    }

    /// A whole number within `range`.
    public func int(in range: ClosedRange<Int>) throws(YAMLError) -> Int {
        guard node.kind == .number, let value = Int(String(decoding: bytes, as: UTF8.self)) else {
            throw expected("a whole number")
        }
        guard range.contains(value) else {
            throw error(
                "\(value) is outside of \(range.lowerBound)...\(range.upperBound)", remedy: "fetch the file again")
        }
        return value
    }

    /// A finite number.
    public func double() throws(YAMLError) -> Double {
        guard node.kind == .number, let value = Double(String(decoding: bytes, as: UTF8.self)), value.isFinite else {
            throw expected("a finite number")
        }
        return value
    }

    public func string() throws(YAMLError) -> String { String(decoding: try utf8(), as: UTF8.self) }

    /// A string's bytes in UTF-8.
    public func utf8() throws(YAMLError) -> [UInt8] {
        guard isString else { throw expected("a string") }
        return node.kind == .string ? Array(bytes) : JSONScanner.unescaped(bytes)
    }

    /// The values of an array.
    public func elements() throws(YAMLError) -> JSONElements {
        guard node.kind == .array else { throw expected("a list") }
        return JSONElements(document: document, index: index + 1, end: Int(node.next))
    }

    /// Names and values of an object, in the order of the file.
    public func members() throws(YAMLError) -> JSONMembers {
        guard node.kind == .object else { throw expected("an object") }
        return JSONMembers(values: JSONElements(document: document, index: index + 1, end: Int(node.next)))
    }

    /// The member of an object; nil where there is none.
    public func member(_ name: String) throws(YAMLError) -> JSONValue? {
        var found: JSONValue?
        for (key, value) in try members() where try key.string() == name {
            guard found == nil else { throw key.error("'\(name)' is given twice", remedy: "remove one of them") }
            found = value
        }
        return found
    }

    private func expected(_ what: String) -> YAMLError {
        error("\(what) is expected here", remedy: "fetch the file again")
    }
}

/// The values of an array, one after the other.
public struct JSONElements: Sequence, IteratorProtocol, Sendable {
    let document: JSONDocument
    var index: Int
    let end: Int

    public mutating func next() -> JSONValue? {
        guard index < end else { return nil }
        defer { index = Int(document.nodes[index].next) }
        return JSONValue(document: document, index: index)
    }
}

/// The members of an object, one after the other.
public struct JSONMembers: Sequence, IteratorProtocol, Sendable {
    var values: JSONElements

    public mutating func next() -> (name: JSONValue, value: JSONValue)? {
        guard let name = values.next(), let value = values.next() else { return nil }
        return (name, value)
    }
}
