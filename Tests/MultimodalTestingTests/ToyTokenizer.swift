import Multimodal
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

private final class LastText: Sendable {
    let bytes = Mutex<[UInt8]>([])
}

/// UTF-8 bytes; and the same wrong in one way.
struct ToyTokenizer: Tokenizer {
    enum Fault: Hashable {
        case none, outOfRange, negative, deaf, endIsALetter, startIsALetter, padIsALetter, padSaidToBeALetter
        case endIsAnEmoji, endIsARarePiece, startIsEnd, framesItself, readsSpecials, saysItReadsSpecials
        case dropsEnd, dropsStart, countsNoCut, countsOneLess, ignoresLength, fillsToLength, padsInside, startsTwice
        case remembersLastText, racy, digestChanges, noDigest, empty
    }
    var fault = Fault.none
    private let state = LastText()
    private let calls = Counter()

    init(fault: Fault = .none) { self.fault = fault }

    var vocabularySize: Int { fault == .outOfRange ? 100 : fault == .empty ? 0 : 259 }
    var startToken: Int32? { fault == .startIsALetter ? 97 : fault == .startIsEnd ? 257 : 256 }
    var endToken: Int32 {
        switch fault {
        case .endIsALetter: 101
        case .endIsAnEmoji: 0xF0
        default: 257
        }
    }
    var padToken: Int32 { fault == .padIsALetter || fault == .padSaidToBeALetter ? 33 : 258 }
    var padIsOrdinary: Bool { fault == .padSaidToBeALetter }
    var specialSpellings: [String] { fault == .saysItReadsSpecials ? ["<|endoftext|>"] : [] }
    var digest: String { fault == .noDigest ? "" : fault == .digestChanges ? "\(calls.next())" : "bytes" }

    private static let rare = "honorificabilitudinitatibus"

    func text(of id: Int32) -> String? {
        if fault == .endIsARarePiece, id == endToken { return Self.rare }
        return (0x20..<0x7F).contains(id) ? String(Unicode.Scalar(UInt8(id))) : nil
    }

    func encode(_ text: String) -> [Int32] {
        let ids = text.utf8.map(Int32.init)
        switch fault {
        case .negative where text.contains("!"): return ids + [-1]
        case .deaf: return [1]
        case .framesItself: return [256] + ids + [257]
        case .endIsARarePiece where text.contains(Self.rare): return [257]
        case .readsSpecials, .saysItReadsSpecials:
            guard let range = text.firstRange(of: "<|endoftext|>") else { return ids }
            return text[..<range.lowerBound].utf8.map(Int32.init) + [257]
                + text[range.upperBound...].utf8.map(Int32.init)
        case .remembersLastText:
            return state.bytes.withLock { last in
                defer { last = Array(text.utf8.prefix(1)) }
                return ids + last.map(Int32.init)
            }
        case .racy:
            state.bytes.withLock { $0 = Array(text.utf8) }
            usleep(20)
            return state.bytes.withLock { $0.map(Int32.init) }
        default: return ids
        }
    }

    func tokenize(_ text: String, contextLength: Int) -> TokenizedText {
        let body = encode(text)
        let room = contextLength - 2
        let cut = max(0, body.count - room)
        let start = startToken ?? 256
        let ids = [start] + body.prefix(room) + [endToken]
        switch fault {
        case .dropsEnd where cut > 0:
            return TokenizedText(ids: [start] + body.prefix(room + 1), truncated: cut)
        case .dropsStart where cut > 0:
            return TokenizedText(ids: body.prefix(room + 1) + [endToken], truncated: cut)
        case .countsNoCut: return TokenizedText(ids: ids, truncated: 0)
        case .countsOneLess: return TokenizedText(ids: ids, truncated: max(0, cut - 1))
        case .ignoresLength: return TokenizedText(ids: [start] + body + [endToken], truncated: 0)
        case .fillsToLength:
            let missing = min(max(0, contextLength - ids.count), 100)
            return TokenizedText(ids: ids + Array(repeating: padToken, count: missing), truncated: cut)
        case .padsInside where !body.isEmpty && room > 0:
            return TokenizedText(ids: [start, padToken] + body.prefix(room).dropFirst() + [endToken], truncated: cut)
        case .startsTwice where !body.isEmpty && room > 0:
            return TokenizedText(ids: [start, start] + body.prefix(room).dropFirst() + [endToken], truncated: cut)
        default: return TokenizedText(ids: ids, truncated: cut)
        }
    }
}
