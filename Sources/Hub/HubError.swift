/// Why a model was not fetched from a hub.
public struct HubError: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Reason: Sendable {
        /// No request may be made, and the cache does not have it.
        case offline
        /// There is no such repository, revision or file.
        case notFound
        /// The hub wants to know who asks, or has refused them.
        case refused
        /// The hub cannot be reached, or not for long enough.
        case network
        /// What the hub sent is not what it announced.
        case corrupt
        /// The files of the repository hold no model that could be used.
        case noModel
        /// The cache cannot be written, or the disk is full.
        case storage
        /// A library or a setting is missing or wrong.
        case setup
    }

    public var reason: Reason
    /// The repository, file or setting that it is about.
    public var subject: String
    /// What is wrong, and what to do about it.
    public var message: String

    public init(_ reason: Reason, _ subject: String, _ message: String) {
        self.reason = reason
        self.subject = subject
        self.message = message
    }

    public var description: String { "\(subject): \(message)" }
}

/// A failure that may go better another time.
struct TransientFailure: Error {
    /// "the connection was cut off"
    var cause: String
    /// How long the server asks to wait.
    var retryAfter: Duration?
    /// Whether bytes arrived that are kept.
    var hasProgress = false
}
