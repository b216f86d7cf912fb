public import Multimodal

/// Learns merges from text: the most frequent pair of neighbouring symbols becomes a symbol, again and again
/// (Sennrich et al. 2016, arXiv:1508.07909).
///
/// The same texts give the same merges, in whatever order they come: of equally frequent pairs, the one with the lower
/// ids goes first.
public struct BPETrainer {
    private let cleaning: TextCleaning
    private let specials: [[UInt8]]
    private var words = ByteStringTable(capacity: 1 << 12)
    private var counts: [Int] = []

    /// - Parameters:
    ///   - cleaning: what is done to each text, as later to the texts that are encoded.
    ///   - specialTokens: spellings that are not learned from.
    public init(cleaning: TextCleaning = .openai, specialTokens: SpecialTokens = .openai) {
        self.cleaning = cleaning
        specials = [specialTokens.start, specialTokens.end].compactMap { $0.map { Array($0.utf8) } }
    }

    /// Counts the words of a text. Memory grows with different words, not with texts.
    public mutating func add(_ text: String) {
        let bytes = cleaning.cleaned(Array(text.utf8))
        var scanner = PieceScanner(specials: specials, ignoresCase: cleaning != .transformers)
        while let piece = scanner.next(in: bytes.span) {
            if bytes[piece.lowerBound] == 0x3C, specials.contains(where: bytes[piece].elementsEqual) { continue }
            let (number, isNew) = words.insert(bytes.span, piece)
            if isNew { counts.append(1) } else { counts[number] += 1 }
        }
    }

    /// Learns merges until the vocabulary has the size asked for, or no pair is frequent enough.
    ///
    /// - Parameters:
    ///   - vocabularySize: merges, the 512 byte symbols and the two special tokens.
    ///   - minimumFrequency: how often a pair must occur to become a symbol.
    /// - Throws: `MergeTableError` where the size has no room for bytes and special tokens.
    public func train(vocabularySize: Int, minimumFrequency: Int = 2) throws(MergeTableError) -> MergeTable {
        guard vocabularySize >= MergeTable.smallestVocabulary else {
            throw MergeTableError(file: "vocabularySize", line: 0, reason: .tooSmall(vocabularySize: vocabularySize))
        }
        var learner = MergeLearner(minimumFrequency: max(1, minimumFrequency))
        for number in counts.indices { learner.add(words[number], count: counts[number]) }
        while learner.table.vocabularySize < vocabularySize, learner.learn() {}
        return learner.table
    }
}

/// Words as symbols, with the count of each pair and the words that hold it kept up to date.
private struct MergeLearner {
    private struct Pair: Hashable {
        var left: UInt32
        var right: UInt32
    }

    private let minimumFrequency: Int
    private(set) var table = MergeTable()
    private var words: [[UInt32]] = []
    private var counts: [Int] = []
    private var pairCounts: [Pair: Int] = [:]
    /// Words in which a pair occurs, or did before other merges.
    private var pairWords: [Pair: [Int32]] = [:]
    private var queue = MinimumHeap<RankedPair>()
    private var hasQueue = false
    /// The text of every symbol, so that none is made twice in different ways.
    private var texts = ByteStringTable(capacity: 1 << 12)

    init(minimumFrequency: Int) {
        self.minimumFrequency = minimumFrequency
        for symbol in (Int32(0)..<512).compactMap(table.symbol) { _ = texts.insert(symbol.span, 0..<symbol.count) }
    }

    mutating func add(_ word: ArraySlice<UInt8>, count: Int) {
        guard word.count > 1, let last = word.last else { return }
        let number = Int32(truncatingIfNeeded: words.count)
        let symbols = word.dropLast().map { ByteAlphabet.ids[Int($0)] } + [ByteAlphabet.ids[Int(last)] + 256]
        words.append(symbols)
        counts.append(count)
        for (left, right) in zip(symbols, symbols.dropFirst()) {
            change(Pair(left: left, right: right), by: count, number)
        }
    }

    /// Makes the most frequent pair a symbol; false if none is frequent enough.
    mutating func learn() -> Bool {
        if !hasQueue {
            for (pair, count) in pairCounts where count >= minimumFrequency {
                queue.insert(.init(count: count, left: pair.left, right: pair.right))
            }
            hasQueue = true
        }
        while let entry = queue.removeMinimum() {
            let pair = Pair(left: entry.left, right: entry.right)
            let count = pairCounts[pair] ?? 0
            // Counts that fell since the entry was made are put back in their place; those that rose have another
            // entry.
            if count != entry.count {
                if count < entry.count, count >= minimumFrequency {
                    queue.insert(.init(count: count, left: pair.left, right: pair.right))
                }
                continue
            }
            guard insertText(of: pair) else {
                pairCounts[pair] = nil
                continue
            }
            let merged = UInt32(table.startToken)
            table.append(pair.left, pair.right)
            apply(pair, merged)
            return true
        }
        return false
    }

    private mutating func apply(_ pair: Pair, _ merged: UInt32) {
        var changed: Set<Pair> = []
        for number in Set(pairWords.removeValue(forKey: pair) ?? []).sorted() {
            let count = counts[Int(number)]
            let symbols = words[Int(number)]
            var result: [UInt32] = []
            var index = 0
            while index < symbols.count {
                if index + 1 < symbols.count, symbols[index] == pair.left, symbols[index + 1] == pair.right {
                    result.append(merged)
                    index += 2
                } else {
                    result.append(symbols[index])
                    index += 1
                }
            }
            guard result.count < symbols.count else { continue }
            for (left, right) in zip(symbols, symbols.dropFirst()) {
                pairCounts[Pair(left: left, right: right)]? -= count
            }
            for (left, right) in zip(result, result.dropFirst()) {
                let pair = Pair(left: left, right: right)
                if left == merged || right == merged {
                    change(pair, by: count, number)
                    changed.insert(pair)
                } else {
                    pairCounts[pair]? += count
                }
            }
            words[Int(number)] = result
        }
        pairCounts[pair] = nil
        for pair in changed {
            let count = pairCounts[pair] ?? 0
            if count >= minimumFrequency { queue.insert(.init(count: count, left: pair.left, right: pair.right)) }
        }
    }

    private mutating func change(_ pair: Pair, by count: Int, _ word: Int32) {
        pairCounts[pair, default: 0] += count
        if pairWords[pair]?.last != word { pairWords[pair, default: []].append(word) }
    }

    /// Whether the text that a pair would make is new, and does not end in `</w>` of its own, which a file could not
    /// tell from the end of a word.
    private mutating func insertText(of pair: Pair) -> Bool {
        let left = table.symbol(Int32(pair.left)) ?? []
        let right = table.symbol(Int32(pair.right)) ?? []
        let text = left + right
        let endsWord = table.bytes(Int32(pair.right))?.endsWord ?? false
        if !endsWord, text.suffix(4).elementsEqual(ByteAlphabet.endOfWord) { return false }
        return texts.insert(text.span, 0..<text.count).isNew
    }
}

/// A pair in the order of learning: the most frequent first, of equals the one with the lowest ids.
private struct RankedPair: Comparable {
    var count: Int
    var left: UInt32
    var right: UInt32

    static func < (a: RankedPair, b: RankedPair) -> Bool { (b.count, a.left, a.right) < (a.count, b.left, b.right) }
}
