/// The note that a command leaves in a folder that it made, by which it knows the folder again: `.clip-output`.
///
///     # Left by clip, which writes over this folder again only as long as it is as described here.
///     command: clip models convert
///     purpose: of the space 3f9c12ab, layout clip
///     file: 4970650 1700000000.123456789 model.safetensors
///
/// A file is as it was made while its size and the time of its last writing are those noted. Names alone prove nothing:
/// anybody may have a `model.yaml`.
public struct OutputRecord: Hashable, Sendable {
    public static let name = ".clip-output"

    /// What made the folder: `clip models convert`.
    public var command: String
    /// For what: the same command on something else has another.
    public var purpose: String
    /// What was made. Empty where files change as long as the command goes on, as those of training do.
    package var files: [FolderTree.Item] = []

    public init(command: String, purpose: String) {
        self.command = command
        self.purpose = purpose
    }

    /// The record in `folder`; nil where there is none, or none that can be read.
    public init?(in folder: String) {
        guard let text = Self.text(of: folder + "/" + Self.name) else { return nil }
        var fields: [String: String] = [:]
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
            guard let colon = line.firstRange(of: ": ") else { return nil }
            let (key, value) = (String(line[..<colon.lowerBound]), String(line[colon.upperBound...]))
            if key == "file" {
                let parts = value.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false)
                guard parts.count == 3, let size = Int(parts[0]) else { return nil }
                files.append(
                    FolderTree.Item(
                        path: String(parts[2]), isFolder: false, size: size, written: String(parts[1])))
            } else {
                fields[key] = value
            }
        }
        guard let command = fields["command"], let purpose = fields["purpose"] else { return nil }
        (self.command, self.purpose) = (command, purpose)
    }

    /// Writes the record into `folder`, as it is.
    public func write(in folder: String) throws {
        func line(_ key: String, _ value: String) -> String {
            "\(key): " + String(value.map { $0.isNewline ? " " : $0 }) + "\n"
        }
        var text = "# Left by clip, which writes over this folder again only as long as it is as described here.\n"
        text += line("command", command) + line("purpose", purpose)
        // A name with a line feed is left out, and counts as somebody else's.
        for file in files where !file.path.contains(where: \.isNewline) {
            text += line("file", "\(file.size) \(file.written) \(file.path)")
        }
        try AtomicFile.write(text, to: folder + "/" + Self.name)
    }

    /// The files noted that are in `folder` as they were made.
    package func unchanged(among items: [FolderTree.Item]) -> Set<String> {
        Set(files).intersection(items).reduce(into: []) { $0.insert($1.path) }
    }

    private static func text(of path: String) -> String? {
        guard FileIdentity(path) != nil, let bytes = try? SmallFile.read(path, limit: 1 << 24) else { return nil }
        return String(validating: bytes, as: UTF8.self)
    }
}
