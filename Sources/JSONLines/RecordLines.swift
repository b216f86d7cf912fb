/// The lines of a stream of records: empty ones at its end are none; empty ones before are errors, so that ids stay
/// aligned; and so are those that are too long.
package final class RecordLines {
    package enum Item: Sendable {
        case line(LineReader.Line)
        case failed(ErrorRecord)
    }

    private let lines: LineReader
    /// Empty lines, which are errors only if something follows, and what follows.
    private var empty = 0..<0
    private var held: Item?

    package init(_ lines: LineReader) { self.lines = lines }

    var separator: LineReader.Separator { lines.separator }

    /// True when `next()` answers without waiting for input. Takes in what has arrived.
    var isReady: Bool {
        while held == nil {
            guard lines.isReady else { return false }
            // The end and a failure come again with `next()`.
            guard let item = try? lines.next() else { return true }
            take(item)
        }
        return true
    }

    package func next() throws(ReadError) -> Item? {
        while held == nil {
            guard let item = try lines.next() else { return nil }
            take(item)
        }
        if let number = empty.first {
            empty.removeFirst()
            return failure(number, "input.empty", "the line is empty")
        }
        defer { held = nil }
        return held
    }

    private func take(_ item: LineReader.Item) {
        switch item {
        case .line(let line) where line.bytes.isEmpty:
            empty = (empty.isEmpty ? line.number : empty.lowerBound)..<(line.number + 1)
        case .line(let line): held = .line(line)
        case .tooLong(let number, let length):
            let limit = lines.maximumLength
            held = failure(
                number, "line.length", "the line has \(length) bytes, more than the \(limit) a line may have")
        }
    }

    private func failure(_ line: Int, _ code: String, _ message: String) -> Item {
        .failed(ErrorRecord(id: RecordID(line: line), line: line, error: RecordError(code: code, message: message)))
    }
}
