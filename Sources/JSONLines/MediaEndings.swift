/// The endings of names by which a plain line is taken for the name of a file. Help and completion are made from this list,
/// and a test holds FORMAT.md to it.
public enum MediaEndings {
    /// A format of files, with the endings of its names: lower case, without the dot.
    public struct Format: Sendable {
        public let name: String
        public let endings: [String]
    }

    /// What a name's ending says about the file.
    public enum Kind: String, Sendable, Hashable { case image, video, audio, document }

    /// Still images. Some of them nothing here decodes; they are images all the same, and fail as such, by name.
    public static let images = [
        Format(name: "PNG", endings: ["png", "apng"]),
        Format(name: "JPEG", endings: ["jpg", "jpeg", "jpe", "jfif", "jif"]),
        Format(name: "WebP", endings: ["webp"]),
        Format(name: "GIF", endings: ["gif"]),
        Format(name: "BMP", endings: ["bmp", "dib"]),
        Format(name: "TIFF", endings: ["tif", "tiff"]),
        Format(name: "HEIC", endings: ["heic", "heif", "hif", "heics", "heifs"]),
        Format(name: "AVIF", endings: ["avif", "avifs"]),
        Format(
            name: "camera RAW",
            endings: [
                "cr2", "cr3", "crw", "nef", "nrw", "arw", "srf", "sr2", "dng", "orf", "rw2", "rwl", "raf", "pef", "srw",
                "x3f", "3fr", "fff", "iiq", "erf", "kdc", "dcr", "mef", "mos", "mrw", "gpr", "raw",
            ]),
        Format(name: "JPEG XL", endings: ["jxl"]),
        Format(name: "JPEG 2000", endings: ["jp2", "j2k", "jpf", "jpx"]),
        Format(name: "Netpbm", endings: ["ppm", "pgm", "pbm", "pnm", "pam"]),
        Format(name: "others", endings: ["tga", "ico", "psd", "xcf", "exr", "hdr", "qoi", "dds", "pcx"]),
    ]

    /// Files of other modalities, which nothing here decodes yet.
    public static let others: [(kind: Kind, endings: [String])] = [
        (
            .video,
            [
                "mp4", "m4v", "mov", "avi", "mkv", "webm", "mpg", "mpeg", "wmv", "flv", "3gp", "mts", "m2ts", "ogv",
                "insv",
            ]
        ),
        (
            .audio,
            [
                "wav", "mp3", "flac", "aac", "m4a", "m4b", "ogg", "oga", "opus", "wma", "aif", "aiff", "amr", "mid",
                "midi",
            ]
        ),
        (.document, ["pdf", "svg", "svgz", "eps"]),
    ]

    /// Every ending of an image, with its dot, in the order of the list: for completion.
    public static let imageEndings = images.flatMap(\.endings)

    /// The first endings of the common formats, for people: ".png .jpg .webp …".
    public static let commonImages = images.prefix(9).map { "." + $0.endings[0] }.joined(separator: " ")

    /// What the ending of a name says; nil where it says nothing.
    ///
    /// There must be a name before the ending, so that `.png`, `photos/.png` and "what is a .png" are not meant.
    public static func kind(of name: [UInt8]) -> Kind? {
        guard let dot = dot(of: name), dot > 0, ![0x20, 0x09, 0x2F, 0x5C].contains(name[dot - 1]) else { return nil }
        return kind(of: name, after: dot)
    }

    /// The same, where the name may be nothing but the ending: of a file that is known to be there.
    static func kind(ofFile name: [UInt8]) -> Kind? { dot(of: name).flatMap { kind(of: name, after: $0) } }

    private static let kinds: [String: Kind] = {
        var kinds: [String: Kind] = [:]
        for ending in imageEndings { kinds[ending] = .image }
        for other in others { for ending in other.endings { kinds[ending] = other.kind } }
        return kinds
    }()

    private static let longest = kinds.keys.reduce(0) { max($0, $1.utf8.count) }

    /// The last dot, where it is near enough to the end.
    private static func dot(of name: [UInt8]) -> Int? {
        name.suffix(longest + 1).lastIndex(of: UInt8(ascii: "."))
    }

    private static func kind(of name: [UInt8], after dot: Int) -> Kind? {
        kinds[String(decoding: name[(dot + 1)...], as: UTF8.self).lowercased()]
    }
}
