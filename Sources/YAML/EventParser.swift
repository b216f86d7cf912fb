import CLibYAML

/// Builds nodes from libyaml's events, which say where everything was written.
final class EventParser {
    private struct Built {
        var node: YAMLNode
        /// Nodes in it, itself and the targets of aliases included.
        var count: Int
        /// Collections inside one another in it.
        var height: Int
    }

    private let file: String
    private let limits: YAMLLimits
    private let bytes: UnsafeMutableBufferPointer<UInt8>
    private let byteCount: Int
    private let parser: UnsafeMutablePointer<yaml_parser_t>
    private let event: UnsafeMutablePointer<yaml_event_t>
    private var anchors: [String: Built] = [:]
    private var count = 0
    private let isReady: Bool

    init(bytes input: [UInt8], file: String, limits: YAMLLimits) {
        self.file = file
        self.limits = limits
        // libyaml reads a byte order mark only when it guesses the encoding, and we do not let it guess UTF-16.
        let text = input.starts(with: [0xEF, 0xBB, 0xBF]) ? input.dropFirst(3) : input[...]
        byteCount = text.count
        bytes = .allocate(capacity: max(text.count, 1))
        bytes.initialize(repeating: 0)
        _ = bytes.update(fromContentsOf: text)
        parser = .allocate(capacity: 1)
        event = .allocate(capacity: 1)
        event.initialize(to: yaml_event_t())
        parser.initialize(to: yaml_parser_t())
        isReady = yaml_parser_initialize(parser) == 1
        if isReady {
            yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
            yaml_parser_set_input_string(parser, bytes.baseAddress, text.count)
        }
    }

    deinit {
        if isReady { yaml_parser_delete(parser) }
        yaml_event_delete(event)
        event.deallocate()
        parser.deallocate()
        bytes.deallocate()
    }

    func document() throws(YAMLError) -> YAMLNode {
        guard isReady else { throw failure(0, 0, "out of memory") }
        try next()  // the stream's start
        try next()
        if event.pointee.type == YAML_STREAM_END_EVENT {
            return YAMLNode(.scalar(text: "", isQuoted: false), at: YAMLLocation(file: file, line: 1, column: 1))
        }
        try next()  // past the document's start
        let root = try node(depth: 1).node
        try next()  // the document's end
        try next()
        guard event.pointee.type == YAML_STREAM_END_EVENT else {
            throw YAMLError(
                at: here, "a second YAML document begins here",
                remedy: "keep one document a file, without '---' between")
        }
        var scanner = StrictScanner(bytes, count: byteCount, file: file)
        try scanner.check()
        return root
    }

    /// The node that starts with the current event; leaves the event that ends it current.
    private func node(depth: Int) throws(YAMLError) -> Built {
        let place = here
        switch event.pointee.type {
        case YAML_ALIAS_EVENT: return try alias(at: place, depth: depth)
        case YAML_SCALAR_EVENT: return try scalar(at: place)
        case YAML_SEQUENCE_START_EVENT:
            let start = event.pointee.data.sequence_start
            let anchor = text(start.anchor)
            try checkTag(start.tag, allowed: "tag:yaml.org,2002:seq", at: place)
            return anchored(anchor, try sequence(at: place, depth: depth))
        case YAML_MAPPING_START_EVENT:
            let start = event.pointee.data.mapping_start
            let anchor = text(start.anchor)
            try checkTag(start.tag, allowed: "tag:yaml.org,2002:map", at: place)
            return anchored(anchor, try mapping(at: place, depth: depth))
        default:
            throw YAMLError(at: place, "a value was expected here")
        }
    }

    private func scalar(at place: YAMLLocation) throws(YAMLError) -> Built {
        let scalar = event.pointee.data.scalar
        let isString = text(scalar.tag) == "tag:yaml.org,2002:str"
        if !isString { try checkTag(scalar.tag, allowed: "!", at: place) }
        let value = String(
            decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length), as: UTF8.self)
        let isQuoted = isString || scalar.tag != nil || scalar.style != YAML_PLAIN_SCALAR_STYLE
        try add(1, at: place)
        let built = Built(node: YAMLNode(.scalar(text: value, isQuoted: isQuoted), at: place), count: 1, height: 0)
        return anchored(text(scalar.anchor), built)
    }

    private func alias(at place: YAMLLocation, depth: Int) throws(YAMLError) -> Built {
        let name = text(event.pointee.data.alias.anchor) ?? ""
        guard var built = anchors[name] else {
            throw YAMLError(
                at: place, "alias '*\(name)' stands for nothing yet",
                remedy: "write the anchor '&\(name)' on a value that ends before it")
        }
        try add(built.count, at: place)
        try checkDepth(depth + built.height - 1, at: place)
        built.node.location = place
        return built
    }

    private func sequence(at place: YAMLLocation, depth: Int) throws(YAMLError) -> Built {
        try checkDepth(depth, at: place)
        try add(1, at: place)
        var built = Built(node: YAMLNode(.sequence([]), at: place), count: 1, height: 1)
        var nodes: [YAMLNode] = []
        try next()
        while event.pointee.type != YAML_SEQUENCE_END_EVENT {
            let child = try node(depth: depth + 1)
            nodes.append(child.node)
            built.count += child.count
            built.height = max(built.height, child.height + 1)
            try next()
        }
        built.node.content = .sequence(nodes)
        return built
    }

    private func mapping(at place: YAMLLocation, depth: Int) throws(YAMLError) -> Built {
        try checkDepth(depth, at: place)
        try add(1, at: place)
        var built = Built(node: YAMLNode(.mapping([]), at: place), count: 1, height: 1)
        var entries: [YAMLNode.Entry] = []
        var lines: [String: Int] = [:]
        try next()
        while event.pointee.type != YAML_MAPPING_END_EVENT {
            let key = try node(depth: depth + 1)
            guard case .scalar(let name, let isQuoted) = key.node.content else {
                throw YAMLError(
                    at: key.node.location, "a list or a mapping cannot be a key", remedy: "use a plain word")
            }
            if name == "<<", !isQuoted {
                throw YAMLError(
                    at: key.node.location, "the merge key '<<' is not part of YAML 1.2", remedy: "write the keys out")
            }
            if let line = lines.updateValue(key.node.line, forKey: name) {
                throw YAMLError(
                    at: key.node.location, "key '\(name)' was given already on line \(line)",
                    remedy: "remove one of them")
            }
            try next()
            let value = try node(depth: depth + 1)
            entries.append(.init(key: name, keyLocation: key.node.location, value: value.node))
            built.count += value.count + 1
            built.height = max(built.height, value.height + 1)
            try next()
        }
        built.node.content = .mapping(entries)
        return built
    }

    // MARK: Events

    private func next() throws(YAMLError) {
        yaml_event_delete(event)
        if yaml_parser_parse(parser, event) == 1 { return }
        let parser = parser.pointee
        let problem = parser.problem.map { String(cString: $0) } ?? "cannot be read"
        if parser.error == YAML_READER_ERROR {
            // The reader knows a byte offset only.
            let before = bytes.prefix(parser.problem_offset)
            let lineStart = before.lastIndex(of: 0x0A).map { $0 + 1 } ?? 0
            let line = before.reduce(1) { $0 + ($1 == 0x0A ? 1 : 0) }
            let column = String(decoding: before[lineStart...], as: UTF8.self).unicodeScalars.count + 1
            throw failure(line, column, problem, remedy: "save the file as UTF-8 text")
        }
        let mark = parser.problem_mark
        let context = parser.context.map { " \(String(cString: $0))" } ?? ""
        throw failure(Int(clamping: mark.line) + 1, Int(clamping: mark.column) + 1, "bad YAML: \(problem)\(context)")
    }

    private var here: YAMLLocation {
        let mark = event.pointee.start_mark
        return YAMLLocation(file: file, line: Int(clamping: mark.line) + 1, column: Int(clamping: mark.column) + 1)
    }

    private func failure(_ line: Int, _ column: Int, _ message: String, remedy: String = "") -> YAMLError {
        YAMLError(at: YAMLLocation(file: file, line: line, column: column), message, remedy: remedy)
    }

    private func text(_ pointer: UnsafePointer<UInt8>?) -> String? { pointer.map { String(cString: $0) } }

    private func anchored(_ anchor: String?, _ built: Built) -> Built {
        if let anchor { anchors[anchor] = built }
        return built
    }

    private func checkTag(_ tag: UnsafePointer<UInt8>?, allowed: String, at place: YAMLLocation) throws(YAMLError) {
        guard let tag = text(tag), tag != allowed else { return }
        throw YAMLError(at: place, "the tag '\(tag)' is not supported", remedy: "leave it out, or put text in quotes")
    }

    private func checkDepth(_ depth: Int, at place: YAMLLocation) throws(YAMLError) {
        guard depth <= limits.depth else {
            throw YAMLError(
                at: place, "more than \(limits.depth) levels inside one another", remedy: "flatten the file")
        }
    }

    private func add(_ nodes: Int, at place: YAMLLocation) throws(YAMLError) {
        count += nodes
        guard count <= limits.nodes else {
            throw YAMLError(
                at: place, "more than \(limits.nodes) values, aliases counted in full", remedy: "write a smaller file")
        }
    }
}
