/// The 256 characters by which merge files write bytes, in the order of their ids.
///
/// Printable Latin-1 stands for itself; the other 68 bytes are U+0100 and on, so that no symbol holds white space or a
/// control (`bytes_to_unicode` in openai/CLIP).
enum ByteAlphabet {
    /// The bytes in the order of their ids: the printable ones first.
    static let bytes: [UInt8] = printable + (UInt8.min...UInt8.max).filter { !isPrintable($0) }

    /// The id of each byte as a symbol within a word; 256 more is the same at a word's end.
    static let ids: [UInt32] = {
        var ids = [UInt32](repeating: 0, count: 256)
        for (id, byte) in bytes.enumerated() { ids[Int(byte)] = UInt32(id) }
        return ids
    }()

    /// The character of each id, in UTF-8.
    static let symbols: [[UInt8]] = bytes.indices.map { id in
        let value = id < printable.count ? UInt32(bytes[id]) : UInt32(0x100 + id - printable.count)
        return Array(String(Character(Unicode.Scalar(value) ?? "\u{FFFD}")).utf8)
    }

    /// Marks a symbol that ends a word.
    static let endOfWord = Array("</w>".utf8)

    private static let printable: [UInt8] = (UInt8.min...UInt8.max).filter(isPrintable)

    private static func isPrintable(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x21...0x7E, 0xA1...0xAC, 0xAE...0xFF: true
        default: false
        }
    }
}
