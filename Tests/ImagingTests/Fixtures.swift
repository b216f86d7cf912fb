import Imaging
import TestSupport

/// The pictures and tables of Tests/Fixtures/Imaging, made by make.py and make_formats.py there.
enum Fixtures {
    static let folder = fixture("Imaging")

    static func image(_ name: String) -> String { folder + "/images/" + name }

    static func format(_ name: String) -> String { folder + "/formats/" + name }

    static func expected(_ name: String) -> String { folder + "/expected/" + name + ".png" }

    static func table(_ name: String) -> [[String]] {
        ((try? lines(of: "\(folder)/\(name).tsv")) ?? []).map { $0.split(separator: "\t").map(String.init) }
    }

    static let names: [String] = table("decode").map { $0[0] }

    /// 64-bit FNV-1a in hexadecimal, as make.py writes it.
    static func digest(_ bytes: some Sequence<UInt8>) -> String {
        var value: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in bytes { value = (value ^ UInt64(byte)) &* 0x100_0000_01B3 }
        let text = String(value, radix: 16)
        return String(repeating: "0", count: 16 - text.count) + text
    }
}

/// The error a body throws, if it is an `ImageError`.
func imageError(_ body: () throws -> Void) -> ImageError? {
    do {
        try body()
        return nil
    } catch {
        return error as? ImageError
    }
}
