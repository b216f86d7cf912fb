import Multimodal

/// What the files beside a SentencePiece tokenizer say of tokens, with the ids that they have in it.
struct SideTokens {
    private(set) var end: Int32?
    private(set) var pad: Int32?
    private var tokens: [AddedTokens.Token] = []
    private let file: String
    private let files: TokenizerSideFiles?

    /// - Parameters:
    ///   - count: how many ids the tokenizer has.
    ///   - known: the id of a spelling.
    init(
        _ side: TokenizerSideFiles.Paths, file: String, cleaning: SentencePieceTokenizer.Cleaning, count: Int,
        known: (String) -> Int32?
    ) throws {
        self.file = file
        guard !side.isEmpty else {
            files = nil
            return
        }
        let files = try TokenizerSideFiles(side, defaults: [:])
        self.files = files
        tokens = try files.tokens(count: count, vocabulary: known)
        func id(_ role: TokenizerSideFiles.Role) -> Int32? {
            files.spelling(role).flatMap { spelling in tokens.first { $0.content == spelling }?.id }
        }
        (end, pad) = (id(.end), id(.pad))
        for (role, id) in [(TokenizerSideFiles.Role.end, end), (.pad, pad)] {
            guard let id, Int(id) >= count else { continue }
            throw files.error(
                role, "the vocabulary lacks the \(role.rawValue) '\(files.spelling(role) ?? "")'", file: file,
                remedy: "use the files of one tokenizer")
        }
    }

    /// One more than the largest id.
    var vocabularySize: Int { (tokens.map { Int($0.id) }.max() ?? -1) + 1 }

    /// The tokens of a `tokenizer.json` with these among them. Tokens that both have are as these say.
    func added(to own: [AddedTokens.Token]) -> [AddedTokens.Token] {
        var result = own
        for token in tokens {
            if let index = result.firstIndex(where: { $0.content == token.content }) {
                if isListed(token) { result[index] = token }
            } else {
                result.append(token)
            }
        }
        return result
    }

    /// Whether a file says the token's flags: one that is only named has those of the tokenizer's own file.
    private func isListed(_ token: AddedTokens.Token) -> Bool { files?.saysFlags(token.content) ?? false }

    // MARK: - SiglipTokenizer

    private static let (siglipEnd, siglipUnknown) = ("</s>", "<unk>")

    /// What SiglipTokenizer finds in a text: its end, what stands for the unknown, and what fills a text. Where their flags
    /// are not said, they take the white space around them.
    func siglip(_ file: ModelFile) throws -> [AddedTokens.Token] {
        if let unknown = files?.spelling(.unknown), unknown != Self.siglipUnknown {
            throw files?.error(
                .unknown, "SiglipTokenizer with another unknown token than <unk> is not supported", file: self.file,
                remedy: "the model cannot be used here") ?? SettingFile.error(self.file, "", remedy: "")
        }
        let spellings = [
            files?.spelling(.end) ?? Self.siglipEnd, Self.siglipUnknown,
            files?.spelling(.pad) ?? files?.spelling(.end) ?? Self.siglipEnd,
        ]
        if let other = tokens.first(where: { !spellings.contains($0.content) }) {
            throw SettingFile.error(
                self.file, "the added token '\(other.content)' of a SiglipTokenizer is not supported",
                remedy: "the model cannot be used here")
        }
        if let word = tokens.first(where: \.isSingleWord) {
            throw SettingFile.error(
                self.file, "the token '\(word.content)' of a SiglipTokenizer as a single word is not supported",
                remedy: "the model cannot be used here")
        }
        var result: [AddedTokens.Token] = []
        for spelling in spellings where !result.contains(where: { $0.content == spelling }) {
            guard let id = file.pieces[Array(spelling.utf8)] else { continue }
            var token = AddedTokens.Token(spelling, id: id)
            (token.stripsLeft, token.stripsRight) = (true, true)
            if isListed(token), let said = tokens.first(where: { $0.content == spelling }) { token = said }
            token.isNormalized = false  // it finds all of them in the text as it is
            result.append(token)
        }
        return result
    }

    /// What of these is more than the end and the pad of a `.model` file, which the ids tell.
    var digestText: String {
        let plain = tokens.filter { ![Self.siglipEnd, Self.siglipUnknown].contains($0.content) }
        return plain.isEmpty ? "" : " \(plain)"
    }
}
