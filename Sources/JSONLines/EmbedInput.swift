/// One thing to embed, as FORMAT.md has it under "Input".
public struct EmbedInput: Sendable, Hashable {
    public var id: RecordID
    /// The 1-based line of the input.
    public var line: Int
    public var content: RecordContent
    /// The fields that nobody here knows, to pass through.
    public var extra: [RawField]

    /// What a plain line is.
    public enum Mode: String, Sendable, CaseIterable {
        /// What it looks like: an image when it ends like one, a text when it can be nothing else.
        case auto
        case image, text
    }

    init(id: RecordID, line: Int, content: RecordContent, extra: [RawField] = []) {
        self.id = id
        self.line = line
        self.content = content
        self.extra = extra
    }

    /// The keys of a record that say what it is, where they are not null: at most one for images, and `text`.
    static func contentKeys(_ record: JSONRecord, pairs: Bool) throws(RecordError) -> [String] {
        let given = ["image", "path_base64", "text"].filter(record.has)
        guard !given.isEmpty else {
            let hint = record.has("path") ? "; write 'image' instead of 'path'" : ""
            throw RecordError(code: "input.neither", message: "the record has neither 'image' nor 'text'\(hint)")
        }
        let isPair = given.count == 2 && given[1] == "text"
        guard given.count == 1 || isPair && pairs else {
            let hint = isPair ? ", or both with 'clip embed --pairs'" : ""
            throw RecordError(
                code: "input.both",
                message: "the record has both '\(given[0])' and '\(given[1])'; give one of them\(hint)")
        }
        return given
    }

    /// What stands under `key`, one of `contentKeys`.
    init(_ record: JSONRecord, key: String, id: RecordID, line: Int) throws(RecordError) {
        self.id = id
        self.line = line
        // What the output record writes itself cannot pass through as well, and what is null is not there.
        var known = ["id", "modality", "space", "embedding", "image", "path_base64", "text"]
        if key == "text" {
            content = .text(try record.string(key) ?? "")
        } else {
            let named = try record.string("image")
            let path = if let named { try RecordPath(named) } else { try RecordContent.base64Path(record) }
            guard let path else { throw RecordError(code: "input.neither", message: "the record has no 'image'") }
            try PlainLine.refuseURI(path.bytes)
            content = .image(path)
            known.append("path")
        }
        extra = record.fields(except: known)
    }
}
