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

    public var description: String { message }
}
