/// What a plain line is: FORMAT.md, "Plain lines".
///
/// A text is what is left when a line can be nothing else. What could be meant otherwise is an error that says how to write
/// it; a text that only looks so is passed with `--as text` or in a record.
package enum PlainLine {
    package static func content(_ bytes: [UInt8], mode: EmbedInput.Mode) throws(RecordError) -> RecordContent {
        let trimmed = trim(bytes)
        guard !trimmed.isEmpty else { throw RecordError(code: "input.empty", message: "the line is blank") }
        switch mode {
        case .text: return .text(try text(bytes))
        case .image:
            try refuseNUL(bytes)
            try refuseURI(bytes)
            return .image(try RecordPath(bytes))
        case .auto:
            try refuseNUL(bytes)
            if MediaEndings.kind(of: bytes) == .image {
                try refuseURI(bytes)
                return .image(try RecordPath(bytes))
            }
            if let found = FileNames.find(bytes) {
                if case .file = found, MediaEndings.kind(ofFile: bytes) == .image {
                    return .image(try RecordPath(bytes))
                }
                throw fileError(bytes, found)
            }
            let text = try text(bytes)
            try refuseControls(trimmed)
            try refuseURI(trimmed)
            try refuseJSON(trimmed)
            try refuseNames(trimmed, of: bytes)
            return .text(text)
        }
    }

    private static func text(_ bytes: [UInt8]) throws(RecordError) -> String {
        if let text = String(validating: bytes, as: UTF8.self) { return text }
        if Encodings.isUTF16(bytes) { throw Encodings.error }
        throw RecordError(
            code: "input.utf8", message: "the line is not UTF-8 text; convert it, or pass --as image if it is a path")
    }

    private static func refuseNUL(_ bytes: [UInt8]) throws(RecordError) {
        guard bytes.contains(0) else { return }
        if Encodings.isUTF16(bytes) { throw Encodings.error }
        throw RecordError(
            code: "input.nul",
            message:
                "the line holds NUL characters; pass --null if they end the inputs, as 'find -print0' writes them, "
                + "or convert the list if it is UTF-16; if they are part of a text, pass --as text")
    }

    /// Refuses control characters, which no text has: colours of a terminal, data that are no text, or carriage returns
    /// where lines should end.
    private static func refuseControls(_ trimmed: ArraySlice<UInt8>) throws(RecordError) {
        guard let control = trimmed.first(where: { $0 < 0x20 && $0 != 0x09 && $0 != 0x0A }) else { return }
        let isLineEnd = control == 0x0D
        if isLineEnd, trimmed.contains(0x0A) { return }  // a text of several lines that ends with NUL
        let what =
            isLineEnd ? "carriage returns; end lines with a line feed" : "control characters; write it without them"
        throw RecordError(code: "input.control", message: "\(excerpt(trimmed)) holds \(what); \(remedy)")
    }

    // MARK: - Names of files

    private static func fileError(_ bytes: [UInt8], _ found: FileNames.Found) -> RecordError {
        let name = name(bytes)
        let message =
            switch (found, MediaEndings.kind(ofFile: bytes)) {
            case (.file, let kind?) where kind != .image: "\(name) is \(article(kind)), which nothing here decodes"
            case (.file, _): "\(name) is a file here; pass --as image if it is an image"
            case (.folder, _): "\(name) is a folder here; give the names of the images in it"
            case (.other(let what), _): "\(name) is \(what), and no input"
            }
        return RecordError(code: "input.file", message: "\(message); \(remedy)")
    }

    /// Refuses a line that is written like the name of a file, though nothing stands under it.
    private static func refuseNames(_ trimmed: ArraySlice<UInt8>, of bytes: [UInt8]) throws(RecordError) {
        if let kind = MediaEndings.kind(of: Array(trimmed)), kind != .image {
            throw RecordError(
                code: "input.media",
                message: "\(name(trimmed)) ends like \(article(kind)), which nothing here decodes; \(remedy)")
        }
        if isWrittenLikePath(trimmed) {
            throw RecordError(
                code: "input.file",
                message: "\(name(trimmed)) is written like the name of a file, and there is none; \(remedy)")
        }
        let bare = unquote(trimmed)
        if bare.count < bytes.count, MediaEndings.kind(of: Array(bare)) != nil || FileNames.find(bare) != nil {
            throw RecordError(
                code: "input.file",
                message:
                    "\(name(bare)) stands between blanks or quotes, which are no part of a file's name; write it "
                    + "without them; \(remedy)")
        }
    }

    /// `./x`, `../x`, `~/x`, `/x/y`, `C:\x`, `\\server\x`
    private static func isWrittenLikePath(_ line: ArraySlice<UInt8>) -> Bool {
        let separators: [UInt8] = [UInt8(ascii: "/"), UInt8(ascii: "\\")]
        var rest = line
        guard let first = rest.popFirst() else { return false }
        switch first {
        case UInt8(ascii: "/"): return rest.first != first && rest.contains(first)
        case UInt8(ascii: "\\"): return rest.first == first
        case UInt8(ascii: "~"): return rest.first == UInt8(ascii: "/")
        case UInt8(ascii: "."):
            if rest.first == first { rest.removeFirst() }
            return rest.first.map(separators.contains) ?? false
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"):
            return rest.popFirst() == UInt8(ascii: ":") && (rest.first.map(separators.contains) ?? false)
        default: return false
        }
    }

    private static func article(_ kind: MediaEndings.Kind) -> String {
        (kind == .image || kind == .audio ? "an " : "a ") + (kind == .audio ? "audio file" : kind.rawValue)
    }

    // MARK: - Words and bytes

    package static let remedy = #"if it is a text, pass --as text or write {"text": "..."}"#

    /// The beginning of a line in quotes, for messages.
    package static func excerpt(_ bytes: some Collection<UInt8>) -> String {
        bytes.count > 200 ? "'\(String(decoding: bytes.prefix(240), as: UTF8.self).prefix(60))...'" : name(bytes)
    }

    /// The name of a file in quotes, whole, so that it can be found again; what is no name is shortened.
    private static func name(_ bytes: some Collection<UInt8>) -> String {
        bytes.count < 4096 ? "'\(String(decoding: bytes, as: UTF8.self))'" : excerpt(bytes)
    }

    package static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D }

    /// Without blanks before and after.
    static func trim(_ bytes: [UInt8]) -> ArraySlice<UInt8> {
        var line = bytes[...]
        while let last = line.last, isBlank(last) { line.removeLast() }
        return line.drop(while: isBlank)
    }

    /// Without a pair of single quotes around it.
    private static func unquote(_ line: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        let quote = UInt8(ascii: "'")
        return line.count > 2 && line.first == quote && line.last == quote ? line.dropFirst().dropLast() : line
    }
}
