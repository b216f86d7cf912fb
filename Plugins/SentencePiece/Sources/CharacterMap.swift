/// The compiled rules by which SentencePiece rewrites characters, usually NFKC with more white space: a double array
/// (darts-clone) from spellings to offsets into a list of strings.
struct CharacterMap: Sendable {
    private let units: [UInt32]
    private let strings: ArraySlice<UInt8>

    /// - Returns: nil where the sizes do not fit.
    init?(_ blob: ArraySlice<UInt8>) {
        func word(_ index: Int) -> UInt32 {
            (0..<4).reduce(0) { $0 | UInt32(blob[index + $1]) << UInt32(8 * $1) }
        }
        guard blob.count > 4 else { return nil }
        let start = blob.startIndex + 4
        let size = Int(word(blob.startIndex))
        guard size >= 4, size % 4 == 0, size <= blob.endIndex - start else { return nil }
        units = stride(from: start, to: start + size, by: 4).map(word)
        strings = blob[(start + size)...]
    }

    /// What the longest spelling at `start` becomes, and how many bytes it has.
    func longest(_ text: [UInt8], from start: Int) -> (string: ArraySlice<UInt8>, length: Int)? {
        var found: (UInt32, Int)?
        search(text[start...]) { value, length in
            found = (value, length)
            return true
        }
        return found.flatMap { value, length in string(value).map { ($0, length) } }
    }

    /// What the shortest spelling that `text` begins with becomes: huggingface/tokenizers asks for it, and takes the
    /// whole text as rewritten.
    func shortest(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        var found: UInt32?
        search(text) { value, _ in
            found = value
            return false
        }
        return found.flatMap(string)
    }

    private func string(_ offset: UInt32) -> ArraySlice<UInt8>? {
        let start = strings.startIndex + Int(offset)
        return start < strings.endIndex ? strings[start...].prefix { $0 != 0 } : nil
    }

    /// Calls `body` with the value and length of each spelling that `text` begins with, shortest first, until it is
    /// false.
    private func search(_ text: ArraySlice<UInt8>, _ body: (UInt32, Int) -> Bool) {
        func offset(_ unit: UInt32) -> Int { Int((unit >> 10) << ((unit & (1 << 9)) >> 6)) }
        var position = offset(units[0])
        for (index, byte) in text.enumerated() {
            position ^= Int(byte)
            guard position < units.count else { return }
            let unit = units[position]
            guard unit & (1 << 31 | 0xFF) == UInt32(byte) else { return }
            position ^= offset(unit)
            if unit >> 8 & 1 == 1 {
                guard position < units.count, body(units[position] & 0x7FFF_FFFF, index + 1) else { return }
            }
        }
    }
}
