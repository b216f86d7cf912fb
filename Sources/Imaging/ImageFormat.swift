/// The formats that are read, told apart by content; a name's ending plays no part.
enum ImageFormat: Hashable, CaseIterable {
    case png, jpeg, webp, gif, bmp, tiff, heic, avif, raw

    var name: String {
        switch self {
        case .png: "PNG"
        case .jpeg: "JPEG"
        case .webp: "WebP"
        case .gif: "GIF"
        case .bmp: "BMP"
        case .tiff: "TIFF"
        case .heic: "HEIC"
        case .avif: "AVIF"
        case .raw: "camera RAW"
        }
    }

    /// For messages.
    static let names = "PNG, JPEG, WebP, GIF, BMP, TIFF, HEIC, AVIF and camera RAW"

    /// - Throws: `ImageError` that says what it is instead, as far as its beginning tells.
    init(recognising bytes: UnsafeBufferPointer<UInt8>) throws(ImageError) {
        func has(_ mark: String, at offset: Int = 0) -> Bool {
            bytes.dropFirst(offset).starts(with: mark.unicodeScalars.lazy.map { UInt8(truncatingIfNeeded: $0.value) })
        }
        if let format = Self.allCases.first(where: { format in
            format.marks.contains { mark in mark.allSatisfy { has($0.text, at: $0.offset) } }
        }) {
            self = format
        } else if has("BM") && (bytes.count < 18 || Self.bitmapHeaders.contains(bytes[14])) {
            self = .bmp
        } else if let brand = Self.brand(bytes) {
            self = brand
        } else if ["II*\0", "MM\0*", "II+\0", "MM\0+"].contains(where: { has($0) }) {
            self = Self.isRAW(bytes) ? .raw : .tiff
        } else {
            throw Self.unknown(bytes, has)
        }
    }

    private typealias Mark = [(text: String, offset: Int)]

    /// What a format's files begin with, one of several.
    private var marks: [Mark] {
        switch self {
        case .png: [[("\u{89}PNG\r\n\u{1A}\n", 0)]]
        case .jpeg: [[("\u{FF}\u{D8}\u{FF}", 0)]]
        case .webp: [[("RIFF", 0), ("WEBP", 8)]]
        case .gif: [[("GIF87a", 0)], [("GIF89a", 0)]]
        case .bmp, .tiff, .heic, .avif: []
        case .raw:
            // Fujifilm; Canon; Olympus; Panasonic and Leica; Minolta; Sigma; Phase One; Canon's oldest.
            [
                [("FUJIFILMCCD-RAW", 0)], [("ftypcrx ", 4)], [("IIRO", 0)], [("IIRS", 0)], [("MMOR", 0)],
                [("IIU\0", 0)], [("\0MRM", 0)], [("FOVb", 0)], [("II*\0", 0), ("CR", 8)], [("IIII", 8)], [("MMMM", 8)],
                [("II\u{1A}\0\0\0HEAPCCDR", 0)],
            ]
        }
    }

    /// Lengths of the header that follows a bitmap's first 14 bytes.
    private static let bitmapHeaders: Set<UInt8> = [12, 40, 52, 56, 64, 108, 124]

    /// HEIC or AVIF by the brands of an ISO media file.
    private static func brand(_ bytes: UnsafeBufferPointer<UInt8>) -> ImageFormat? {
        guard bytes.count >= 12, bytes[4..<8].elementsEqual("ftyp".utf8) else { return nil }
        let length = min(bytes.count, max(16, Int(bytes[2]) << 8 | Int(bytes[3])))
        let starts = [8] + Array(stride(from: 16, to: length - 3, by: 4))
        let brands = starts.map { String(decoding: bytes[$0..<min($0 + 4, bytes.count)], as: UTF8.self) }
        let general = ["mif1", "msf1"]
        guard let major = brands.first else { return nil }
        if ["avif", "avis"].contains(major) { return .avif }
        if ["heic", "heix", "heim", "heis", "hevc", "hevx", "hevm", "hevs"].contains(major) { return .heic }
        guard general.contains(major) else { return nil }
        return brands.contains("avif") ? .avif : .heic
    }

    /// Whether a TIFF is a camera's: it says so, holds a sensor's raw values, or begins with a thumbnail of something else.
    private static func isRAW(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        guard let directories = TIFFDirectories(bytes) else { return false }
        let all = directories.all()
        for directory in all {
            for entry in directory.entries {
                let value = directories.integers(entry).first
                switch entry.tag {
                case 50706: return true  // DNGVersion
                case 262 where value == 32803 || value == 34892: return true  // colour filter array, linear raw
                case 259 where value == 34713 || value == 32767 || value == 32770 || value == 65535: return true
                default: break
                }
            }
        }
        let main = directories.main.entries
        let isThumbnail = main.contains { $0.tag == 254 && (directories.integers($0).first ?? 0) & 1 == 1 }
        return isThumbnail && main.contains { $0.tag == 271 }  // the camera's maker
    }

    private static func unknown(
        _ bytes: UnsafeBufferPointer<UInt8>, _ has: (String, Int) -> Bool
    ) -> ImageError {
        let starts = [
            ("PNG", "\u{89}PNG\r\n\u{1A}\n"), ("JPEG", "\u{FF}\u{D8}\u{FF}"), ("WebP", "RIFF"), ("GIF", "GIF89a"),
            ("GIF", "GIF87a"), ("BMP", "BM"), ("TIFF", "II*\0"), ("TIFF", "MM\0*"),
        ]
        for (name, text) in starts where bytes.count < 12 {
            let mark = text.unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) }
            if mark.starts(with: bytes.prefix(mark.count)) {
                return ImageError(.truncated, reason: "the \(name) image is truncated: the data end too early")
            }
        }
        let others: [(name: String, mark: String, offset: Int)] = [
            ("SVG", "<svg", 0), ("PDF", "%PDF", 0), ("JPEG XL", "\u{FF}\u{0A}", 0), ("JPEG XL", "JXL ", 4),
            ("JPEG 2000", "jP  ", 4), ("Photoshop", "8BPS", 0), ("MP4 or QuickTime", "ftyp", 4),
            ("Matroska or WebM", "\u{1A}\u{45}\u{DF}\u{A3}", 0), ("WAV", "WAVE", 8), ("AVI", "AVI ", 8),
            ("ZIP", "PK\u{3}\u{4}", 0), ("icon", "\0\0\u{1}\0", 0),
        ]
        if let other = others.first(where: { has($0.mark, $0.offset) }) {
            return ImageError(.decode, reason: "a \(other.name) file; \(names) images are read")
        }
        return ImageError(
            .decode,
            reason: "not a PNG, JPEG or WebP image, nor another that is read (it starts with \(preview(bytes)))")
    }

    /// The first bytes for a message: as text if they are plain ASCII, else in hexadecimal.
    private static func preview(_ bytes: UnsafeBufferPointer<UInt8>) -> String {
        let start = bytes.prefix(8)
        if start.allSatisfy({ (0x20..<0x7F).contains($0) }) {
            return "\"" + String(decoding: start, as: UTF8.self) + "\""
        }
        return start.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: " ")
    }
}
