import ArgumentParser
import CLIPKit

/// Arguments that begin with a dash and are no options: `clip embed *.png` where a file is called `-photo.png`.
///
/// The parser would take such a name for a group of short options, and the `h` in it for a call for help. What exists is a
/// file; the rest is wrong usage.
struct DashedNames {
    /// The options of one command, as its help has them.
    struct Options {
        /// Each long and short name, with its dashes, and whether a value follows it.
        private(set) var takesValue: [String: Bool] = [
            "--generate-completion-script": true, "--experimental-dump-help": false, "--help-hidden": false,
            "-help": false,
        ]

        init(of command: any ParsableCommand.Type) {
            let help = Clip.helpMessage(for: command, includeHidden: true, columns: 4000)
            for line in help.split(separator: "\n") where line.hasPrefix("  -") {
                // "  -h, --help   Show", "  --model <name|path>   The model"
                var name: Substring?
                for word in line.split(separator: " ") {
                    if word.hasPrefix("-") {
                        name = word.last == "," ? word.dropLast() : word
                        if let name { takesValue[String(name)] = false }
                    } else {
                        if word.hasPrefix("<"), let name { takesValue[String(name)] = true }
                        break
                    }
                }
            }
        }
    }

    /// The command's path of names, "embed" or "models list", and its type.
    private static func command(_ arguments: [[UInt8]]) -> (path: String, type: any ParsableCommand.Type, count: Int) {
        var type: any ParsableCommand.Type = Clip.self
        var path = "clip"
        for (index, bytes) in arguments.enumerated() {
            let name = String(decoding: bytes, as: UTF8.self)
            guard let next = type.configuration.subcommands.first(where: { $0._commandName == name }) else {
                return (path, type, index)
            }
            path += " " + name
            type = next
        }
        return (path, type, arguments.count)
    }

    /// Arguments for the parser. Throws `UsageError` for what begins with one dash and is neither an option nor a file.
    static func resolve(_ arguments: [[UInt8]]) throws -> [String] {
        let dash = UInt8(ascii: "-")
        func isDashed(_ bytes: [UInt8]) -> Bool { bytes.count > 1 && bytes[0] == dash && bytes != [dash, dash] }
        // The help is not made for every command.
        let isClear = arguments.indices.allSatisfy { index in
            let bytes = arguments[index]
            if !isDashed(bytes) || bytes == Array("-h".utf8) { return true }
            let isQuery = index > 0 && arguments[index - 1] == Array("--query".utf8)
            return bytes[1] == dash && !isQuery && FileNames.find(bytes) == nil
        }
        if isClear { return arguments.map { RawArguments.string($0) } }
        let (path, type, start) = command(arguments)
        let options = Options(of: type)
        var result: [String] = []
        var isEnded = false
        for (index, bytes) in arguments.enumerated() {
            let text = RawArguments.string(bytes)
            if bytes == [dash, dash] { isEnded = true }
            let name = text.prefix { $0 != "=" }
            guard index >= start, !isEnded, isDashed(bytes), options.takesValue[String(name)] == nil else {
                result.append(text)
                continue
            }
            let before = index > start ? String(decoding: arguments[index - 1], as: UTF8.self) : ""
            let option = options.takesValue[before] == true ? before : nil
            let exists = FileNames.find(bytes) != nil
            if option == "--query" || exists && option == nil && type == Embed.self {
                result.append(RawArguments.string(bytes, hidesDash: true))
            } else if exists {
                result.append("./" + text)
            } else if bytes[1] == dash || Double(text) != nil {
                result.append(text)  // the parser tells what is like it, or what is wrong with the number
            } else {
                let what = option.map { "\($0) has no value: " } ?? ""
                throw UsageError(
                    "\(what)'\(String(decoding: bytes, as: UTF8.self))' is neither an option of '\(path)' nor a file here; "
                        + "see '\(path) --help'")
            }
        }
        return result
    }
}
