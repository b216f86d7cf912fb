/// Text that stands where another file was meant: what downloads leave behind when they go wrong.
package enum ForeignText {
    /// What the file is whose first bytes are given, and what to do about it; nil where it is nothing known. The `what`
    /// follows the file's name: "is a Git LFS pointer, not the file that it stands for".
    package static func found(_ bytes: some Collection<UInt8>) -> (what: String, remedy: String)? {
        let start = String(decoding: bytes.prefix(2048), as: UTF8.self)
        let text = start.drop { $0.isWhitespace || $0 == "\u{FEFF}" }
        if text.hasPrefix("version https://git-lfs.github.com/spec/")
            || text.hasPrefix("version https://hawser.github.com/spec/")
        {
            let size = text.split(separator: "\n").first { $0.hasPrefix("size ") }?.dropFirst(5)
            return (
                "is a Git LFS pointer, not the file that it stands for" + (size.map { " (\($0) bytes)" } ?? ""),
                "run 'git lfs pull' where it was cloned, or fetch it with 'clip models pull'"
            )
        }
        let lower = text.prefix(600).lowercased()
        if lower.hasPrefix("<!doctype html") || lower.hasPrefix("<html") || lower.hasPrefix("<head")
            || lower.hasPrefix("<!--") && lower.contains("<html") || lower.hasPrefix("<?xml") && lower.contains("<html")
        {
            return (
                "is a web page (HTML)",
                "the download fetched a page instead of the file: a log-in, an error, or a link to look at it (/blob/ "
                    + "instead of /resolve/); fetch the file itself"
            )
        }
        if let message = serverMessage(text, lower) {
            return (
                "is a server's answer, '\(message)'",
                "check the address, and whether the file needs an account; then fetch it again"
            )
        }
        return nil
    }

    /// The message of an error in JSON or XML, or of the hub in plain words.
    private static func serverMessage(_ text: Substring, _ lower: String) -> String? {
        let plain = [
            "entry not found", "repository not found", "revision not found", "invalid username or password",
            "access to model ", "access to this resource", "not found", "404 ", "404:", "403 forbidden",
            "401 unauthorized",
            "unauthorized", "forbidden", "too many requests", "internal server error", "bad gateway",
        ]
        if plain.contains(where: lower.hasPrefix), !lower.contains(":\n"), text.utf8.count < 1000 {
            return printable(text)
        }
        if lower.hasPrefix("<error>") || lower.hasPrefix("<?xml") && lower.contains("<error>") {
            let message = text.firstRange(of: "<Message>").map { text[$0.upperBound...].prefix { $0 != "<" } }
            return printable(message ?? "an error in XML")
        }
        guard text.hasPrefix("{") else { return nil }
        let member = text.dropFirst().drop { $0.isWhitespace }
        guard let key = ["\"error\"", "\"errors\"", "\"detail\"", "\"message\""].first(where: member.hasPrefix) else {
            return nil
        }
        let value = member.dropFirst(key.count).drop { $0.isWhitespace || $0 == ":" }
        // A vocabulary may have a word "error" with a number, a tokenizer's settings how it decodes: `"errors": "replace"`.
        guard let first = value.first, "\"{[".contains(first), key != "\"errors\"" || first != "\"" else { return nil }
        return printable(value.drop { "\"{[".contains($0) }.prefix { $0 != "\"" && $0 != "}" })
    }

    /// At most 80 characters of the first line, without those that play with a terminal.
    private static func printable(_ text: Substring) -> String {
        let line = text.prefix { !$0.isNewline }.unicodeScalars.prefix(80)
        return String(String.UnicodeScalarView(line.map { $0.properties.generalCategory == .control ? "?" : $0 }))
    }
}
