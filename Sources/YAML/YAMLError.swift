/// What is wrong with a YAML file, where, and what to do about it.
public struct YAMLError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The place; line 0 when the trouble is with the file as a whole.
    public var location: YAMLLocation
    /// What is wrong, in one clause: "unknown key 'patchsize'".
    public var message: String
    /// What to do about it, in one clause, or empty: "did you mean 'patchSize'?".
    public var remedy: String

    public init(at location: YAMLLocation, _ message: String, remedy: String = "") {
        self.location = location
        self.message = message
        self.remedy = remedy
    }

    public var file: String { location.file }
    public var line: Int { location.line }
    public var column: Int { location.column }

    /// `model.yaml:7:12: unknown key 'patchsize'; did you mean 'patchSize'?`
    public var description: String {
        var text = ""
        if !file.isEmpty { text += file + ":" }
        if line > 0 { text += "\(line):\(column):" }
        if !text.isEmpty { text += " " }
        return (text + message + (remedy.isEmpty ? "" : "; " + remedy)).printable
    }
}
