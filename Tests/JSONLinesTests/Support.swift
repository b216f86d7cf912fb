import JSONLines

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

func parse(_ text: String) throws -> JSONRecord { try JSONRecordParser().parse(Array(text.utf8)) }

/// The code and message of the error that `body` throws.
func failure(_ body: () throws -> Void) -> String {
    do {
        try body()
        return "no error"
    } catch let error as RecordError {
        return "\(error.code): \(error.message)"
    } catch {
        return "\(error)"
    }
}

/// What a writer writes, through a pipe. The text must fit in the pipe's buffer.
func written(_ body: (RecordWriter) throws -> Void) throws -> String {
    var ends: [Int32] = [0, 0]
    guard pipe(&ends) == 0 else { return "no pipe" }
    defer { close(ends[0]) }
    let writer = RecordWriter(descriptor: ends[1])
    do {
        defer { close(ends[1]) }
        try body(writer)
        try writer.flush()
    }
    var text = ""
    let lines = LineReader(descriptor: ends[0])
    while case .line(let line)? = try lines.next() { text += String(decoding: line.bytes, as: UTF8.self) + "\n" }
    return text
}

/// The lines of a text: "12:abc", "13 too long: 9".
func split(_ reader: LineReader) throws -> [String] {
    var result: [String] = []
    while let item = try reader.next() {
        switch item {
        case .line(let line): result.append("\(line.number):\(String(decoding: line.bytes, as: UTF8.self))")
        case .tooLong(let number, let length): result.append("\(number) too long: \(length)")
        }
    }
    return result
}
