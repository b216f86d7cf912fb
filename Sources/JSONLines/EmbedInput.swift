/// One thing to embed, as FORMAT.md has it under "Input".
public struct EmbedInput: Sendable, Hashable {
    public var id: RecordID
    /// The 1-based line of the input.
    public var line: Int
    public var content: RecordContent
    /// The fields that nobody here knows, to pass through.
    public var extra: [RawField]

    /// What a plain line is.
    public enum Mode: String, Sendable, CaseIterable {
        /// An image when it ends like one, else text.
        case auto
        case image, text
    }

    static func plain(_ bytes: [UInt8], line: Int, mode: Mode) throws(RecordError) -> EmbedInput {
        guard !bytes.allSatisfy({ $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }) else {
            throw RecordError(code: "input.empty", message: "the line is blank")
        }
        let content: RecordContent
        if mode == .image || mode == .auto && RecordPath.endsLikeImage(bytes) {
            content = .image(try RecordPath(bytes))
        } else if let text = String(validating: bytes, as: UTF8.self) {
            content = .text(text)
        } else {
            throw RecordError(
                code: "input.utf8",
                message: "the line is not UTF-8 text; convert it, or pass --as image if it is a path")
        }
        return EmbedInput(id: RecordID(line: line), line: line, content: content, extra: [])
    }

    init(id: RecordID, line: Int, content: RecordContent, extra: [RawField] = []) {
        self.id = id
        self.line = line
        self.content = content
        self.extra = extra
    }

    init(_ record: JSONRecord, id: RecordID, line: Int) throws(RecordError) {
        let given = ["image", "path_base64", "text"].filter { record.kind(of: $0) != nil }
        guard given.count < 2 else {
            throw RecordError(
                code: "input.both", message: "the record has both '\(given[0])' and '\(given[1])'; give one of them")
        }
        guard let key = given.first else {
            let hint = record.kind(of: "path") != nil ? "; write 'image' instead of 'path'" : ""
            throw RecordError(code: "input.neither", message: "the record has neither 'image' nor 'text'\(hint)")
        }
        self.id = id
        self.line = line
        if let path = try RecordContent.base64Path(record) {
            content = .image(path)
        } else if key == "image" {
            content = .image(try RecordPath(try record.string("image") ?? ""))
        } else {
            content = .text(try record.string("text") ?? "")
        }
        // What the output record writes itself cannot pass through as well.
        let written = ["id", "modality", "space", "embedding", key]
        extra = record.fields(except: key == "text" ? written : written + ["path", "path_base64"])
    }
}

/// Reads what is to be embedded, one item a line, in order.
public final class EmbedInputReader {
    public enum Item: Sendable {
        case input(EmbedInput)
        /// A line that is no good input.
        case failed(ErrorRecord)
        /// An error record from a command upstream, to pass on.
        case upstream(ErrorRecord)
    }

    private let lines: RecordLines
    private let mode: EmbedInput.Mode
    private let parser = JSONRecordParser()

    public init(_ lines: LineReader, mode: EmbedInput.Mode = .auto) {
        self.lines = RecordLines(lines)
        self.mode = mode
    }

    /// True when `next()` answers without waiting for input.
    public var isReady: Bool { lines.isReady }

    /// The next item, or nil at the end. Empty lines at the end of the stream are no items; others are errors.
    public func next() throws(ReadError) -> Item? {
        switch try lines.next() {
        case nil: nil
        case .failed(let record): .failed(record)
        case .line(let line): read(line)
        }
    }

    private func read(_ line: LineReader.Line) -> Item {
        var bytes = line.bytes
        if line.number == 1, bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes.removeFirst(3) }
        var id = RecordID(line: line.number)
        do throws(RecordError) {
            guard bytes.first(where: { $0 != 0x20 && $0 != 0x09 }) == UInt8(ascii: "{") else {
                return .input(try .plain(bytes, line: line.number, mode: mode))
            }
            let record = try parser.parse(bytes)
            if let error = ErrorRecord(record, line: line.number, parser: parser) { return .upstream(error) }
            id = try RecordID(record, line: line.number)
            return .input(try EmbedInput(record, id: id, line: line.number))
        } catch {
            return .failed(ErrorRecord(id: id, line: line.number, error: error))
        }
    }
}
