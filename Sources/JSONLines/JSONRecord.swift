import CSimdJSON

/// One line that holds a JSON object, checked in full: the keys of its top level in order, each with its value's text.
public struct JSONRecord: Sendable {
    struct Field: Sendable {
        var key: Range<Int>
        var value: Range<Int>
        var kind: JSONKind
        var keyHasEscapes: Bool
    }

    enum Floats: Sendable {
        case none
        case values([Float])
        case notNumbers(index: Int)
        case outOfRange(index: Int)
    }

    /// The line.
    public let bytes: [UInt8]
    let fields: [Field]
    /// What the array under the parser's float key held.
    let floats: Floats

    /// The keys, in order.
    public var keys: [String] { fields.map(name) }

    /// The kind of the value of `key`, or nil when there is no such key.
    public func kind(of key: String) -> JSONKind? { field(key)?.kind }

    /// Whether there is a value for `key`: null is none.
    public func has(_ key: String) -> Bool {
        guard let kind = kind(of: key) else { return false }
        return kind != .null
    }

    /// The value of `key` as it was written, or nil when there is no such key.
    public func raw(_ key: String) -> RawJSON? {
        field(key).map { RawJSON(unchecked: Array(bytes[$0.value]), kind: $0.kind) }
    }

    /// The string under `key`, or nil when there is no such key or its value is null; refused when it is no string.
    public func string(_ key: String) throws(RecordError) -> String? {
        guard let field = field(key), field.kind != .null else { return nil }
        guard field.kind == .string else {
            throw RecordError(code: "record.type", message: "'\(key)' must be a string, found \(field.kind)")
        }
        return bytes.withUnsafeBytes {
            decodedString(UnsafeRawBufferPointer(rebasing: $0[field.value.dropFirst().dropLast()]))
        }
    }

    /// The number under `key`, or nil when there is no such key or its value is null; refused when it is no number.
    public func number(_ key: String) throws(RecordError) -> Double? {
        guard let field = field(key), field.kind != .null else { return nil }
        guard field.kind == .number, let value = Double(String(decoding: bytes[field.value], as: UTF8.self)) else {
            throw RecordError(code: "record.type", message: "'\(key)' must be a number, found \(field.kind)")
        }
        return value
    }

    /// All fields but those named, in order, to pass through.
    public func fields(except names: [String]) -> [RawField] {
        fields.compactMap { field in
            guard !names.contains(where: { matches(field, $0) }) else { return nil }
            return RawField(
                unchecked: Array(bytes[field.key]),
                value: RawJSON(unchecked: Array(bytes[field.value]), kind: field.kind))
        }
    }

    func field(_ key: String) -> Field? { fields.first { matches($0, key) } }

    private func matches(_ field: Field, _ key: String) -> Bool {
        if field.keyHasEscapes { return Array(name(field).utf8) == Array(key.utf8) }
        return field.key.count == key.utf8.count && bytes[field.key].elementsEqual(key.utf8)
    }

    private func name(_ field: Field) -> String {
        bytes.withUnsafeBytes { decodedString(UnsafeRawBufferPointer(rebasing: $0[field.key])) }
    }
}

/// Parses lines into records with simdjson. Keeps its memory from line to line; for use by one thread at a time.
public final class JSONRecordParser {
    private let parser: OpaquePointer?
    private let maximumDepth: Int
    private let floatKey: String

    /// - Parameters:
    ///   - floatKey: The key whose array of numbers is read as float32 on the way.
    ///   - maximumDepth: Objects and arrays inside one another, the record itself included.
    public init(floatKey: String = "embedding", maximumDepth: Int = 64) {
        parser = csj_parser_create()
        self.floatKey = floatKey
        self.maximumDepth = max(1, min(maximumDepth, 512))
    }

    deinit { csj_parser_destroy(parser) }

    /// Reads one line, which must be one JSON object in UTF-8; a key given twice is refused. Errors tell the byte,
    /// counted from 1.
    ///
    /// Line feeds and carriage returns between values, which inputs that end with NUL may have, are left out: whatever
    /// passes through stays one line.
    public func parse(_ line: [UInt8]) throws(RecordError) -> JSONRecord {
        let record = try parseAsWritten(line)
        guard POSIX.contains(0x0A, line) || POSIX.contains(0x0D, line) else { return record }
        return try parseAsWritten(line.filter { $0 != 0x0A && $0 != 0x0D })
    }

    private func parseAsWritten(_ line: [UInt8]) throws(RecordError) -> JSONRecord {
        guard let parser else { throw RecordError(code: "json.memory", message: "not enough memory to read JSON") }
        let result = line.withUnsafeBufferPointer { bytes in
            csj_parse_object(parser, bytes.baseAddress, bytes.count, maximumDepth, floatKey)
        }
        guard result.status == CSJ_OK else { throw error(result, line) }
        let fields = UnsafeBufferPointer(start: result.fields, count: result.field_count).map { field in
            JSONRecord.Field(
                key: field.key_offset..<(field.key_offset + field.key_length),
                value: field.value_offset..<(field.value_offset + field.value_length),
                kind: JSONKind(field.kind), keyHasEscapes: field.key_has_escapes)
        }
        let floats: JSONRecord.Floats =
            switch result.floats {
            case CSJ_FLOATS_OK:
                .values(Array(UnsafeBufferPointer(start: result.float_values, count: result.float_count)))
            case CSJ_FLOATS_NOT_NUMBERS: .notNumbers(index: result.floats_error_index)
            case CSJ_FLOATS_OUT_OF_RANGE: .outOfRange(index: result.floats_error_index)
            default: .none
            }
        return JSONRecord(bytes: line, fields: fields, floats: floats)
    }

    private func error(_ result: csj_result, _ line: [UInt8]) -> RecordError {
        if Encodings.isUTF16(line) { return Encodings.error }
        let place = "at byte \(result.error_offset + 1)"
        let (code, message) =
            switch result.status {
            case CSJ_NOT_UTF8: ("json.utf8", "the line is not UTF-8 \(place)")
            case CSJ_NOT_AN_OBJECT: ("json.object", "the line is not a JSON object; it must start with '{'")
            case CSJ_TOO_DEEP: ("json.depth", "the JSON is nested more than \(maximumDepth) deep \(place)")
            case CSJ_BAD_STRING: ("json.syntax", "broken JSON: a bad escape in the string \(place)")
            case CSJ_BAD_NUMBER: ("json.syntax", "broken JSON: a malformed or too large number \(place)")
            case CSJ_DUPLICATE_KEY: ("json.duplicate", "broken JSON: the key \(place) was given before")
            case CSJ_OPEN_STRING: ("json.syntax", "broken JSON: the line ends inside a string")
            case CSJ_OPEN_OBJECT: ("json.syntax", "broken JSON: the line does not end with the '}' of its object")
            case CSJ_TRAILING: ("json.syntax", "broken JSON: something follows the object \(place)")
            case CSJ_NO_MEMORY: ("json.memory", "not enough memory to read a JSON line of \(line.count) bytes")
            default: ("json.syntax", "broken JSON \(place)")
            }
        return RecordError(code: code, message: message)
    }
}

extension JSONKind {
    init(_ kind: csj_kind) {
        switch kind {
        case CSJ_OBJECT: self = .object
        case CSJ_ARRAY: self = .array
        case CSJ_STRING: self = .string
        case CSJ_NUMBER: self = .number
        case CSJ_BOOL: self = .bool
        default: self = .null
        }
    }
}
