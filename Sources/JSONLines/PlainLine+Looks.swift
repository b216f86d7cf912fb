extension PlainLine {
    /// Refuses a line that is nothing but a URI, unless a file is called so.
    static func refuseURI(_ line: some BidirectionalCollection<UInt8>) throws(RecordError) {
        guard let remedy = uriRemedy(line), FileNames.find(line) == nil else { return }
        throw RecordError(code: "input.uri", message: "\(excerpt(line)) is \(remedy); \(Self.remedy)")
    }

    /// What kind of URI this is, and what to do; nil where it is none.
    private static func uriRemedy(_ line: some BidirectionalCollection<UInt8>) -> String? {
        // All of them have a colon near the start, and few texts have.
        guard let colon = line.prefix(32).firstIndex(of: UInt8(ascii: ":")) else { return nil }
        let scheme = String(decoding: line[..<colon], as: UTF8.self).lowercased()
        let rest = line[line.index(after: colon)...]
        func isWord(_ part: some Sequence<UInt8>) -> Bool { !part.contains(where: isBlank) }
        switch scheme {
        case "data":
            // data:[type][;base64],value: the part before the comma has no blanks.
            let head = rest.prefix { $0 != UInt8(ascii: ",") }
            let hasComma = head.endIndex != rest.endIndex
            guard isWord(head), hasComma || head.contains(UInt8(ascii: "/")) else { return nil }
            guard head.isEmpty || head.contains(UInt8(ascii: "/")) || head.contains(UInt8(ascii: ";")) else {
                return nil
            }
            return "a data: URI; write what it holds to a file and give the file's name"
        case "file":
            guard let first = rest.first, first == UInt8(ascii: "/") || isWord(rest) else { return nil }
            return "a file: URI; write the file's name without it"
        default:
            guard let first = scheme.utf8.first, (0x61...0x7A).contains(first), isWord(line),
                rest.starts(with: Array("//".utf8)), rest.count > 2
            else { return nil }
            return "an address, and nothing is fetched from there; download it and give the file's name"
        }
    }

    /// Refuses a line that is JSON, but no object: what `jq` and `json.dump` write where a record was meant.
    static func refuseJSON(_ line: ArraySlice<UInt8>) throws(RecordError) {
        guard let what = jsonRemedy(line) else { return }
        throw RecordError(code: "input.json", message: "\(excerpt(line)) is \(what); \(remedy)")
    }

    private static func jsonRemedy(_ line: ArraySlice<UInt8>) -> String? {
        let pieces = "a piece of JSON that goes over several lines; write each object on one line, as 'jq -c' does"
        guard let first = line.first else { return nil }
        let hasComma = line.last == UInt8(ascii: ",")
        let value = hasComma ? line.dropLast() : line
        switch first {
        case UInt8(ascii: "["), UInt8(ascii: "]"), UInt8(ascii: "}"):
            if value.allSatisfy({ isBlank($0) || Array("[]{}".utf8).contains($0) }) { return pieces }
            let inner = value.dropFirst().drop(while: isBlank).first
            guard first == UInt8(ascii: "[") else { return nil }
            guard inner == UInt8(ascii: "{") || inner == UInt8(ascii: "\"") || isValue(value) else { return nil }
            return "a JSON array; write one record a line, as 'jq -c .[]' does"
        case UInt8(ascii: "\""):
            if isValue(value) { return "a quoted JSON string; write it without quotes, as 'jq -r' does" }
            let opened = value.last.flatMap { [UInt8(ascii: "{"): "}", UInt8(ascii: "["): "]"][$0] } ?? ""
            return isObject(Array("{".utf8) + value + Array((opened + "}").utf8)) ? pieces : nil
        case UInt8(ascii: "n") where value.elementsEqual("null".utf8):
            return "null, as 'jq' writes it where a key is missing"
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return hasComma && isValue(value) ? pieces : nil
        default: return nil
        }
    }

    private static func isValue(_ json: ArraySlice<UInt8>) -> Bool {
        isObject(Array(#"{"":"#.utf8) + json + Array("}".utf8))
    }

    private static func isObject(_ json: [UInt8]) -> Bool {
        do throws(RecordError) {
            _ = try JSONRecordParser().parse(json)
            return true
        } catch {
            // Valid, but for limits of ours.
            return error.code == "json.depth" || error.code == "json.duplicate"
        }
    }
}
