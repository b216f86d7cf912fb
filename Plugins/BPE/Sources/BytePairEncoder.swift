public import Multimodal
import Synchronization

/// CLIP's tokenizer: text is cleaned, split into pieces, and each piece's bytes are merged by the table.
///
/// Gives the ids of openai/CLIP's `SimpleTokenizer.encode`: the whole text's, without start and end. May be used from
/// any number of threads at once.
public struct BytePairEncoder: Sendable {
    public let table: MergeTable
    public let cleaning: TextCleaning
    public let specialTokens: SpecialTokens
    /// What transformers finds in a text before it is split.
    public let addedTokens: AddedTokens
    private let specials: [(bytes: [UInt8], id: Int32)]
    private let spellings: [[UInt8]]
    private let workspaces = Workspaces()

    /// - Parameter addedTokens: those of a `tokenizer.json`, which count with `cleaning: .transformers`; nil: the
    ///   special tokens.
    public init(
        table: MergeTable, cleaning: TextCleaning = .openai, specialTokens: SpecialTokens = .openai,
        addedTokens: [AddedTokens.Token]? = nil
    ) {
        self.table = table
        self.cleaning = cleaning
        self.specialTokens = specialTokens
        specials = [(specialTokens.start, table.startToken), (specialTokens.end, table.endToken)]
            .compactMap { text, id in text.map { (Array($0.utf8), id) } }
        spellings = specials.map(\.bytes)
        self.addedTokens = AddedTokens(
            addedTokens ?? specials.map { AddedTokens.Token(String(decoding: $0.bytes, as: UTF8.self), id: $0.id) },
            normalize: cleaning.cleaned)
    }

    /// The ids of a text. O(n log n) in its length for a text of one word, O(n) for usual ones.
    public func encode(_ text: String) -> [Int32] {
        var workspace = workspaces.take()
        defer { workspaces.put(workspace) }
        var ids: [Int32] = []
        guard cleaning == .transformers else {
            append(cleaning.cleaned(Array(text.utf8)), spellings, ignoresCase: true, &workspace, to: &ids)
            return ids
        }
        for section in addedTokens.sections(Array(text.utf8)) {
            switch section {
            case .token(let id): ids.append(id)
            case .text(let bytes): append(bytes, Self.splitSpellings, ignoresCase: false, &workspace, to: &ids)
            }
        }
        return ids
    }

    /// What gives one of `ids` where a text spells it. A vocabulary may lack some characters, which are then the unknown
    /// token, and that is the end token.
    func spellings(of ids: Set<Int32>) -> [String] {
        let lost = (0..<512).filter { number in table.published?.ids[number].map(ids.contains) ?? false }
            .map { ByteAlphabet.bytes[$0 & 0xFF] }.filter { $0 < 0x80 }.map { String(Unicode.Scalar($0)) }
        guard cleaning == .transformers else {
            return lost + specials.filter { ids.contains($0.id) }.map { String(decoding: $0.bytes, as: UTF8.self) }
        }
        return lost + addedTokens.tokens.filter { ids.contains($0.id) }.map(\.content)
    }

    /// What transformers' pattern splits off before and after, spelled so once the case is lowered; its second pattern
    /// then splits them as any text.
    private static let splitSpellings = [SpecialTokens.openai.start, SpecialTokens.openai.end].compactMap {
        $0.map { Array($0.utf8) }
    }

    private func append(
        _ bytes: [UInt8], _ spellings: [[UInt8]], ignoresCase: Bool, _ workspace: inout Workspace,
        to ids: inout [Int32]
    ) {
        var scanner = PieceScanner(specials: spellings, ignoresCase: ignoresCase)
        let span = bytes.span
        while let piece = scanner.next(in: span) {
            if !ignoresCase, bytes[piece.lowerBound] == 0x3C, spellings.contains(where: bytes[piece].elementsEqual) {
                append(Array(bytes[piece]), [], ignoresCase: false, &workspace, to: &ids)
                continue
            }
            if workspace.cache.append(span, piece, to: &ids) { continue }
            let start = ids.count
            // Only the exact spelling is the token; `<|ENDOFTEXT|>` is a piece, and is merged like any other.
            if ignoresCase, bytes[piece.lowerBound] == 0x3C,
                let special = specials.first(where: { bytes[piece].elementsEqual($0.bytes) })
            {
                ids.append(special.id)
            } else {
                workspace.merger.encode(span, piece, with: table, into: &ids)
            }
            workspace.cache.insert(span, piece, ids: ids[start...])
        }
    }

    /// Text for ids, for people to read: words are separated by spaces, bytes that are no UTF-8 become U+FFFD, special
    /// tokens are spelled out, and numbers that are no ids are left out. What cleaning changed does not come back.
    public func decode(_ ids: some Sequence<Int32>) -> String {
        var result: [UInt8] = []
        for id in ids {
            if let (bytes, endsWord) = table.bytes(id) {
                result += bytes
                if endsWord { result.append(0x20) }
            } else if let special = specials.first(where: { $0.id == id }) {
                result += special.bytes
            }
        }
        return String(decoding: result, as: UTF8.self)
    }
}

/// What one encoding in progress writes to.
private struct Workspace {
    var cache = WordCache()
    var merger = PieceMerger()
}

/// Workspaces at rest, as many as there were encodings at once: the lock is held only to hand one over.
private final class Workspaces: Sendable {
    private let resting = Mutex<[Workspace]>([])

    func take() -> Workspace { resting.withLock { $0.popLast() } ?? Workspace() }
    func put(_ workspace: Workspace) { resting.withLock { $0.append(workspace) } }
}
