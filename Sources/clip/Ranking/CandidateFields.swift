import CLIPKit

/// What goes through `clip rank` with a candidate: a JSON object with its `id` first, then `path` or `text`, then the
/// fields that nobody here knows.
enum CandidateFields {
    private static let written = ["query", "id", "rank", "score", "probability"]

    static func json(_ record: EmbeddingRecord) -> [UInt8] {
        var out = Array("{\"id\":".utf8)
        out += record.id.json.bytes
        switch record.content {
        case .text(let text):
            out += Array(",\"text\":".utf8)
            out += RawJSON(text).bytes
        case .image(let path):
            if let string = path.string {
                out += Array(",\"path\":".utf8)
                out += RawJSON(string).bytes
            } else {
                out += Array(",\"path_base64\":".utf8)
                out += RawJSON(Base64.encode(path.bytes)).bytes
            }
        case nil: break
        }
        for field in record.extra where !written.contains(field.name) {
            out += Array(",\"".utf8)
            out += field.key
            out += Array("\":".utf8)
            out += field.value.bytes
        }
        out.append(UInt8(ascii: "}"))
        return out
    }
}
