import Multimodal

/// What `SiglipTokenizer` of transformers does around SentencePiece (models/siglip/tokenization_siglip.py).
///
/// It puts a mark before the text, takes out special tokens, cleans what is between them, and encodes each stretch
/// after the spelling of the unknown token, whose pieces it then drops.
struct SiglipCleaning: Sendable {
    private let addedTokens: AddedTokens
    private let encode: @Sendable ([UInt8]) -> [Int32]
    private let unknownCount: Int
    private let end: Int32?

    private static let unknown = Array("<unk>".utf8)

    /// - Parameter tokens: what is found in a text before it is cleaned.
    init(_ file: ModelFile, _ tokens: [AddedTokens.Token], _ encode: @escaping @Sendable ([UInt8]) -> [Int32]) {
        self.encode = encode
        unknownCount = encode(Self.unknown).count
        end = tokens.first?.id
        addedTokens = AddedTokens(tokens, normalize: Self.cleaned)
    }

    func ids(_ text: String) -> [Int32] {
        let spaced = TextPattern(literal: SpaceNormalizer.space).replacing(Array(text.utf8), with: [0x20])
        var ids: [Int32] = []
        for section in addedTokens.sections(SpaceNormalizer.space + spaced) {
            switch section {
            case .token(let id): ids.append(id)
            case .text(let text): ids += encode(Self.unknown + text).dropFirst(unknownCount)
            }
        }
        // It puts no second end after a text that ends so.
        if let end, ids.last == end { ids.removeLast() }
        return ids
    }

    private static func cleaned(_ text: [UInt8]) -> [UInt8] {
        NormalizerStep.mapped(text) { WhiteSpace.collapsed(LetterCase.lowered($0).filter { !isPunctuation($0) }) }
    }

    private static func isPunctuation(_ scalar: UInt32) -> Bool {
        switch scalar {
        case 0x21...0x2F, 0x3A...0x40, 0x5B...0x60, 0x7B...0x7E: true
        default: false
        }
    }
}
