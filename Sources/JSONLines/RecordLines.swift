/// The lines of a stream of records: empty ones at its end are none; empty ones before are errors, so that ids stay
/// aligned; and so are those that are too long.
final class RecordLines {
    enum Item {
        case line(LineReader.Line)
        case failed(ErrorRecord)
    }

    private let lines: LineReader
    /// Empty lines, which are errors only if something follows, and what follows.
    private var empty = 0..<0
    private var held: Item?

    init(_ lines: LineReader) { self.lines = lines }

    var isReady: Bool { held != nil || lines.isReady }

    func next() throws(ReadError) -> Item? {
        while held == nil {
            switch try lines.next() {
            case nil: return nil
            case .line(let line) where line.bytes.isEmpty:
                empty = (empty.isEmpty ? line.number : empty.lowerBound)..<(line.number + 1)
            case .line(let line): held = .line(line)
            case .tooLong(let number, let length):
                let limit = lines.maximumLength
                held = failure(
                    number, "line.length", "the line has \(length) bytes, more than the \(limit) a line may have")
            }
        }
        if let number = empty.first {
            empty.removeFirst()
            return failure(number, "input.empty", "the line is empty")
        }
        defer { held = nil }
        return held
    }

    private func failure(_ line: Int, _ code: String, _ message: String) -> Item {
        .failed(ErrorRecord(id: RecordID(line: line), line: line, error: RecordError(code: code, message: message)))
    }
}
