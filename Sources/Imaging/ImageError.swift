/// Why an image could not be read, resized or written.
///
/// `code` is stable and meant for programs (it goes into error records); `description` is one sentence for people that
/// names the file, if there is one.
public struct ImageError: Error, Sendable, Hashable, CustomStringConvertible {
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        /// No file at this path.
        case missing = "image.missing"
        /// A directory, named pipe, socket or device where a file is needed.
        case notAFile = "image.not-a-file"
        /// The file exists and cannot be opened or read.
        case unreadable = "image.unreadable"
        /// No bytes at all.
        case empty = "image.empty"
        /// The data end before the picture does.
        case truncated = "image.truncated"
        /// Not a picture in a format that is read, or a broken one.
        case decode = "image.decode"
        /// A format that is read through a library which is not installed.
        case library = "image.library"
        /// More pixels, or more bytes, than the limits allow.
        case tooLarge = "image.too-large"
        /// A transform that cannot be applied, or not to this picture.
        case transform = "image.transform"
        /// The file could not be written.
        case write = "image.write"
    }

    public let kind: Kind
    /// The file's path as given, or another name for where the bytes came from; `nil` if the caller gave none.
    public let source: String?
    /// What is wrong, without the source.
    public let reason: String

    public init(_ kind: Kind, source: String? = nil, reason: String) {
        self.kind = kind
        self.source = source
        self.reason = reason
    }

    /// The stable code, for example `image.decode`.
    public var code: String { kind.rawValue }

    public var description: String {
        guard let source else { return reason }
        return "\(source): \(reason)"
    }

    /// The same error with a source, where it has none.
    func from(_ source: String?) -> ImageError {
        self.source == nil ? ImageError(kind, source: source, reason: reason) : self
    }
}
