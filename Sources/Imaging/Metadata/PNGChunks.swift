import CImageCodecs

/// What is read of a PNG beside its pixels: transparency, and where orientation may stand.
struct PNGChunks {
    /// Of `tRNS`: alpha of palette entries, or a colour.
    var transparency: UnsafeBufferPointer<UInt8>?
    var exif: UnsafeBufferPointer<UInt8>?
    /// EXIF data as older programs wrote them, in hexadecimal in a text.
    var rawProfile: [UInt8]?
    var xmp: [UInt8]?

    /// Inflated texts that are longer are no honest metadata.
    private static let maximumText = 1 << 20

    init(_ bytes: UnsafeBufferPointer<UInt8>) {
        var at = 8
        while at + 12 <= bytes.count {
            let length = (0..<4).reduce(0) { $0 << 8 | Int(bytes[at + $1]) }
            guard length <= bytes.count - at - 12 else { return }
            let contents = UnsafeBufferPointer(rebasing: bytes[(at + 8)..<(at + 8 + length)])
            switch String(decoding: bytes[(at + 4)..<(at + 8)], as: UTF8.self) {
            case "tRNS": transparency = contents
            case "eXIf": exif = contents
            case "tEXt": takeText(contents, isCompressed: false)
            case "zTXt": takeText(contents, isCompressed: true)
            case "iTXt": takeInternationalText(contents)
            case "IEND": return
            default: break
            }
            at += 12 + length
        }
    }

    private mutating func takeText(_ chunk: UnsafeBufferPointer<UInt8>, isCompressed: Bool) {
        guard let end = chunk.firstIndex(of: 0), chunk[..<end].elementsEqual("Raw profile type exif".utf8) else {
            return
        }
        let rest = chunk[(end + 1)...]
        // The first byte says how; there is only one way.
        let text = isCompressed ? Self.inflated(rest.dropFirst()) : Array(rest)
        // An empty line, the profile's name, its length, and then the bytes.
        let lines = text.split(separator: 0x0A, omittingEmptySubsequences: false).dropFirst(3)
        let digits = lines.joined().compactMap { UInt8(String(decoding: [$0], as: UTF8.self), radix: 16) }
        rawProfile = stride(from: 0, to: digits.count - 1, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }

    private mutating func takeInternationalText(_ chunk: UnsafeBufferPointer<UInt8>) {
        // Key, whether and how it is compressed, language, the key in that language, text.
        guard let end = chunk.firstIndex(of: 0), chunk[..<end].elementsEqual("XML:com.adobe.xmp".utf8),
            end + 3 <= chunk.count
        else { return }
        let parts = chunk[(end + 3)...].split(separator: 0, maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3 else { return }
        xmp = chunk[end + 1] == 0 ? Array(parts[2]) : Self.inflated(parts[2])
    }

    private static func inflated(_ data: Slice<UnsafeBufferPointer<UInt8>>) -> [UInt8] {
        let data = UnsafeBufferPointer(rebasing: data)
        return [UInt8](unsafeUninitializedCapacity: maximumText) { buffer, count in
            guard let source = data.baseAddress, let target = buffer.baseAddress else { return }
            count = cic_inflate(source, data.count, target, maximumText)
        }
    }
}
