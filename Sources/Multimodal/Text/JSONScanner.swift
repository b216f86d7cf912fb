/// Scans JSON into a flat list of nodes: a collection is followed by what is in it, a name by its value.
struct JSONScanner {
    struct Fault: Error {
        var message: String
        var offset: Int
    }

    private(set) var nodes: [JSONDocument.Node] = []
    private var offset = 0

    init(count: Int) { nodes.reserveCapacity(count / 16) }

    mutating func scan(_ bytes: Span<UInt8>) throws(Fault) {
        try value(bytes, depth: 0)
        if next(bytes) != nil { throw fault("something follows the value") }
    }

    private func fault(_ message: String) -> Fault { Fault(message: message, offset: offset) }

    /// The next byte that is not white space, or nil at the end.
    private mutating func next(_ bytes: Span<UInt8>) -> UInt8? {
        while offset < bytes.count {
            switch bytes[offset] {
            case 0x20, 0x09, 0x0A, 0x0D: offset += 1
            case let byte: return byte
            }
        }
        return nil
    }

    private mutating func value(_ bytes: Span<UInt8>, depth: Int) throws(Fault) {
        guard depth < 64 else { throw fault("the file is nested too deeply") }
        let first = next(bytes)
        let start = offset
        switch first {
        case UInt8(ascii: "{"), UInt8(ascii: "["):
            let isObject = first == UInt8(ascii: "{")
            let index = nodes.count
            append(isObject ? .object : .array, start, start)
            offset += 1
            try contents(bytes, isObject: isObject, depth: depth)
            nodes[index].end = UInt32(truncatingIfNeeded: offset)
            nodes[index].next = UInt32(truncatingIfNeeded: nodes.count)
        case UInt8(ascii: "\""): try string(bytes)
        case UInt8(ascii: "t"): try word("true", .yes, bytes)
        case UInt8(ascii: "f"): try word("false", .no, bytes)
        case UInt8(ascii: "n"): try word("null", .null, bytes)
        case nil: throw fault("the file ends early")
        default:
            if let (word, _) = Self.notNumbers.first(where: { begins($0.json, bytes) }) {
                append(.number, start, start + word.utf8.count)
                offset += word.utf8.count
            } else {
                try number(bytes)
            }
        }
    }

    private mutating func append(_ kind: JSONDocument.Node.Kind, _ start: Int, _ end: Int) {
        nodes.append(
            JSONDocument.Node(
                kind: kind, start: UInt32(truncatingIfNeeded: start), end: UInt32(truncatingIfNeeded: end),
                next: UInt32(truncatingIfNeeded: nodes.count + 1)))
    }

    private mutating func contents(_ bytes: Span<UInt8>, isObject: Bool, depth: Int) throws(Fault) {
        let close = isObject ? UInt8(ascii: "}") : UInt8(ascii: "]")
        if next(bytes) == close {
            offset += 1
            return
        }
        while true {
            if isObject {
                guard next(bytes) == UInt8(ascii: "\"") else { throw fault("a name in quotes is expected here") }
                try string(bytes)
                guard next(bytes) == UInt8(ascii: ":") else { throw fault("':' is expected here") }
                offset += 1
            }
            try value(bytes, depth: depth + 1)
            let byte = next(bytes)
            guard byte == close || byte == UInt8(ascii: ",") else {
                throw fault(byte == nil ? "the file ends early" : "',' or '\(isObject ? "}" : "]")' is expected here")
            }
            offset += 1
            if byte == close { return }
        }
    }

    private mutating func word(_ word: StaticString, _ kind: JSONDocument.Node.Kind, _ bytes: Span<UInt8>) throws(Fault)
    {
        let start = offset
        let length = word.utf8CodeUnitCount
        let matches =
            start + length <= bytes.count
            && word.withUTF8Buffer { word in (0..<length).allSatisfy { word[$0] == bytes[start + $0] } }
        guard matches else { throw fault("a value is expected here") }
        offset += length
        append(kind, start, offset)
    }

    /// What Python's json writes and reads of floats that JSON lacks; whoever asks for such a number refuses it.
    static let notNumbers: [(json: String, yaml: String)] = [
        ("NaN", ".nan"), ("Infinity", ".inf"), ("-Infinity", "-.inf"),
    ]

    private func begins(_ word: String, _ bytes: Span<UInt8>) -> Bool {
        var index = offset
        for byte in word.utf8 {
            guard index < bytes.count, bytes[index] == byte else { return false }
            index += 1
        }
        return true
    }

    private mutating func number(_ bytes: Span<UInt8>) throws(Fault) {
        let start = offset
        if bytes[offset] == UInt8(ascii: "-") { offset += 1 }
        let isZero = offset < bytes.count && bytes[offset] == 0x30
        let whole = digits(bytes)
        if whole == 0, offset == start { throw fault("a value is expected here") }
        guard whole > 0, !isZero || whole == 1 else { throw fault("this is not a number of JSON") }
        if offset < bytes.count, bytes[offset] == UInt8(ascii: ".") {
            offset += 1
            guard digits(bytes) > 0 else { throw fault("this is not a number of JSON") }
        }
        if offset < bytes.count, bytes[offset] | 0x20 == UInt8(ascii: "e") {
            offset += 1
            if offset < bytes.count, bytes[offset] == UInt8(ascii: "+") || bytes[offset] == UInt8(ascii: "-") {
                offset += 1
            }
            guard digits(bytes) > 0 else { throw fault("this is not a number of JSON") }
        }
        append(.number, start, offset)
    }

    private mutating func digits(_ bytes: Span<UInt8>) -> Int {
        let start = offset
        while offset < bytes.count, 0x30...0x39 ~= bytes[offset] { offset += 1 }
        return offset - start
    }

    private mutating func string(_ bytes: Span<UInt8>) throws(Fault) {
        offset += 1
        let start = offset
        var isEscaped = false
        while offset < bytes.count {
            switch bytes[offset] {
            case UInt8(ascii: "\""):
                append(isEscaped ? .escapedString : .string, start, offset)
                offset += 1
                return
            case UInt8(ascii: "\\"):
                isEscaped = true
                try escape(bytes)
            case 0..<0x20: throw fault("a control character in a string")
            default: offset += 1
            }
        }
        throw fault("the file ends inside a string")
    }

    private mutating func escape(_ bytes: Span<UInt8>) throws(Fault) {
        guard offset + 1 < bytes.count else { throw fault("the file ends inside a string") }
        switch bytes[offset + 1] {
        case UInt8(ascii: "u"):
            guard let unit = Self.hexadecimal(bytes, offset + 2) else { throw fault("a bad escape in a string") }
            offset += 6
            guard 0xD800..<0xE000 ~= unit else { return }
            guard unit < 0xDC00, offset + 6 <= bytes.count, bytes[offset] == UInt8(ascii: "\\"),
                bytes[offset + 1] == UInt8(ascii: "u"), let low = Self.hexadecimal(bytes, offset + 2),
                0xDC00..<0xE000 ~= low
            else { throw fault("half of a surrogate pair in a string") }
            offset += 6
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
            UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            offset += 2
        default: throw fault("a bad escape in a string")
        }
    }

    private static func hexadecimal(_ bytes: Span<UInt8>, _ start: Int) -> UInt32? {
        guard start + 4 <= bytes.count else { return nil }
        var value: UInt32 = 0
        for index in start..<start + 4 {
            switch bytes[index] {
            case 0x30...0x39: value = value << 4 | UInt32(bytes[index] - 0x30)
            case 0x41...0x46, 0x61...0x66: value = value << 4 | UInt32((bytes[index] | 0x20) - 0x57)
            default: return nil
            }
        }
        return value
    }

    /// A scanned string with its escapes read.
    static func unescaped(_ string: ArraySlice<UInt8>) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(string.count)
        var index = string.startIndex
        while index < string.endIndex {
            guard string[index] == UInt8(ascii: "\\") else {
                result.append(string[index])
                index += 1
                continue
            }
            let letter = string[index + 1]
            index += 2
            switch letter {
            case UInt8(ascii: "b"): result.append(0x08)
            case UInt8(ascii: "f"): result.append(0x0C)
            case UInt8(ascii: "n"): result.append(0x0A)
            case UInt8(ascii: "r"): result.append(0x0D)
            case UInt8(ascii: "t"): result.append(0x09)
            case UInt8(ascii: "u"):
                var scalar = hexadecimal(string.span, index - string.startIndex) ?? 0xFFFD
                index += 4
                if 0xD800..<0xDC00 ~= scalar {
                    let low = hexadecimal(string.span, index + 2 - string.startIndex) ?? 0xDC00
                    scalar = 0x1_0000 + (scalar - 0xD800) << 10 + (low - 0xDC00)
                    index += 6
                }
                ByteDecoding.append([scalar], to: &result)
            default: result.append(letter)
            }
        }
        return result
    }
}
