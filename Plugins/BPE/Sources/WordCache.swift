import Multimodal

/// The ids of words seen lately. When it is full it starts anew: frequent words are back at once.
struct WordCache {
    private static let mostWords = 1 << 16
    private static let mostBytes = 4 << 20
    private static let longestWord = 128

    private var words = ByteStringTable()
    private var ends: [Int] = []
    private var ids: [Int32] = []
    private var byteCount = 0

    /// Appends the ids of a cached word; false if it is not there.
    func append(_ bytes: Span<UInt8>, _ word: Range<Int>, to result: inout [Int32]) -> Bool {
        guard word.count <= Self.longestWord, let number = words.find(bytes, word) else { return false }
        for index in (number == 0 ? 0 : ends[number - 1])..<ends[number] { result.append(ids[index]) }
        return true
    }

    mutating func insert(_ bytes: Span<UInt8>, _ word: Range<Int>, ids wordIDs: ArraySlice<Int32>) {
        guard word.count <= Self.longestWord else { return }
        if words.count >= Self.mostWords || byteCount >= Self.mostBytes { self = WordCache() }
        guard words.insert(bytes, word).isNew else { return }
        byteCount += word.count
        ids.append(contentsOf: wordIDs)
        ends.append(ids.count)
    }
}
