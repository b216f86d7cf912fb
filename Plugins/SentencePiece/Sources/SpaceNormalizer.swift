import Multimodal

/// What SentencePiece does to a text before it is split (google/sentencepiece, src/normalizer.cc).
struct SpaceNormalizer: Sendable {
    /// U+2581, which stands for a space in pieces.
    static let space: [UInt8] = [0xE2, 0x96, 0x81]

    var characters: CharacterMap?
    /// Pieces that are never rewritten.
    var userDefined = ByteStringTable(capacity: 16)
    var addsPrefix = true
    var removesExtraSpaces = true
    var escapesSpaces = true
    /// The space that is added is put at the end.
    var putsPrefixLast = false

    func normalized(_ text: [UInt8]) -> [UInt8] {
        var index = 0
        if removesExtraSpaces {
            while index < text.count {
                let (rewritten, length) = prefix(text, index)
                guard rewritten.elementsEqual([0x20]) else { break }
                index += length
            }
        }
        guard index < text.count else { return [] }
        let space = escapesSpaces ? Self.space : [0x20]
        var result: [UInt8] = []
        result.reserveCapacity(text.count + text.count / 2 + 3)
        if addsPrefix, !putsPrefixLast { result += space }
        var followsSpace = removesExtraSpaces
        while index < text.count {
            var (rewritten, length) = prefix(text, index)
            if followsSpace { rewritten = rewritten.drop { $0 == 0x20 } }
            for byte in rewritten {
                if byte == 0x20 { result += space } else { result.append(byte) }
            }
            if let last = rewritten.last { followsSpace = removesExtraSpaces && last == 0x20 }
            index += length
        }
        if removesExtraSpaces {
            while result.suffix(space.count).elementsEqual(space) { result.removeLast(space.count) }
        }
        if addsPrefix, putsPrefixLast { result += space }
        return result
    }

    /// What the next characters become, and how many bytes they have.
    private func prefix(_ text: [UInt8], _ index: Int) -> (ArraySlice<UInt8>, Int) {
        if let end = userDefined.longestPrefix(of: text, from: index) { return (text[index..<end], end - index) }
        if let (string, length) = characters?.longest(text, from: index) { return (string, length) }
        let length = characterLength(text, index)
        return (text[index..<index + length], length)
    }
}
