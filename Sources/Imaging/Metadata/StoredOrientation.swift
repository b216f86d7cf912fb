import CImageCodecs

/// Which way a file says that its pixels are to be turned: EXIF's orientation, 1 to 8, found where Pillow finds it. What is
/// damaged counts as not there.
enum StoredOrientation {
    static func jpeg(_ bytes: UnsafeBufferPointer<UInt8>) -> Int? {
        var exif: [UInt8]?
        var xmp: UnsafeBufferPointer<UInt8>?
        var at = 2
        while at + 4 <= bytes.count, bytes[at] == 0xFF {
            let marker = bytes[at + 1]
            if marker == 0xFF {  // padding
                at += 1
                continue
            }
            if marker == 0xDA || marker == 0xD9 { break }  // the picture, or the end
            if marker == 0x01 || (0xD0...0xD8).contains(marker) {  // without contents
                at += 2
                continue
            }
            let length = Int(bytes[at + 2]) << 8 | Int(bytes[at + 3])
            guard length >= 2, at + 2 + length <= bytes.count else { break }
            if marker == 0xE1 {
                let segment = UnsafeBufferPointer(rebasing: bytes[(at + 4)..<(at + 2 + length)])
                if segment.starts(with: exifMark) { exif = (exif ?? []) + segment.dropFirst(exifMark.count) }
                if segment.starts(with: xmpMark) {
                    xmp = UnsafeBufferPointer(rebasing: segment.dropFirst(xmpMark.count))
                }
            }
            at += 2 + length
        }
        return orientation(exif: exif, xmp: xmp)
    }

    static func webp(_ bytes: UnsafeBufferPointer<UInt8>) -> Int? {
        var exif: [UInt8]?
        var xmp: UnsafeBufferPointer<UInt8>?
        var at = 12
        while at + 8 <= bytes.count {
            let name = String(decoding: bytes[at..<(at + 4)], as: UTF8.self)
            let length = (0..<4).reduce(0) { $0 | Int(bytes[at + 4 + $1]) << (8 * $1) }
            guard at + 8 + length <= bytes.count else { break }
            let contents = UnsafeBufferPointer(rebasing: bytes[(at + 8)..<(at + 8 + length)])
            if name == "EXIF", exif == nil { exif = Array(contents) }
            if name == "XMP ", xmp == nil { xmp = contents }
            at += 8 + length + length % 2
        }
        return orientation(exif: exif, xmp: xmp)
    }

    static func png(_ chunks: PNGChunks) -> Int? {
        let exif = chunks.exif.map { Array($0) } ?? chunks.rawProfile
        guard let xmp = chunks.xmp else { return orientation(exif: exif, xmp: nil) }
        return xmp.withUnsafeBufferPointer { orientation(exif: exif, xmp: $0) }
    }

    /// Of a TIFF or of a RAW file that is built like one.
    static func tiff(_ bytes: UnsafeBufferPointer<UInt8>) -> Int? {
        guard let directories = TIFFDirectories(bytes, anyNumber: true) else { return nil }
        let main = directories.main
        if let value = orientation(main, directories) { return value }
        guard let xmp = main.entries.first(where: { $0.tag == 700 }) else { return nil }
        return directories.contents(xmp).flatMap(orientation(xmp:))
    }

    /// EXIF's goes before XMP's.
    private static func orientation(exif: [UInt8]?, xmp: UnsafeBufferPointer<UInt8>?) -> Int? {
        if var exif = exif?[...] {
            while exif.starts(with: exifMark) { exif = exif.dropFirst(exifMark.count) }
            let value = Array(exif).withUnsafeBufferPointer { bytes in
                TIFFDirectories(bytes).flatMap { orientation($0.main, $0) }
            }
            if let value { return value }
        }
        return xmp.flatMap(orientation(xmp:))
    }

    private static func orientation(
        _ directory: TIFFDirectories.Directory, _ directories: TIFFDirectories
    ) -> Int? {
        // Of several, the last counts, as in Pillow.
        directory.entries.last { $0.tag == 0x0112 && [3, 4, 8, 9].contains($0.type) }
            .flatMap { directories.integers($0).first }
    }

    /// `tiff:Orientation="6"` or `<tiff:Orientation>6<`.
    private static func orientation(xmp: UnsafeBufferPointer<UInt8>) -> Int? {
        var at = 0
        while at + orientationKey.count + 1 < xmp.count {
            guard xmp[at] == orientationKey[0], xmp[at...].starts(with: orientationKey) else {
                at += 1
                continue
            }
            let rest = xmp[(at + orientationKey.count)...]
            at += orientationKey.count
            for start in [Array("=\"".utf8), Array(">".utf8)] where rest.starts(with: start) {
                if let digit = rest.dropFirst(start.count).first, (0x30...0x39).contains(digit) {
                    return Int(digit) - 0x30
                }
            }
        }
        return nil
    }

    private static let exifMark = Array("Exif\0\0".utf8)
    private static let xmpMark = Array("http://ns.adobe.com/xap/1.0/\0".utf8)
    private static let orientationKey = Array("tiff:Orientation".utf8)
}
