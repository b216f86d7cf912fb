import ArgumentParser
import CLIPKit

/// An argument that is an input or the name of a file: bytes, which need not be text and may begin with a dash.
struct RawArgument: ExpressibleByArgument, Hashable, CustomStringConvertible {
    let bytes: [UInt8]

    init(bytes: [UInt8]) { self.bytes = bytes }

    init?(argument: String) { bytes = RawArguments.bytes(argument) }

    /// For messages: bytes that are no text show as U+FFFD.
    var description: String { String(decoding: bytes, as: UTF8.self) }
    var defaultValueDescription: String { description }

    /// Calls `body` with the argument as the system's functions want it. The system passes none with a NUL inside.
    func withCString<T>(_ body: (UnsafePointer<CChar>) throws -> T) rethrows -> T {
        try (bytes.map { CChar(bitPattern: $0) } + [0]).withUnsafeBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return try body("") }
            return try body(base)
        }
    }
}

/// `--as`, for every command that reads plain lines.
struct PlainInputOption: ParsableArguments {
    @Option(
        name: .customLong("as"),
        help: ArgumentHelp(
            "What plain inputs are: image, text, or auto: images where they end like one, else texts; what could be meant "
                + "otherwise fails, such as the name of another file.", valueName: "auto|image|text"))
    var mode: EmbedInput.Mode = .auto
}
