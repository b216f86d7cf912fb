/// A PNG of stored (not compressed) data: stand-in until the encoder of Imaging is linked.
func png(_ rgb: [UInt8], side: Int) -> [UInt8] {
    var out: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
    func big(_ v: UInt32) -> [UInt8] { [UInt8(v >> 24), UInt8(v >> 16 & 255), UInt8(v >> 8 & 255), UInt8(v & 255)] }
    func chunk(_ name: String, _ data: [UInt8]) {
        let body = Array(name.utf8) + data
        var crc: UInt32 = 0xFFFF_FFFF
        for b in body { crc = crcTable[Int((crc ^ UInt32(b)) & 255)] ^ (crc >> 8) }
        out += big(UInt32(data.count)) + body + big(crc ^ 0xFFFF_FFFF)
    }
    chunk("IHDR", big(UInt32(side)) + big(UInt32(side)) + [8, 2, 0, 0, 0])
    var raw: [UInt8] = []
    for y in 0..<side { raw += [0] + rgb[(y * side * 3)..<((y + 1) * side * 3)] }
    var (a, b): (UInt32, UInt32) = (1, 0)
    for v in raw {
        a = (a + UInt32(v)) % 65521
        b = (b + a) % 65521
    }
    let n = UInt16(raw.count)
    chunk("IDAT", [0x78, 1, 1, UInt8(n & 255), UInt8(n >> 8), UInt8(~n & 255), UInt8(~n >> 8)] + raw + big(b << 16 | a))
    chunk("IEND", [])
    return out
}
private let crcTable: [UInt32] = (0..<256).map { i in
    (0..<8).reduce(UInt32(i)) { c, _ in c & 1 == 1 ? 0xEDB8_8320 ^ (c >> 1) : c >> 1 }
}
