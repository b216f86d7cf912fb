import Checkpoints
import JSONLines
import Multimodal

/// The pairs of a JSON-lines file: pictures by path, captions as token ids.
struct PairList: Sendable {
    /// The file that was read.
    let file: String
    /// Each picture once, in the order of the file.
    private(set) var imagePaths: [String] = []
    /// Where each picture was named first.
    private(set) var imageLines: [Int] = []
    /// For each pair, its picture.
    private(set) var images: [Int] = []
    /// Tokens in the longest caption.
    private(set) var longest = 0
    /// Captions that did not fit the context.
    private(set) var truncated = 0

    private var tokens: [Int32] = []
    private var offsets = [0]

    var count: Int { images.count }

    /// The ids of a caption, start and end included.
    func tokens(of pair: Int) -> ArraySlice<Int32> { tokens[offsets[pair]..<offsets[pair + 1]] }

    /// Reads `limit` lines at most; blank lines do not count, keys other than `image` and `text` are left alone.
    /// - Throws: at the first bad line, with its number.
    init(_ path: String, limit: Int?, tokenizer: any Tokenizer, contextLength: Int) throws {
        file = path
        let folder = FileSystem.folder(of: path)
        let reader = LineReader(bytes: try MappedFile(path).withBytes(Array.init), name: path, maximumLength: 1 << 20)
        let parser = JSONRecordParser()
        var known: [String: Int] = [:]
        while count < limit ?? .max, let item = try reader.next() {
            guard case .line(let line) = item else {
                throw TrainingError("\(path): a line is longer than 1 MiB; is this the file of pairs?")
            }
            if line.bytes.allSatisfy({ $0 == 0x20 || $0 == 0x09 }) { continue }
            do throws(RecordError) {
                let record = try parser.parse(line.bytes)
                guard let image = try record.string("image"), let text = try record.string("text") else {
                    throw RecordError(code: "record.fields", message: "a pair needs 'image' and 'text'")
                }
                guard !image.isEmpty else { throw RecordError(code: "record.fields", message: "'image' is empty") }
                let resolved = FileSystem.resolve(image, in: folder)
                if let index = known[resolved] {
                    images.append(index)
                } else {
                    known[resolved] = imagePaths.count
                    images.append(imagePaths.count)
                    imagePaths.append(resolved)
                    imageLines.append(line.number)
                }
                let caption = tokenizer.tokenize(text, contextLength: contextLength)
                tokens += caption.ids
                offsets.append(tokens.count)
                longest = max(longest, caption.ids.count)
                if caption.truncated > 0 { truncated += 1 }
            } catch {
                throw TrainingError("\(path):\(line.number): \(error.message)")
            }
        }
    }
}
