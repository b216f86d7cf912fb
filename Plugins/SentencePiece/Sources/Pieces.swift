import Multimodal

/// The pieces of a vocabulary, by id.
struct Pieces: Sendable {
    /// What a piece is for (google/sentencepiece, src/sentencepiece_model.proto).
    enum Kind: UInt8 { case normal = 1, unknown, control, userDefined, unused, byte }

    private(set) var spellings: ByteStringTable
    private(set) var scores: [Double] = []
    private(set) var kinds: [Kind] = []
    /// The id of what is not in the vocabulary.
    var unknown: Int32?
    /// The ids of the pieces `<0x00>` to `<0xFF>`, where unknown characters are spelled with them.
    var bytes: [Int32]?

    init(capacity: Int) { spellings = ByteStringTable(capacity: capacity) }

    var count: Int { kinds.count }

    /// False where the vocabulary has the piece already.
    mutating func append(_ spelling: [UInt8], score: Double, _ kind: Kind) -> Bool {
        guard spellings.insert(spelling).isNew else { return false }
        scores.append(score)
        kinds.append(kind)
        return true
    }

    subscript(spelling: [UInt8]) -> Int32? { spellings.find(spelling).map { Int32(truncatingIfNeeded: $0) } }

    /// What a piece is read of, with spaces as they are; nil for those that no text gives by themselves.
    func text(of id: Int32) -> String? {
        guard kinds.indices.contains(Int(id)), kinds[Int(id)] == .normal || kinds[Int(id)] == .userDefined else {
            return nil
        }
        let spelling = String(validating: spellings[Int(id)], as: UTF8.self)
        return spelling.map { String($0.map { $0 == "\u{2581}" ? " " : $0 }) }
    }

    /// The ids of all byte pieces, if it has them all.
    func byteIDs() -> [Int32]? {
        let ids = (UInt8.min...UInt8.max).compactMap { byte in
            let digits = String(byte, radix: 16, uppercase: true)
            return self[Array("<0x\(digits.count < 2 ? "0" : "")\(digits)>".utf8)]
        }
        return ids.count == 256 ? ids : nil
    }

    /// Appends what stands for a stretch of text that is no piece. Neighbours that are unknown become one.
    func appendUnknown(_ text: ArraySlice<UInt8>, after isUnknown: Bool, to ids: inout [Int32]) {
        if let bytes {
            for byte in text { ids.append(bytes[Int(byte)]) }
        } else if let unknown, !isUnknown {
            ids.append(unknown)
        }
    }
}

/// How many bytes the character has that begins at `index` of UTF-8.
func characterLength(_ text: [UInt8], _ index: Int) -> Int {
    let first = text[index]
    return min(first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4, text.count - index)
}
