public import Multimodal

/// A byte-pair encoder as models use it: with start and end token, padding and a digest.
public struct CLIPTokenizer: Tokenizer {
    public let encoder: BytePairEncoder
    public let padToken: Int32
    public let digest: String

    /// Whether a file says the ids, so that a text encoder may have more of them, which none of its texts has.
    public let hasWrittenIDs: Bool

    /// - Parameter padToken: what fills shorter texts: in transformers most often the end token; 0 in openai/CLIP and
    ///   open_clip.
    public init(encoder: BytePairEncoder, padToken: Int32 = 0, hasWrittenIDs: Bool = false) {
        self.encoder = encoder
        self.padToken = padToken
        self.hasWrittenIDs = hasWrittenIDs
        digest = Self.digest(of: encoder)
    }

    public var mayBePadded: Bool { hasWrittenIDs }
    public var vocabularySize: Int { encoder.table.vocabularySize }
    public var startToken: Int32? { encoder.table.startToken }
    public var endToken: Int32 { encoder.table.endToken }

    public func encode(_ text: String) -> [Int32] { encoder.encode(text) }

    /// As openai/CLIP and transformers have it; texts of people rarely hold them.
    public var specialSpellings: [String] { encoder.spellings(of: [encoder.table.startToken, endToken, padToken]) }

    public var padIsOrdinary: Bool { encoder.table.bytes(padToken) != nil }

    public func text(of id: Int32) -> String? {
        guard let (bytes, _) = encoder.table.bytes(id) else { return nil }
        return String(validating: bytes, as: UTF8.self)
    }

    /// FNV-1a over the merges, cleaning and spelling of special tokens. Padding is left out: it decides no id of a
    /// text.
    private static func digest(of encoder: BytePairEncoder) -> String {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        func mix(_ value: UInt32) { hash = (hash ^ UInt64(value)) &* 0x100_0000_01B3 }
        for byte in "bpe 1 \(encoder.cleaning.rawValue) \(encoder.specialTokens.rawValue)".utf8 { mix(UInt32(byte)) }
        for merge in encoder.table.merges {
            mix(merge.left)
            mix(merge.right)
        }
        if let published = encoder.table.published {
            for id in published.ids + [published.start, published.end] {
                mix(id.map(UInt32.init(bitPattern:)) ?? .max)
            }
        }
        // Those that follow from the spelling of special tokens are told by it; whether these two are found in capitals,
        // which no caption has, is left out, so that a file that says no more leaves the space as it is without one.
        let start = AddedTokens.Token("<|startoftext|>", id: encoder.table.startToken)
        let end = AddedTokens.Token("<|endoftext|>", id: encoder.table.endToken)
        let plain = encoder.addedTokens.tokens.map { token in
            var token = token
            token.isNormalized = false
            return token
        }
        if encoder.cleaning == .transformers, !Set(plain).isSubset(of: [start, end]) {
            for byte in "\(encoder.addedTokens.tokens)".utf8 { mix(UInt32(byte)) }
        }
        let digits = String(hash, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
