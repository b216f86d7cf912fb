/// Why a merge file cannot be used.
public struct MergeTableError: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Reason: Hashable, Sendable {
        /// The file cannot be read; the text is the system's.
        case unreadable(String)
        /// A gzip file that ends early or whose bytes are damaged; the text is zlib's.
        case damagedGzip(String)
        case notUTF8
        /// A line that is not two symbols and one space between them.
        case notAPair(String)
        /// A symbol that is neither a byte's character nor made by a line above.
        case unknownSymbol(String)
        /// A merge whose left part ends a word, so that nothing can follow it.
        case leftEndsWord(String)
        /// A symbol that a line above makes already.
        case duplicate(String)
        /// Fewer merges than the vocabulary asked for needs.
        case tooFew(merges: Int, needed: Int)
        /// A vocabulary smaller than the 512 byte symbols and the two special tokens.
        case tooSmall(vocabularySize: Int)
    }

    public var file: String
    /// Counted from 1; 0 where the trouble is with the file as a whole.
    public var line: Int
    public var reason: Reason

    public init(file: String, line: Int, reason: Reason) {
        self.file = file
        self.line = line
        self.reason = reason
    }

    public var description: String {
        "\(file):\(line > 0 ? "\(line):" : "") \(reason)"
    }
}

extension MergeTableError.Reason: CustomStringConvertible {
    public var description: String {
        switch self {
        case .unreadable(let why): "cannot be read: \(why); check the path and its permissions"
        case .damagedGzip(let why): "is not whole as gzip (\(why)); fetch it again"
        case .notUTF8: "is not UTF-8; a merge file is text, or that text as gzip"
        case .notAPair(let line):
            "'\(Self.shortened(line))' is not a merge; write two symbols with one space between them"
        case .unknownSymbol(let symbol):
            "the symbol '\(Self.shortened(symbol))' is made by no line above; keep the merges as they were learned"
        case .leftEndsWord(let symbol):
            "'\(Self.shortened(symbol))' ends a word, so nothing can follow it; remove the line"
        case .duplicate(let symbol): "the symbol '\(Self.shortened(symbol))' is made a second time; remove the line"
        case .tooFew(let merges, let needed):
            "has \(merges) merges where the vocabulary asked for needs \(needed); lower vocabularySize"
        case .tooSmall(let size):
            "\(size) ids have no room for bytes and special tokens; ask for \(MergeTable.smallestVocabulary) or more"
        }
    }

    /// Its first 60 characters, with `?` for those that would play with a terminal.
    private static func shortened(_ text: String) -> String {
        let scalars = text.unicodeScalars.prefix(60).map {
            $0.value < 0x20 || 0x7F..<0xA0 ~= $0.value ? "?" : $0
        }
        return String(String.UnicodeScalarView(scalars)) + (text.unicodeScalars.count > 60 ? "…" : "")
    }
}
