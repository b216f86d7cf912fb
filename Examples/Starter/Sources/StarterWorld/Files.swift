import Imaging

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Why the command stopped, in one sentence.
struct Failure: Error, CustomStringConvertible {
    var description: String
}

/// A file being written; closing it reports what could not be written.
final class OutputFile {
    private let handle: UnsafeMutablePointer<FILE>
    private let path: String

    init(_ path: String) throws {
        guard let handle = fopen(path, "wb") else {
            throw Failure(description: "\(path): cannot be written (\(String(cString: strerror(errno)))).")
        }
        self.handle = handle
        self.path = path
    }

    func write(_ bytes: [UInt8]) throws {
        guard fwrite(bytes, 1, bytes.count, handle) == bytes.count else {
            throw Failure(description: "\(path): writing failed (\(String(cString: strerror(errno)))).")
        }
    }

    func write(line: String) throws { try write(Array((line + "\n").utf8)) }

    func close() throws {
        guard fclose(handle) == 0 else {
            throw Failure(description: "\(path): writing failed (\(String(cString: strerror(errno)))).")
        }
    }
}

/// Makes a folder and those above it; one that exists is fine.
func makeFolder(_ path: String) throws {
    var sofar = path.hasPrefix("/") ? "/" : ""
    for part in path.split(separator: "/") {
        sofar += (sofar.isEmpty || sofar.hasSuffix("/") ? "" : "/") + part
        guard mkdir(sofar, 0o777) == 0 || errno == EEXIST else {
            throw Failure(description: "\(sofar): cannot be made (\(String(cString: strerror(errno)))).")
        }
    }
}

/// Pictures in folders of a thousand, `images/000/000042.png`, under one root.
struct PictureFolder {
    let root: String
    private var made: Set<Int> = []

    init(root: String) { self.root = root }

    /// Writes picture `number` and returns its path under the root.
    mutating func write(_ pixels: [UInt8], number: Int) throws -> String {
        func padded(_ value: Int, _ width: Int) -> String {
            let digits = String(value)
            return String(repeating: "0", count: max(0, width - digits.count)) + digits
        }
        let folder = "images/" + padded(number / 1000, 3)
        if made.insert(number / 1000).inserted { try makeFolder(root + "/" + folder) }
        let path = "\(folder)/\(padded(number, 6)).png"
        let file = try OutputFile(root + "/" + path)
        try file.write(Image(width: Painter.side, height: Painter.side, pixels: pixels).pngData())
        try file.close()
        return path
    }
}

/// A JSON string; captions hold no control characters.
func quoted(_ text: String) -> String {
    var result = "\""
    for character in text {
        if character == "\"" || character == "\\" { result += "\\" }
        result.append(character)
    }
    return result + "\""
}
