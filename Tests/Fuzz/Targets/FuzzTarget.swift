/// A reader, and what must hold whatever bytes it is given: it neither crashes nor hangs, what it refuses is refused with
/// a message that names the file, and what it reads can be written and read again.
package struct FuzzTarget: Sendable {
    /// What `scripts/fuzz.sh` is told, and the folder of its corpus.
    package let name: String
    /// Throws where something does not hold. It may write into the folder.
    package let check: @Sendable (_ bytes: [UInt8], _ folder: String) throws -> Void

    package static let all: [FuzzTarget] =
        ["png", "jpeg", "webp", "gif", "tiff", "bmp"].map { FuzzTarget(name: $0, check: Images.check) } + [
            FuzzTarget(name: "safetensors", check: Weights.safetensors),
            FuzzTarget(name: "torch", check: Weights.torch),
            FuzzTarget(name: "pickle", check: Weights.pickle),
            FuzzTarget(name: "inputs", check: Records.inputs),
            FuzzTarget(name: "embeddings", check: Records.embeddings),
            FuzzTarget(name: "yaml", check: Descriptions.yaml),
            FuzzTarget(name: "model", check: Descriptions.model),
            FuzzTarget(name: "manifest", check: Descriptions.manifest),
            FuzzTarget(name: "config", check: Descriptions.config),
            FuzzTarget(name: "merges", check: Tokenizers.merges),
            FuzzTarget(name: "bpe", check: Tokenizers.bpe),
            FuzzTarget(name: "sentencepiece", check: Tokenizers.sentencePiece),
            FuzzTarget(name: "text", check: Tokenizers.text),
        ]
}

/// What did not hold.
struct Fault: Error, CustomStringConvertible {
    var description: String

    init(_ description: String) { self.description = description }
}

func require(_ holds: Bool, _ description: @autoclosure () -> String) throws {
    if !holds { throw Fault(description()) }
}

/// What `body` reads; nil where it refuses, which it must do in a message that names the file.
func reading<Result>(_ file: String, _ body: () throws -> Result) throws -> Result? {
    do {
        return try body()
    } catch {
        let message = "\(error)"
        try require(message.contains(file), "the message does not name the file: \(message)")
        try require(message.utf8.count < 4096, "a message of \(message.utf8.count) bytes: \(message.prefix(300))")
        try require(
            !message.unicodeScalars.contains { $0.value < 0x20 && $0 != "\n" && $0 != "\t" || $0.value == 0x7F },
            "the message would play with a terminal: \(message)")
        return nil
    }
}
