public import YAML

/// A file that a plugin's setting names.
public enum SettingFile {
    /// The most bytes that are read: large vocabularies are tens of megabytes.
    public static let limit = 1 << 29

    /// Where the file is: in the model's folder, unless the setting is a whole path.
    public static func path(_ name: String, in folder: String) -> String {
        name.hasPrefix("/") || folder.isEmpty ? name : folder + "/" + name
    }

    /// The bytes of the file at `path`, all of them.
    public static func bytes(_ path: String, limit: Int = limit) throws(YAMLError) -> [UInt8] {
        let bytes = try readFile(path, limit: limit)
        guard bytes.count <= limit else {
            throw error(path, "has more than \(limit) bytes", remedy: "name another file")
        }
        return bytes
    }

    /// An error about the file as a whole.
    public static func error(_ path: String, _ message: String, remedy: String) -> YAMLError {
        YAMLError(at: YAMLLocation(file: path, line: 0, column: 0), message, remedy: remedy)
    }
}
