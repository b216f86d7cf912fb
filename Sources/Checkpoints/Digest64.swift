/// A fast 64-bit digest of a sequence of fields, to tell models apart. Not cryptographic: it notices accidents, not forgery.
///
/// Each field is read in steps of 64 bytes, as eight little-endian 64-bit words in four independent lanes. A lane takes
/// two words at a time through a full 64x64 -> 128-bit product whose halves are folded by exclusive or, the mixing step
/// of wyhash (Wang Yi, https://github.com/wangyi-fudan/wyhash). What is left is padded with zeros; the field's length is
/// mixed in, so that fields cannot run into one another. The result is the same on every platform, and part of the wire
/// format (`space`): changing it makes old embeddings incomparable.
///
/// Speed: memory bandwidth, several GB/s a core.
public struct Digest64: Sendable {
    private var state: UInt64 = 0x9E37_79B9_7F4A_7C15

    public init() {}

    /// Adds one field of bytes.
    public mutating func combine(_ bytes: UnsafeRawBufferPointer) {
        let count = bytes.count
        var lanes = (state, state ^ Self.keys.0, state ^ Self.keys.1, state ^ Self.keys.2)
        var offset = 0
        if let base = bytes.baseAddress {
            while offset &+ 64 <= count {
                let words = base + offset
                lanes.0 = Self.step(lanes.0, words)
                lanes.1 = Self.step(lanes.1, words + 16)
                lanes.2 = Self.step(lanes.2, words + 32)
                lanes.3 = Self.step(lanes.3, words + 48)
                offset &+= 64
            }
        }
        var total = Self.fold(lanes.0 ^ Self.keys.0, lanes.1 ^ Self.keys.1)
        total = Self.fold(total ^ lanes.2, lanes.3 ^ Self.keys.2)
        while offset < count {
            var block: (UInt64, UInt64) = (0, 0)
            withUnsafeMutableBytes(of: &block) { target in
                target.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[offset..<min(offset + 16, count)]))
            }
            total = withUnsafeBytes(of: &block) { source in
                source.baseAddress.map { Self.step(total, $0) } ?? total
            }
            offset &+= 16
        }
        state = Self.fold(total ^ Self.keys.1, UInt64(count) ^ Self.keys.2)
    }

    /// Adds one field of text, in UTF-8.
    public mutating func combine(_ text: String) {
        var text = text
        text.withUTF8 { combine(UnsafeRawBufferPointer($0)) }
    }

    /// Digest of what was added so far.
    public var value: UInt64 { Self.fold(state ^ Self.keys.0, Self.keys.1) }

    /// Eight hexadecimal digits of it.
    public var shortText: String {
        let digits = String(UInt32(truncatingIfNeeded: value ^ (value >> 32)), radix: 16)
        return String(repeating: "0", count: 8 - digits.count) + digits
    }

    /// Odd numbers without structure: wyhash's secret.
    private static let keys: (UInt64, UInt64, UInt64) = (
        0xA076_1D64_78BD_642F, 0xE703_7ED1_A0B4_28DB, 0x8EBC_6AF0_9C88_C6E3
    )

    @inline(__always)
    private static func step(_ lane: UInt64, _ words: UnsafeRawPointer) -> UInt64 {
        let first = UInt64(littleEndian: words.loadUnaligned(as: UInt64.self))
        let second = UInt64(littleEndian: words.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
        // The lane is added after the product too, so that a word equal to a key cannot wipe it out.
        return fold(first ^ 0x589965CC75374CC3, second ^ lane) &+ (lane &<< 1 | lane &>> 63)
    }

    @inline(__always)
    private static func fold(_ a: UInt64, _ b: UInt64) -> UInt64 {
        let product = a.multipliedFullWidth(by: b)
        return product.high ^ product.low
    }
}
