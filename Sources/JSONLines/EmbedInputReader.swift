/// Reads what is to be embedded, in order: one item a line, or one an argument.
public final class EmbedInputReader {
    public enum Item: Sendable {
        case input(EmbedInput)
        /// A line that is no good input.
        case failed(ErrorRecord)
        /// An error record from a command upstream, to pass on.
        case upstream(ErrorRecord)
    }

    private enum Source {
        case lines(RecordLines)
        /// What is left of the arguments, and how many were read.
        case arguments(ArraySlice<[UInt8]>, read: Int)
    }

    private var source: Source
    private let mode: EmbedInput.Mode
    private let takesPairs: Bool
    private let takesTexts: Bool
    private let parser = JSONRecordParser()
    /// What a pair's record gives beyond its first item.
    private var pending: [Item] = []
    private var isUTF16 = false

    /// - Parameters:
    ///   - mode: what plain lines are.
    ///   - pairs: Whether a record may have both an image and a text: it is two inputs then, whose ids end with `/image`
    ///     and `/text`.
    public init(_ lines: LineReader, mode: EmbedInput.Mode = .auto, pairs: Bool = false) {
        source = .lines(RecordLines(lines))
        self.mode = mode
        takesPairs = pairs
        takesTexts = true
    }

    /// Reads arguments of a program. Each is what the same plain line would be, and never a record.
    /// - Parameter takesTexts: Whether they may be texts.
    public init(arguments: [[UInt8]], mode: EmbedInput.Mode = .auto, takesTexts: Bool = true) {
        source = .arguments(arguments[...], read: 0)
        self.mode = mode
        self.takesTexts = takesTexts
        takesPairs = false
    }

    /// True when `next()` answers without waiting for input.
    public var isReady: Bool {
        guard pending.isEmpty, case .lines(let lines) = source else { return true }
        return lines.isReady
    }

    /// The next item, or nil at the end. Empty lines at the end of the stream are no items; others are errors.
    public func next() throws(ReadError) -> Item? {
        if !pending.isEmpty { return pending.removeFirst() }
        switch source {
        case .arguments(var rest, let count):
            guard let bytes = rest.popFirst() else { return nil }
            source = .arguments(rest, read: count + 1)
            return plain(bytes, line: count + 1)
        case .lines(let lines):
            switch try lines.next() {
            case nil: return nil
            case .failed(let record): return .failed(record)
            case .line(let line): return read(line, endsWithNUL: lines.separator == .nul)
            }
        }
    }

    private func read(_ line: LineReader.Line, endsWithNUL: Bool) -> Item {
        if line.number == 1, let error = misread(line, endsWithNUL: endsWithNUL) { return failure(error, line: 1) }
        guard line.bytes.first(where: { !PlainLine.isBlank($0) }) == UInt8(ascii: "{") else {
            return plain(line.bytes, line: line.number)
        }
        var id = RecordID(line: line.number)
        do throws(RecordError) {
            let record = try parser.parse(line.bytes)
            if let error = ErrorRecord(record, line: line.number, parser: parser) { return .upstream(error) }
            id = try RecordID(record, line: line.number)
            let keys = try EmbedInput.contentKeys(record, pairs: takesPairs)
            guard keys.count > 1 else {
                return .input(try EmbedInput(record, key: keys[0], id: id, line: line.number))
            }
            pending = keys.map { item(record, $0, id, line.number) }
            return pending.removeFirst()
        } catch {
            return failure(error, id, line: line.number)
        }
    }

    /// What the first line tells of the whole input: that it is no list, or one that is read wrongly.
    private func misread(_ line: LineReader.Line, endsWithNUL: Bool) -> RecordError? {
        isUTF16 = Encodings.hasUTF16Mark(line.bytes)
        guard mode != .text else { return nil }
        if let format = Encodings.binaryFormat(line.bytes) {
            source = .arguments([], read: 0)  // nothing that follows is a line
            return RecordError(
                code: "input.binary",
                message: "the input is \(format), not a list; give its name instead, as a line or an argument")
        }
        let first = line.bytes.first { !PlainLine.isBlank($0) }
        if endsWithNUL, !line.hasEnd, first != UInt8(ascii: "{"), PlainLine.trim(line.bytes).contains(0x0A),
            FileNames.find(line.bytes) == nil
        {
            return RecordError(
                code: "input.nul",
                message: "the input has line feeds and no NUL, though --null says that NUL ends its lines; leave it out"
            )
        }
        return nil
    }

    /// One half of a pair.
    private func item(_ record: JSONRecord, _ key: String, _ id: RecordID, _ line: Int) -> Item {
        let id = RecordID("\(id)/\(key == "text" ? "text" : "image")")
        do throws(RecordError) {
            return .input(try EmbedInput(record, key: key, id: id, line: line))
        } catch {
            return failure(error, id, line: line)
        }
    }

    private func plain(_ bytes: [UInt8], line: Int) -> Item {
        do throws(RecordError) {
            if isUTF16 { throw Encodings.error }
            let content = try PlainLine.content(bytes, mode: mode)
            if !takesTexts, case .text = content {
                throw RecordError(
                    code: "input.file",
                    message: "\(PlainLine.excerpt(bytes)) does not end like an image, and there is no such file; "
                        + "\(PlainLine.remedy)")
            }
            return .input(EmbedInput(id: RecordID(line: line), line: line, content: content))
        } catch {
            return failure(error, line: line)
        }
    }

    private func failure(_ error: RecordError, _ id: RecordID? = nil, line: Int) -> Item {
        .failed(ErrorRecord(id: id ?? RecordID(line: line), line: line, error: error))
    }
}
