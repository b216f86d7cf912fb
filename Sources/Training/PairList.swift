import Checkpoints
import JSONLines
import Multimodal

/// The pairs of a JSON-lines file: images by path, captions as token ids.
///
/// Every line that is not blank is a pair, so that a line's place in the order of a run does not depend on what is wrong
/// with others; what is wrong with a line is kept in its place.
struct PairList: Sendable {
    /// The file that was read.
    let file: String
    /// Each image once, in the order of the file; paths as the system has them, which need not be text.
    private(set) var imagePaths: [[UInt8]] = []
    /// Where each image was named first.
    private(set) var imageLines: [Int] = []
    /// For each pair, its image; -1 where the line is bad.
    private(set) var images: [Int] = []
    /// The lines that are no pair.
    private(set) var failures: [DataFailure] = []
    /// Tokens in the longest caption.
    private(set) var longest = 0
    /// Captions that did not fit the context.
    private(set) var truncated = 0

    private var tokens: [Int32] = []
    private var offsets = [0]

    var count: Int { images.count }

    /// The ids of a caption, start and end included.
    func tokens(of pair: Int) -> ArraySlice<Int32> { tokens[offsets[pair]..<offsets[pair + 1]] }

    /// Reads `limit` pairs at most; blank lines do not count, a byte order mark is skipped, keys other than `image` (or
    /// `path_base64`, for a path that is not UTF-8) and `text` are left alone.
    /// - Throws: where the file cannot be read. Lines that are no pair are `failures`.
    init(_ path: String, limit: Int?, tokenizer: any Tokenizer, contextLength: Int) throws {
        file = path
        let folder = Array(FileSystem.folder(of: path).utf8)
        let reader = LineReader(bytes: try MappedFile(path).withBytes(Array.init), name: path, maximumLength: 1 << 20)
        let parser = JSONRecordParser()
        var known: [[UInt8]: Int] = [:]
        while count < limit ?? .max, let item = try reader.next() {
            switch item {
            case .tooLong(let number, let length):
                fail(number, "the line has \(length) bytes, more than the 1048576 a pair may have")
            case .line(let line):
                if line.bytes.allSatisfy({ $0 == 0x20 || $0 == 0x09 }) { continue }
                do throws(RecordError) {
                    let (image, text) = try Self.pair(parser.parse(line.bytes))
                    add(Self.resolve(image.bytes, in: folder), line.number, &known)
                    let caption = tokenizer.tokenize(text, contextLength: contextLength)
                    tokens += caption.ids
                    offsets.append(tokens.count)
                    longest = max(longest, caption.ids.count)
                    if caption.truncated > 0 { truncated += 1 }
                } catch {
                    fail(line.number, error.message)
                }
            }
        }
    }

    private mutating func add(_ path: [UInt8], _ line: Int, _ known: inout [[UInt8]: Int]) {
        if let index = known[path] { return images.append(index) }
        known[path] = imagePaths.count
        images.append(imagePaths.count)
        imagePaths.append(path)
        imageLines.append(line)
    }

    private mutating func fail(_ line: Int, _ message: String) {
        failures.append(DataFailure(file: file, line: line, message: message))
        images.append(-1)
        offsets.append(tokens.count)
    }

    private static func pair(_ record: JSONRecord) throws(RecordError) -> (image: RecordPath, text: String) {
        let image = try record.string("image")
        let encoded = try RecordContent.base64Path(record)
        guard let text = try record.string("text"), image != nil || encoded != nil else {
            throw RecordError(code: "record.fields", message: "a pair needs 'image' and 'text'")
        }
        guard image == nil || encoded == nil else {
            throw RecordError(code: "record.fields", message: "the pair has both 'image' and 'path_base64'")
        }
        guard text.contains(where: { !$0.isWhitespace }) else {
            throw RecordError(code: "record.fields", message: "'text' is blank")
        }
        if let encoded { return (encoded, text) }
        guard let image, !image.isEmpty else {
            throw RecordError(code: "record.fields", message: "'image' is empty")
        }
        return (try RecordPath(image), text)
    }

    private static func resolve(_ path: [UInt8], in folder: [UInt8]) -> [UInt8] {
        if path.first == UInt8(ascii: "/") || folder == [UInt8(ascii: ".")] { return path }
        return folder + (folder.last == UInt8(ascii: "/") ? [] : [UInt8(ascii: "/")]) + path
    }
}
