import Multimodal

/// A `.model` file of SentencePiece (`ModelProto` in google/sentencepiece, src/sentencepiece_model.proto).
struct ModelFile {
    private(set) var pieces: Pieces
    private(set) var normalizer = SpaceNormalizer()
    private(set) var isBPE = false
    /// The ids that end and fill a text, if the file has them.
    private(set) var end: Int32?
    private(set) var pad: Int32?

    private var endSpelling = Array("</s>".utf8)
    private var padSpelling = Array("<pad>".utf8)
    private var fallsBackToBytes = false
    private let file: String

    init(_ bytes: [UInt8], file: String) throws {
        self.file = file
        // A piece has about 16 bytes.
        pieces = Pieces(capacity: bytes.count / 16)
        do throws(ProtobufReader.Damage) {
            var message = ProtobufReader(bytes[...])
            while let (field, value) = try message.next() {
                switch (field, value) {
                case (1, .bytes(let piece)): try read(piece: piece)
                case (2, .bytes(let trainer)): try read(trainer: trainer)
                case (3, .bytes(let rules)): try read(normalizer: rules)
                default: break
                }
            }
        } catch {
            throw SettingFile.error(
                file, "is not a SentencePiece model: byte \(error.offset) is damaged or the file ends early",
                remedy: "fetch the file again")
        }
        try check()
    }

    private enum Fault {
        case none
        case text(Int)
        case duplicate(Int)
        case score(Int)
        case model(Int)
        case characterMap
    }

    /// The first thing found wrong in the messages.
    private var fault = Fault.none

    private mutating func note(_ new: Fault) { if case .none = fault { fault = new } }

    private mutating func read(piece: ArraySlice<UInt8>) throws(ProtobufReader.Damage) {
        var message = ProtobufReader(piece)
        var spelling: [UInt8] = []
        var score: Float = 0
        var kind = Pieces.Kind.normal
        while let (field, value) = try message.next() {
            switch field {
            case 1: spelling = value.bytes.map(Array.init) ?? []
            case 2: score = value.float ?? .nan
            case 3: kind = value.int.flatMap { UInt8(exactly: $0) }.flatMap(Pieces.Kind.init) ?? .normal
            default: break
            }
        }
        let id = pieces.count
        if spelling.isEmpty || String(validating: spelling, as: UTF8.self) == nil { note(.text(id)) }
        if !score.isFinite { note(.score(id)) }
        if !pieces.append(spelling, score: Double(score), kind) { note(.duplicate(id)) }
        if kind == .unknown, pieces.unknown == nil { pieces.unknown = Int32(truncatingIfNeeded: id) }
        if kind == .userDefined { _ = normalizer.userDefined.insert(spelling) }
    }

    private mutating func read(trainer: ArraySlice<UInt8>) throws(ProtobufReader.Damage) {
        var message = ProtobufReader(trainer)
        while let (field, value) = try message.next() {
            switch field {
            case 3:
                isBPE = value.int == 2
                if !isBPE, value.int != 1 { note(.model(value.int ?? 0)) }
            case 24: normalizer.putsPrefixLast = value.bool
            case 35: fallsBackToBytes = value.bool
            case 47: endSpelling = value.bytes.map(Array.init) ?? []
            case 48: padSpelling = value.bytes.map(Array.init) ?? []
            default: break
            }
        }
    }

    private mutating func read(normalizer rules: ArraySlice<UInt8>) throws(ProtobufReader.Damage) {
        var message = ProtobufReader(rules)
        while let (field, value) = try message.next() {
            switch field {
            case 2:
                guard let blob = value.bytes, !blob.isEmpty else { break }
                normalizer.characters = CharacterMap(blob)
                if normalizer.characters == nil { note(.characterMap) }
            case 3: normalizer.addsPrefix = value.bool
            case 4: normalizer.removesExtraSpaces = value.bool
            case 5: normalizer.escapesSpaces = value.bool
            default: break
            }
        }
    }

    private mutating func check() throws {
        let message: String? =
            switch fault {
            case .none: nil
            case .text(let id): "piece \(id) is empty or not UTF-8"
            case .duplicate(let id): "piece \(id) is there a second time"
            case .score(let id): "the score of piece \(id) is not a number"
            case .model(let type): "is a model of type \(type); unigram (1) and BPE (2) are read"
            case .characterMap: "its character map has a wrong size"
            }
        if let message { throw SettingFile.error(file, message, remedy: "fetch the file again") }
        guard pieces.unknown != nil else {
            throw SettingFile.error(
                file, "is not a SentencePiece model: it has no piece for the unknown", remedy: "fetch the file again")
        }
        if fallsBackToBytes {
            pieces.bytes = pieces.byteIDs()
            if pieces.bytes == nil {
                throw SettingFile.error(file, "lacks some of the 256 byte pieces", remedy: "fetch the file again")
            }
        }
        func control(_ spelling: [UInt8]) -> Int32? {
            pieces[spelling].flatMap { pieces.kinds[Int($0)] == .control ? $0 : nil }
        }
        end = control(endSpelling)
        pad = control(padSpelling)
    }
}
