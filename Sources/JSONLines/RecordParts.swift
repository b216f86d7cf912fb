/// What a record is called: a JSON string or number, passed through as it was given.
public struct RecordID: Sendable, Hashable, CustomStringConvertible {
    public let json: RawJSON

    private init(json: RawJSON) { self.json = json }

    public init(_ text: String) { self.init(json: RawJSON(text)) }

    /// The id of a record that brings none: its 1-based line number, as a string.
    public init(line: Int) { self.init("\(line)") }

    /// The id of a parsed record, or that of its line when it has none; refused when it is no string or number.
    init(_ record: JSONRecord, line: Int) throws(RecordError) {
        guard record.has("id"), let raw = record.raw("id") else {
            self.init(line: line)
            return
        }
        guard raw.kind == .string || raw.kind == .number else {
            throw RecordError(code: "record.type", message: "'id' must be a string or a number, found \(raw.kind)")
        }
        self.init(json: raw)
    }

    /// The string without quotes and escapes, or the number as it was written.
    public var description: String { json.string ?? json.text }
}

/// The two kinds of things that have embeddings.
public enum Modality: String, Sendable, CaseIterable { case image, text }

/// A path of a file as the system has it: bytes without NUL, which need not be text.
public struct RecordPath: Sendable, Hashable, CustomStringConvertible {
    public let bytes: [UInt8]

    /// Refuses empty paths and those with a NUL inside.
    public init(_ bytes: [UInt8]) throws(RecordError) {
        guard !bytes.isEmpty else { throw RecordError(code: "input.empty", message: "the path of the image is empty") }
        guard !bytes.contains(0) else {
            throw RecordError(code: "input.path", message: "the path of the image has a NUL character inside")
        }
        self.bytes = bytes
    }

    public init(_ string: String) throws(RecordError) { try self.init(Array(string.utf8)) }

    /// The path as text, or nil when it is not UTF-8.
    public var string: String? { String(validating: bytes, as: UTF8.self) }

    /// The path for messages: bytes that are no text show as U+FFFD.
    public var description: String { String(decoding: bytes, as: UTF8.self) }

    /// Calls `body` with the path as the system's functions want it.
    public func withCString<T>(_ body: (UnsafePointer<CChar>) throws -> T) rethrows -> T {
        try (bytes.map { CChar(bitPattern: $0) } + [0]).withUnsafeBufferPointer { buffer in
            // The array has at least its NUL, so there is a base address.
            guard let base = buffer.baseAddress else { return try body("") }
            return try body(base)
        }
    }
}

/// What an embedding is of.
public enum RecordContent: Sendable, Hashable {
    case image(RecordPath)
    case text(String)

    public var modality: Modality {
        switch self {
        case .image: .image
        case .text: .text
        }
    }

    /// Writes `path`, `path_base64` (for paths that are not UTF-8) or `text`.
    func write(to object: inout ObjectWriter) {
        switch self {
        case .text(let text): object.string("text", text)
        case .image(let path):
            if let string = path.string {
                object.string("path", string)
            } else {
                object.string("path_base64", Base64.encode(path.bytes))
            }
        }
    }

    /// The path in `path_base64`, or nil when there is no such key.
    package static func base64Path(_ record: JSONRecord) throws(RecordError) -> RecordPath? {
        guard let text = try record.string("path_base64") else { return nil }
        guard let bytes = Base64.decode(Array(text.utf8)[...]) else {
            throw RecordError(code: "input.path", message: "'path_base64' is not valid base64")
        }
        return try RecordPath(bytes)
    }
}
