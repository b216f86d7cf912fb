/// What happens while a model is fetched.
public enum HubEvent: Hashable, Sendable {
    /// Bytes of a file came, or were there already.
    case progress(HubProgress)
    /// Another process fetches the same file, and is waited for.
    case waiting(file: String)
    /// Something failed and is tried again after `delay`.
    case retrying(subject: String, cause: String, delay: Duration)
}

/// How far it is.
public struct HubProgress: Hashable, Sendable {
    /// The file that is being fetched.
    public var file: String
    /// Bytes of all files that are there.
    public var received: Int
    /// Bytes of all files; nil where the hub does not tell.
    public var total: Int?
}
