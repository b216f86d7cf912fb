/// One word of a generated table: a key, a mark, and scalars: `Aacute?C1`, `149=2BC.6E`, `391-3A9`.
struct TableWord {
    let key: String
    let mark: UInt8
    let scalars: [UInt32]

    /// The key read as a hexadecimal number.
    var number: UInt32 { UInt32(key, radix: 16) ?? 0 }

    /// The scalars of a word that is a range, `A-B`, or a single scalar, `A`.
    var range: ClosedRange<UInt32> {
        let low = number
        return low...max(low, scalars.first ?? low)
    }

    /// Splits a generated table at its spaces, and each word at its first `=`, `?`, `!` or `-`.
    static func words(of table: StaticString) -> [TableWord] {
        table.withUTF8Buffer { bytes in
            bytes.split(separator: 0x20).map { word in
                let marks: [UInt8] = [0x3D, 0x3F, 0x21, 0x2D]
                guard let split = word.firstIndex(where: marks.contains) else {
                    return TableWord(key: String(decoding: word, as: UTF8.self), mark: 0, scalars: [])
                }
                return TableWord(
                    key: String(decoding: word[..<split], as: UTF8.self),
                    mark: word[split],
                    scalars: word[(split + 1)...].split(separator: 0x2E).map { hexadecimal($0) })
            }
        }
    }

    private static func hexadecimal(_ digits: some Sequence<UInt8>) -> UInt32 {
        digits.reduce(0) { value, digit in
            value << 4 | UInt32(digit <= 0x39 ? digit &- 0x30 : (digit | 0x20) &- 0x57)
        }
    }
}
