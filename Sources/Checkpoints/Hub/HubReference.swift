/// A model repository of a hub, as it is written for people: `hf:ORG/NAME` or `hf:ORG/NAME@REVISION`.
public struct HubReference: Hashable, Sendable, CustomStringConvertible {
    /// What the text of a reference starts with.
    public static let prefix = "hf:"

    /// "laion/CLIP-ViT-B-32-laion2B-s34B-b79K"
    public let repository: String
    /// A branch, a tag or a commit.
    public let revision: String

    /// Refuses what is no name of a repository or of a revision: both become parts of addresses and of paths.
    public init(repository: String, revision: String = "main") throws(CheckpointError) {
        let parts = repository.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, parts.allSatisfy({ Self.isName($0) }), !repository.contains("--") else {
            throw CheckpointError(
                Self.prefix + repository, "this names no repository of a hub; write \(Self.prefix)ORG/NAME[@REVISION]")
        }
        guard revision.split(separator: "/", omittingEmptySubsequences: false).allSatisfy({ Self.isName($0) }) else {
            throw CheckpointError(
                Self.prefix + repository + "@" + revision,
                "'\(revision)' is no revision; write a branch, a tag or a commit")
        }
        self.repository = repository
        self.revision = revision
    }

    /// Reads `hf:ORG/NAME[@REVISION]`.
    public init(_ text: String) throws(CheckpointError) {
        let name = text.hasPrefix(Self.prefix) ? text.dropFirst(Self.prefix.count) : text[...]
        let parts = name.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
        try self.init(
            repository: parts.first.map(String.init) ?? "", revision: parts.count == 2 ? String(parts[1]) : "main")
    }

    public var description: String { Self.prefix + repository + (revision == "main" ? "" : "@" + revision) }

    /// Whether a revision is a whole commit, which never changes.
    package static func isCommit(_ text: String) -> Bool {
        text.utf8.count == 40 && text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    }

    /// One part of a path that leads nowhere else.
    private static func isName(_ part: Substring) -> Bool {
        let isKnown = part.utf8.allSatisfy { byte in
            (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_") || byte == UInt8(ascii: ".")
        }
        return isKnown && (1...96).contains(part.utf8.count) && !part.hasPrefix(".") && !part.contains("..")
    }
}
