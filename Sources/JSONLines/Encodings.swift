/// Encodings of text other than UTF-8, and the byte order marks that tell them.
enum Encodings {
    /// UTF-8's own mark, which nobody needs and many programs write.
    static let mark: [UInt8] = [0xEF, 0xBB, 0xBF]

    static let error = RecordError(
        code: "input.encoding",
        message: "the line is UTF-16, not UTF-8; convert the whole input, as 'iconv -f UTF-16 -t UTF-8' does (of "
            + "little-endian without a mark: -f UTF-16LE)")

    /// Whether a line begins with the byte order mark of UTF-16, or of UTF-32 in little-endian.
    static func hasUTF16Mark(_ line: [UInt8]) -> Bool {
        line.starts(with: [0xFF, 0xFE]) || line.starts(with: [0xFE, 0xFF])
    }

    /// Whether a line looks like UTF-16, or UTF-32: of every two bytes one is the high one, which is NUL or little more in
    /// all alphabets. Splitting at LF leaves a NUL before the line or after it.
    static func isUTF16(_ line: [UInt8]) -> Bool {
        if hasUTF16Mark(line) { return true }
        var line = line[...]
        if !line.count.isMultiple(of: 2) {
            if line.first == 0 { line.removeFirst() } else if line.last == 0 { line.removeLast() }
        }
        guard line.count >= 2, line.count.isMultiple(of: 2), line.contains(0) else { return false }
        return [0, 1].contains { high in
            let places = stride(from: line.startIndex, to: line.endIndex, by: 2)
            return places.allSatisfy { line[$0 + high] < 0x20 } && places.contains { line[$0 + 1 - high] >= 0x20 }
        }
    }

    /// What the first line of an input begins with where it is no list at all, but a file: "a PNG image".
    static func binaryFormat(_ line: [UInt8]) -> String? {
        func has(_ start: [UInt8], at offset: Int = 0) -> Bool { line.dropFirst(offset).starts(with: start) }
        func has(_ start: String, at offset: Int = 0) -> Bool { has(Array(start.utf8), at: offset) }
        if has([0x89] + Array("PNG".utf8)) { return "a PNG image" }
        if has([0xFF, 0xD8, 0xFF]) { return "a JPEG image" }
        if has("GIF87a") || has("GIF89a") { return "a GIF image" }
        if has("RIFF") && has("WEBP", at: 8) { return "a WebP image" }
        if has("RIFF") && has("WAVE", at: 8) { return "an audio file" }
        if has("II*\0") || has("MM\0*") { return "a TIFF image" }
        if has("\0\0\0") && has("ftyp", at: 4) { return "an image or a video" }
        if has("%PDF-") { return "a PDF document" }
        if has("PK\u{3}\u{4}") || has([0x1F, 0x8B]) { return "an archive" }
        if has([0x7F] + Array("ELF".utf8)) { return "a program" }
        return nil
    }
}
