// Typed reading. Every function throws a `YAMLError` that names the place, what was expected and what is there.
extension YAMLNode {
    /// A string: quoted, or plain text that is no number, boolean or null (`name: 1` is refused, `name: "1"` is not).
    public func string() throws(YAMLError) -> String {
        guard case .scalar(let text, _) = content else { throw mismatch("a string") }
        guard scalarKind == .string else {
            throw mismatch("a string", remedy: isNull ? "write a value" : "put it in quotes: \"\(text)\"")
        }
        return text
    }

    /// The text of any scalar as it was written, whatever its kind.
    public func text() throws(YAMLError) -> String {
        guard case .scalar(let text, _) = content else { throw mismatch("a single value") }
        return text
    }

    /// `true` or `false`, nothing else.
    public func bool() throws(YAMLError) -> Bool {
        guard scalarKind == .bool, case .scalar(let text, _) = content else {
            throw mismatch("true or false")
        }
        return text == "true"
    }

    /// A whole number: decimal, `0x` or `0o`.
    public func int() throws(YAMLError) -> Int {
        guard scalarKind == .integer, case .scalar(let text, _) = content else { throw mismatch("a whole number") }
        guard let value = Self.integer(text) else {
            throw error(
                "\(subject)is \(text), which does not fit in \(Int.bitWidth) bits", remedy: "use a smaller number")
        }
        return value
    }

    /// A whole number within a range.
    public func int(in range: ClosedRange<Int>) throws(YAMLError) -> Int {
        let value = try int()
        guard range.contains(value) else {
            let bounds =
                range.upperBound == .max ? "at least \(range.lowerBound)" : "\(range.lowerBound) to \(range.upperBound)"
            throw error("\(subject)is \(value)", remedy: "use \(bounds)")
        }
        return value
    }

    /// A finite number, whole or not.
    public func double() throws(YAMLError) -> Double {
        guard case .scalar(let text, _) = content, let kind = scalarKind, kind == .integer || kind == .float else {
            throw mismatch("a number")
        }
        let value = kind == .integer ? Self.integer(text).map(Double.init) ?? Double(text) : Self.float(text)
        guard let value, value.isFinite else {
            throw error("\(subject)is \(text), which is no finite number", remedy: "use a finite number")
        }
        return value
    }

    /// The float32 nearest to a number, rounded once; refused where the number is beyond float32.
    public func float() throws(YAMLError) -> Float {
        let double = try double()
        guard case .scalar(let text, _) = content, let value = Float(text) else {
            return Float(double)  // `0o`
        }
        guard value.isFinite else {
            throw error("\(subject)is \(text), which is beyond float32", remedy: "use a smaller number")
        }
        return value
    }

    /// One of the allowed strings; another is refused with the nearest allowed one.
    public func string(oneOf allowed: [String]) throws(YAMLError) -> String {
        let value = try string()
        guard allowed.contains(value) else {
            throw error("\(subject)is '\(value)'", remedy: NearestName.remedy(for: value, among: allowed))
        }
        return value
    }

    /// A case of an enumeration of strings; another string is refused with the nearest case.
    public func value<E: CaseIterable & RawRepresentable<String>>(of type: E.Type) throws(YAMLError) -> E {
        let allowed = E.allCases.map(\.rawValue)
        let name = try string(oneOf: allowed)
        guard let value = E(rawValue: name) else { throw mismatch("one of \(allowed.joined(separator: ", "))") }
        return value
    }

    /// The elements of a sequence.
    public func array() throws(YAMLError) -> [YAMLNode] {
        guard case .sequence(let nodes) = content else { throw mismatch("a list") }
        return nodes.enumerated().map { $1.labelled("\(label)[\($0)]") }
    }

    /// The elements of a sequence, each read: `try node.array { try $0.double() }`
    public func array<T>(_ read: (YAMLNode) throws -> T) throws -> [T] {
        try array().map(read)
    }

    /// A reader over a mapping that notices keys nobody asked for.
    public func mapping() throws(YAMLError) -> YAMLMapping {
        guard case .mapping(let entries) = content else { throw mismatch("a mapping of keys to values") }
        return YAMLMapping(node: self, entries: entries)
    }

    /// An error at this node, for checks of the caller's own: `throw node.error("width must divide by heads")`
    public func error(_ message: String, remedy: String = "") -> YAMLError {
        YAMLError(at: location, message, remedy: remedy)
    }

    /// The way from the root to this node as readers came here ("image.config.width"), empty at the root.
    public var path: String { label }

    var subject: String { label.isEmpty ? "the value " : "'\(label)' " }

    func labelled(_ label: String) -> YAMLNode {
        var copy = self
        copy.label = label
        return copy
    }

    private func mismatch(_ expected: String, remedy: String = "") -> YAMLError {
        error("\(subject)must be \(expected), found \(summary)", remedy: remedy)
    }

    private var summary: String {
        switch content {
        case .sequence: return "a list"
        case .mapping: return "a mapping"
        case .scalar(let text, let isQuoted):
            let short = text.count > 40 ? text.prefix(40) + "…" : text[...]
            return isNull ? "nothing" : isQuoted ? "\"\(short)\"" : "'\(short)'"
        }
    }
}
