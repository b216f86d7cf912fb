/// Arguments as the system has them, bytes that need not be text, on their way through a parser that knows text only and
/// takes whatever begins with a dash for options.
///
/// Such bytes travel in disguise: as scalars of a private plane that no text uses (and where one does, its own bytes are
/// disguised as well), so that each argument comes out as it went in.
enum RawArguments {
    private static let base: UInt32 = 0x10_FF00

    /// The arguments of this process, without the program's name.
    static var ofProcess: [[UInt8]] {
        let count = Int(CommandLine.argc)
        return (1..<max(1, count)).compactMap { index in
            CommandLine.unsafeArgv[index].map { Array(UnsafeBufferPointer(start: $0, count: length($0))) }
        }.map { $0.map { UInt8(bitPattern: $0) } }
    }

    private static func length(_ text: UnsafePointer<CChar>) -> Int {
        var length = 0
        while text[length] != 0 { length += 1 }
        return length
    }

    /// The bytes as a string, those that are no text in disguise; with `hidesDash`, also a dash at the beginning.
    static func string(_ bytes: [UInt8], hidesDash: Bool = false) -> String {
        var text = String.UnicodeScalarView()
        var rest = bytes[...]
        if hidesDash, rest.first == UInt8(ascii: "-") { text.append(disguise(rest.removeFirst())) }
        while let byte = rest.first {
            let length = byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4
            let scalar = String(validating: rest.prefix(length), as: UTF8.self)?.unicodeScalars.first
            if let scalar, scalar.value < base {
                text.append(scalar)
                rest.removeFirst(length)
            } else {
                text.append(disguise(byte))
                rest.removeFirst()
            }
        }
        return String(text)
    }

    /// The bytes that `string` disguised.
    static func bytes(_ string: String) -> [UInt8] {
        var bytes: [UInt8] = []
        for scalar in string.unicodeScalars {
            if let byte = UInt8(exactly: scalar.value &- base) {
                bytes.append(byte)
            } else {
                bytes += Array(String(scalar).utf8)
            }
        }
        return bytes
    }

    /// A message in which arguments may stand, without disguises.
    static func revealed(_ message: String) -> String {
        guard message.unicodeScalars.contains(where: { $0.value >= base }) else { return message }
        return String(decoding: bytes(message), as: UTF8.self)
    }

    private static func disguise(_ byte: UInt8) -> Unicode.Scalar { Unicode.Scalar(base + UInt32(byte)) ?? "\u{FFFD}" }
}
