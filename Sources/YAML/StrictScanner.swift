import CLibYAML

/// Finds what YAML 1.2 forbids and libyaml lets pass: comments without a space before them, lines inside brackets and
/// quotes that are not indented, and a dash alone in brackets. For text that libyaml has read.
struct StrictScanner {
    private let bytes: UnsafeMutableBufferPointer<UInt8>
    private let count: Int
    private let file: String
    /// A place that was found last: libyaml counts characters.
    private var known = (character: 0, byte: 0)
    /// Columns of the mappings and lists by indentation around the token.
    private var blocks: [Int] = []
    /// Brackets around the token.
    private var depth = 0

    /// - Parameter count: Bytes of the text, which begins `bytes`.
    init(_ bytes: UnsafeMutableBufferPointer<UInt8>, count: Int, file: String) {
        self.bytes = bytes
        self.count = count
        self.file = file
    }

    mutating func check() throws(YAMLError) {
        var parser = yaml_parser_t()
        guard yaml_parser_initialize(&parser) == 1 else { return }
        defer { yaml_parser_delete(&parser) }
        yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING)
        yaml_parser_set_input_string(&parser, bytes.baseAddress, count)
        while true {
            var token = yaml_token_t()
            guard yaml_parser_scan(&parser, &token) == 1 else { return }
            defer { yaml_token_delete(&token) }
            if token.type == YAML_STREAM_END_TOKEN || token.type == YAML_NO_TOKEN { return }
            try check(token)
        }
    }

    private mutating func check(_ token: yaml_token_t) throws(YAMLError) {
        switch token.type {
        case YAML_BLOCK_MAPPING_START_TOKEN, YAML_BLOCK_SEQUENCE_START_TOKEN:
            blocks.append(Int(clamping: token.start_mark.column))
        case YAML_BLOCK_END_TOKEN: _ = blocks.popLast()
        case YAML_FLOW_SEQUENCE_START_TOKEN, YAML_FLOW_MAPPING_START_TOKEN:
            try checkIndentation(token.start_mark)
            depth += 1
            try checkComment(after: token.end_mark)
        case YAML_FLOW_SEQUENCE_END_TOKEN, YAML_FLOW_MAPPING_END_TOKEN:
            // Its own indentation is free in all programs that people use.
            depth -= 1
            try checkComment(after: token.end_mark)
        case YAML_FLOW_ENTRY_TOKEN, YAML_VERSION_DIRECTIVE_TOKEN, YAML_TAG_DIRECTIVE_TOKEN:
            try checkComment(after: token.end_mark)
        case YAML_ALIAS_TOKEN, YAML_ANCHOR_TOKEN, YAML_TAG_TOKEN:
            if depth > 0 { try checkIndentation(token.start_mark) }
        case YAML_SCALAR_TOKEN: try checkScalar(token)
        default: break
        }
    }

    private mutating func checkScalar(_ token: yaml_token_t) throws(YAMLError) {
        let style = token.data.scalar.style
        if style == YAML_LITERAL_SCALAR_STYLE || style == YAML_FOLDED_SCALAR_STYLE {
            return try checkBlockScalar(token.start_mark)
        }
        if depth > 0 { try checkIndentation(token.start_mark) }
        let isQuoted = style != YAML_PLAIN_SCALAR_STYLE
        if depth > 0, !isQuoted, token.data.scalar.length == 1, token.data.scalar.value[0] == UInt8(ascii: "-") {
            throw error(token.start_mark, "a dash alone is no value in brackets", remedy: "put it in quotes")
        }
        let (start, end) = (byte(of: token.start_mark), byte(of: token.end_mark))
        if isQuoted || depth > 0, token.start_mark.line != token.end_mark.line {
            var line = Int(clamping: token.start_mark.line)
            for place in start..<end where bytes[place] == 0x0A {
                line += 1
                try checkIndentation(of: place + 1, line: line)
            }
        }
        if isQuoted { try checkComment(after: token.end_mark) }
    }

    /// The line of `|` or `>`, and the empty lines below it.
    private mutating func checkBlockScalar(_ mark: yaml_mark_t) throws(YAMLError) {
        var place = byte(of: mark) + 1
        var isIndented = false
        while place < count, bytes[place] != 0x0A, bytes[place] != 0x20, bytes[place] != 0x09, bytes[place] != 0x0D {
            if bytes[place] == UInt8(ascii: "#") {
                throw comment(Int(clamping: mark.line), Int(clamping: mark.column) + place - byte(of: mark))
            }
            isIndented = isIndented || 0x30...0x39 ~= bytes[place]
            place += 1
        }
        if isIndented { return }
        // Empty lines in front may not be indented more than the text.
        var widest = 0
        var line = Int(clamping: mark.line)
        while let end = bytes[place..<count].firstIndex(of: 0x0A) {
            line += 1
            place = end + 1
            let spaces = self.spaces(at: place)
            guard place + spaces < count, bytes[place + spaces] != 0x0A, bytes[place + spaces] != 0x0D else {
                widest = max(widest, spaces)
                continue
            }
            if spaces > blocks.last ?? -1, widest > spaces {
                throw error(
                    line, spaces, "the text is indented less than an empty line before it",
                    remedy: "take the spaces off the empty line")
            }
            return
        }
    }

    // MARK: - Lines

    /// A token that begins a line must be indented more than what the brackets are in.
    private mutating func checkIndentation(_ mark: yaml_mark_t) throws(YAMLError) {
        let place = byte(of: mark)
        var start = place
        while start > 0, bytes[start - 1] == 0x20 || bytes[start - 1] == 0x09 { start -= 1 }
        guard start > 0, bytes[start - 1] == 0x0A || bytes[start - 1] == 0x0D else { return }
        try checkIndentation(of: start, line: Int(clamping: mark.line))
    }

    private func checkIndentation(of start: Int, line: Int) throws(YAMLError) {
        let spaces = spaces(at: start)
        var end = start + spaces
        while end < count, bytes[end] == 0x09 || bytes[end] == 0x20 { end += 1 }
        guard end < count, bytes[end] != 0x0A, bytes[end] != 0x0D, spaces <= blocks.last ?? -1 else { return }
        let isTab = bytes[start + spaces] == 0x09
        throw error(
            line, spaces, isTab ? "a tab is no indentation" : "this line is not indented as what it belongs to",
            remedy: "begin it with \((blocks.last ?? -1) + 1) or more spaces")
    }

    private func spaces(at place: Int) -> Int {
        var end = place
        while end < count, bytes[end] == 0x20 { end += 1 }
        return end - place
    }

    private mutating func checkComment(after mark: yaml_mark_t) throws(YAMLError) {
        let place = byte(of: mark)
        guard place < count, bytes[place] == UInt8(ascii: "#") else { return }
        throw comment(Int(clamping: mark.line), Int(clamping: mark.column))
    }

    private func comment(_ line: Int, _ column: Int) -> YAMLError {
        error(line, column, "a comment begins without a space before it", remedy: "put a space before '#'")
    }

    /// The byte of a mark. Marks are asked for in the order of the text, or nearly.
    private mutating func byte(of mark: yaml_mark_t) -> Int {
        let index = Int(clamping: mark.index)
        var (character, byte) = known
        while character > index, byte > 0 {
            byte -= 1
            if bytes[byte] & 0xC0 != 0x80 { character -= 1 }
        }
        while character < index, byte < count {
            byte += 1
            while byte < count, bytes[byte] & 0xC0 == 0x80 { byte += 1 }
            character += 1
        }
        known = (character, byte)
        return byte
    }

    private func error(_ mark: yaml_mark_t, _ message: String, remedy: String) -> YAMLError {
        error(Int(clamping: mark.line), Int(clamping: mark.column), message, remedy: remedy)
    }

    private func error(_ line: Int, _ column: Int, _ message: String, remedy: String) -> YAMLError {
        YAMLError(
            at: YAMLLocation(file: file, line: line + 1, column: column + 1), "bad YAML: \(message)", remedy: remedy)
    }
}
