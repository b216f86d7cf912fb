/// What the argument parser writes for people, its usage lines broken: it leaves them as long as they get.
enum HelpText {
    private static let columns = 80

    static func wrapped(_ text: String) -> String {
        text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            line.lowercased().hasPrefix("usage: ") ? usage(String(line)) : String(line)
        }.joined(separator: "\n")
    }

    /// Breaks between arguments, never inside one; further lines stand below the command's name.
    private static func usage(_ line: String) -> String {
        var lines = [""]
        for part in arguments(line) {
            let last = lines[lines.count - 1]
            if last.isEmpty {
                lines[lines.count - 1] = part
            } else if last.count + 1 + part.count <= columns {
                lines[lines.count - 1] += " " + part
            } else {
                lines.append(String(repeating: " ", count: "usage: ".count) + part)
            }
        }
        return lines.joined(separator: "\n")
    }

    /// The words of a line; what stands in brackets is one, and an option with its value.
    private static func arguments(_ line: String) -> [String] {
        var parts: [String] = []
        var depth = 0
        for word in line.split(separator: " ") {
            let isValue = word.hasPrefix("<") && parts.last?.hasPrefix("--") == true
            if depth > 0 || isValue, let last = parts.popLast() {
                parts.append(last + " " + word)
            } else {
                parts.append(String(word))
            }
            depth += word.reduce(0) { $0 + ($1 == "[" ? 1 : $1 == "]" ? -1 : 0) }
        }
        return parts
    }
}
