/// Why one record failed. The rest of the stream goes on.
public struct RecordError: Error, Sendable, Hashable, CustomStringConvertible {
    /// A short stable name, for programs: "json.syntax". The ones of this module are listed in FORMAT.md.
    public var code: String
    /// One plain sentence, for people.
    public var message: String

    public init(code: String, message: String) {
        self.code = code
        self.message = message
    }

    /// The message on one line: names of files may hold line feeds, and what a terminal takes for commands.
    public var description: String {
        guard message.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7F }) else { return message }
        return message.unicodeScalars.reduce(into: "") { text, scalar in
            switch scalar.value {
            case 0x0A: text += "\\n"
            case 0x0D: text += "\\r"
            case 0x09: text += "\\t"
            case ..<0x20, 0x7F: text += "\\x" + (scalar.value < 16 ? "0" : "") + String(scalar.value, radix: 16)
            default: text.unicodeScalars.append(scalar)
            }
        }
    }
}
