public import Multimodal

/// A tokenizer of SentencePiece, from a `.model` file or a `tokenizer.json`.
public struct SentencePieceTokenizer: Tokenizer {
    /// What is done to a text before the file's own normalisation.
    public enum Cleaning: String, Sendable, CaseIterable {
        case none
        /// Lower case letter by letter: SigLIP2 in transformers (models/siglip2/tokenization_siglip2.py).
        case lower
        /// `SiglipTokenizer` of transformers (models/siglip/tokenization_siglip.py): lower case, no ASCII punctuation,
        /// single spaces.
        case transformers
        /// SigLIP and SigLIP2 in open_clip (`clean: canonicalize`): repaired as ftfy does, "_" as a space, no other
        /// ASCII punctuation, lower case, single spaces.
        case openclip = "open_clip"
    }

    /// Ids that are put around texts instead of those that the file says.
    public struct SpecialTokens: Sendable {
        public var start: Int32?
        public var end: Int32?
        public var pad: Int32?

        public init(start: Int32? = nil, end: Int32? = nil, pad: Int32? = nil) {
            self.start = start
            self.end = end
            self.pad = pad
        }
    }

    public let vocabularySize: Int
    public let startToken: Int32?
    public let endToken: Int32
    public let padToken: Int32
    public let digest: String
    /// As the file lists them; texts of people rarely hold them.
    public let specialSpellings: [String]
    private let pieces: Pieces
    private let encoding: @Sendable (String) -> [Int32]

    /// Reads a file.
    ///
    /// - Parameter side: the files beside it by which transformers knows what ends and fills a text.
    /// - Throws: an error that names the file and what is wrong with it or not supported.
    public init(
        contentsOf path: String, cleaning: Cleaning = .none, specialTokens: SpecialTokens = SpecialTokens(),
        side: TokenizerSideFiles.Paths = TokenizerSideFiles.Paths()
    ) throws {
        let bytes = try SettingFile.bytes(path)
        let end: Int32?
        let pad: Int32?
        let (isBPE, hasPad): (Bool, Bool)
        // What is found in a text before it is split.
        let added: [AddedTokens.Token]
        let others: String
        if TokenizerFile.isOne(bytes) {
            var file = try TokenizerFile(bytes, file: path)
            if cleaning == .transformers {
                throw SettingFile.error(
                    path, "is not what SiglipTokenizer of transformers reads (cleaning: transformers)",
                    remedy: "name the spiece.model, or use the cleaning none or open_clip")
            }
            let files = try SideTokens(side, file: path, cleaning: cleaning, count: file.vocabularySize, known: file.id)
            let own = file.addedTokens
            file.addedTokens = files.added(to: own)
            others = file.addedTokens == own ? "" : " \(file.addedTokens)"
            (vocabularySize, end, pad) = (
                max(file.vocabularySize, files.vocabularySize), files.end ?? file.end, files.pad ?? file.pad
            )
            (pieces, added) = (file.pieces, file.addedTokens)
            if case .bpe = file.model { isBPE = true } else { isBPE = false }
            hasPad = files.pad != nil
            encoding = Self.encoding(file, cleaning)
        } else {
            let file = try ModelFile(bytes, file: path)
            let files = try SideTokens(side, file: path, cleaning: cleaning, count: file.pieces.count) {
                file.pieces[Array($0.utf8)]
            }
            (vocabularySize, end, pad, isBPE) = (
                file.pieces.count, files.end ?? file.end, files.pad ?? file.pad, file.isBPE
            )
            hasPad = files.pad != nil
            others = files.digestText
            pieces = file.pieces
            added = cleaning == .transformers ? try files.siglip(file) : []
            encoding = Self.encoding(file, cleaning, added)
        }
        guard let endToken = specialTokens.end ?? end else {
            throw SettingFile.error(path, "has no token that ends a text", remedy: "name one as endToken")
        }
        self.endToken = endToken
        startToken = specialTokens.start
        // SigLIP fills texts with the end token although its vocabulary has one for that.
        padToken = specialTokens.pad ?? (isBPE || hasPad ? pad : nil) ?? endToken
        for id in [startToken, endToken, padToken].compactMap({ $0 }) where id < 0 || id >= vocabularySize {
            throw SettingFile.error(
                path, "has ids below \(vocabularySize), not \(id)", remedy: "correct startToken, endToken and padToken")
        }
        let specials = Set([startToken, endToken, padToken].compactMap { $0 })
        specialSpellings = added.filter { specials.contains($0.id) }.map(\.content)
        // What the side files add is told where it is more than ends and fills a text.
        digest = Self.digest(
            bytes, "sentencepiece 1 \(cleaning.rawValue) \(startToken ?? -1) \(endToken) \(padToken)\(others)")
    }

    public func encode(_ text: String) -> [Int32] { encoding(text) }

    public func text(of id: Int32) -> String? { pieces.text(of: id) }

    private static func encoding(_ file: TokenizerFile, _ cleaning: Cleaning) -> @Sendable (String) -> [Int32] {
        let steps = (cleaning == .lower ? [.lowercase] : []) + file.normalizer
        let addedTokens = AddedTokens(file.addedTokens) { text in steps.reduce(text) { $1.normalized($0) } }
        return { [model = file.model, splitting = file.splitting] text in
            var ids: [Int32] = []
            let bytes = Array(text.utf8)
            for section in addedTokens.sections(
                cleaning == .openclip ? TextCleaning.canonicalize.cleaned(bytes) : bytes)
            {
                switch section {
                case .token(let id): ids.append(id)
                case .text(let text):
                    for word in splitting.reduce([text], { words, step in words.flatMap(step.split) }) {
                        switch model {
                        case .unigram(let model): model.encode(word, into: &ids)
                        case .bpe(let model): model.encode(word, into: &ids)
                        }
                    }
                }
            }
            return ids
        }
    }

    private static func encoding(
        _ file: ModelFile, _ cleaning: Cleaning, _ added: [AddedTokens.Token]
    ) -> @Sendable (String) -> [Int32] {
        let normalizer = file.normalizer
        let split: @Sendable ([UInt8], inout [Int32]) -> Void
        if file.isBPE {
            split = ScoredBPEModel(file.pieces, userDefined: normalizer.userDefined).encode
        } else {
            split = UnigramModel(file.pieces, isSingle: true).encode
        }
        let encode: @Sendable ([UInt8]) -> [Int32] = { text in
            var ids: [Int32] = []
            split(normalizer.normalized(text), &ids)
            return ids
        }
        switch cleaning {
        case .none: return { encode(Array($0.utf8)) }
        case .lower: return { encode(NormalizerStep.lowercase.normalized(Array($0.utf8))) }
        case .openclip: return { encode(TextCleaning.canonicalize.cleaned(Array($0.utf8))) }
        case .transformers: return SiglipCleaning(file, added, encode).ids
        }
    }

    private static func digest(_ bytes: [UInt8], _ settings: String) -> String {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in settings.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        let digits = String(hash, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
