import Multimodal

extension MergeTable {
    /// Reads a merge file: the published `bpe_simple_vocab_16e6.txt.gz`, a `merges.txt` as Hugging Face and
    /// `clip tokenizer train` write it, with or without its `#version` line, and either of them as gzip or not.
    ///
    /// - Parameters:
    ///   - path: the file.
    ///   - vocabularySize: how many ids to have, leaving out the last merges; nil takes all merges, of the published
    ///     file the 48,894 that openai/CLIP takes.
    public init(contentsOf path: String, vocabularySize: Int? = nil) throws(MergeTableError) {
        self = try Self.read(path, vocabularySize: vocabularySize).table
    }

    static func read(
        _ path: String, vocabularySize: Int?
    ) throws(MergeTableError) -> (table: MergeTable, symbols: ByteStringTable) {
        let wanted = try vocabularySize.map { size throws(MergeTableError) in
            guard size >= Self.smallestVocabulary else {
                throw MergeTableError(file: path, line: 0, reason: .tooSmall(vocabularySize: size))
            }
            return size - Self.smallestVocabulary
        }
        let bytes = try MergeFile.contents(path) { bytes in
            guard let count = wanted ?? (MergeReader.isPublished(bytes) ? Self.publishedMergeCount : nil) else {
                return false
            }
            return bytes.count { $0 == 0x0A } > count
        }
        return try read(bytes, file: path, mergeCount: wanted)
    }

    /// - Parameter mergeCount: how many merges to take; nil takes them all, or those openai/CLIP takes.
    package init(text: [UInt8], file: String, mergeCount: Int? = nil) throws(MergeTableError) {
        self = try Self.read(text, file: file, mergeCount: mergeCount).table
    }

    /// The table, and the spellings of its symbols by their number.
    static func read(
        _ text: [UInt8], file: String, mergeCount: Int?
    ) throws(MergeTableError) -> (table: MergeTable, symbols: ByteStringTable) {
        var reader = MergeReader(file: file, text: text)
        reader.skipHeader()
        let wanted = mergeCount ?? (MergeReader.isPublished(text) ? Self.publishedMergeCount : nil)
        let (table, symbols) = try reader.read(wanted)
        if let wanted, table.merges.count < wanted {
            throw MergeTableError(file: file, line: 0, reason: .tooFew(merges: table.merges.count, needed: wanted))
        }
        return (table, symbols)
    }
}

/// Reads the lines of a merge file.
private struct MergeReader {
    let file: String
    let text: [UInt8]
    private var index = 0
    private var line = 1

    init(file: String, text: [UInt8]) {
        self.file = file
        self.text = text
    }

    /// The first line, if it is a header and no merge.
    private static func header(_ text: [UInt8]) -> String? {
        let header = text.prefix(200).prefix { $0 != 0x0A }
        let line = String(decoding: header, as: UTF8.self)
        return line.contains("#version:") ? line : nil
    }

    /// Whether this is the file that openai/CLIP published.
    static func isPublished(_ text: [UInt8]) -> Bool { header(text)?.contains("bpe_simple_vocab_16e6") ?? false }

    mutating func skipHeader() {
        guard Self.header(text) != nil else { return }
        index = text.firstIndex(of: 0x0A).map { $0 + 1 } ?? text.count
        line = 2
    }

    mutating func read(_ wanted: Int?) throws(MergeTableError) -> (table: MergeTable, symbols: ByteStringTable) {
        // The shortest line is of four bytes, the usual one of more than eight.
        var table = MergeTable(capacity: min(wanted ?? .max, text.count / 8))
        var symbols = ByteStringTable(capacity: 1 << 16)
        for ending in [[], ByteAlphabet.endOfWord] {
            for symbol in ByteAlphabet.symbols {
                _ = symbols.insert((symbol + ending).span, 0..<(symbol.count + ending.count))
            }
        }
        var joined: [UInt8] = []
        while index < text.count, wanted.map({ table.merges.count < $0 }) ?? true {
            var end = text[index...].firstIndex(of: 0x0A) ?? text.count
            let next = end + 1
            if end > index, text[end - 1] == 0x0D { end -= 1 }
            // A blank line is allowed at the end only.
            if end == index, text[index...].allSatisfy({ $0 == 0x0A || $0 == 0x0D }) { break }
            let (left, right) = try split(index..<end)
            guard let leftID = symbols.find(text.span, left) else { throw unknown(left) }
            guard let rightID = symbols.find(text.span, right) else { throw unknown(right) }
            if endsWord(left) { throw failure(.leftEndsWord(string(left))) }
            joined.removeAll(keepingCapacity: true)
            joined.append(contentsOf: text[left])
            joined.append(contentsOf: text[right])
            guard symbols.insert(joined.span, 0..<joined.count).isNew else {
                throw failure(.duplicate(String(decoding: joined, as: UTF8.self)))
            }
            table.append(UInt32(leftID), UInt32(rightID))
            index = next
            line += 1
        }
        return (table, symbols)
    }

    private func split(_ range: Range<Int>) throws(MergeTableError) -> (Range<Int>, Range<Int>) {
        guard let space = text[range].firstIndex(of: 0x20), space > range.lowerBound, space + 1 < range.upperBound,
            !text[(space + 1)..<range.upperBound].contains(0x20)
        else {
            let bytes = Array(text[range])
            if String(validating: bytes, as: UTF8.self) == nil { throw failure(.notUTF8) }
            throw failure(.notAPair(string(range)))
        }
        return (range.lowerBound..<space, (space + 1)..<range.upperBound)
    }

    /// Whether a symbol ends a word; the four characters `</w>` by themselves are text.
    private func endsWord(_ symbol: Range<Int>) -> Bool {
        symbol.count > 4 && text[symbol].suffix(4).elementsEqual(ByteAlphabet.endOfWord)
    }

    private func unknown(_ symbol: Range<Int>) -> MergeTableError {
        let isText = String(validating: text[symbol], as: UTF8.self) != nil
        return failure(isText ? .unknownSymbol(string(symbol)) : .notUTF8)
    }

    private func failure(_ reason: MergeTableError.Reason) -> MergeTableError {
        MergeTableError(file: file, line: line, reason: reason)
    }

    private func string(_ range: Range<Int>) -> String { String(decoding: text[range], as: UTF8.self) }
}
