/// Byte strings numbered in the order in which they were added, as vocabularies hold them: a hash table with open
/// addressing over one buffer.
public struct ByteStringTable: Sendable {
    private var bytes: [UInt8] = []
    /// Where each string ends; it begins where the one before it ends.
    private var ends: [Int] = []
    private var hashes: [UInt64] = []
    /// Numbers of strings, one more than it; 0 is free.
    private var slots: [UInt32]
    private var longest = 0

    /// - Parameter capacity: how many strings to make room for; more still fit.
    public init(capacity: Int = 1 << 10) {
        var size = 16
        while size < capacity * 2 { size *= 2 }
        slots = [UInt32](repeating: 0, count: size)
    }

    public var count: Int { ends.count }

    public subscript(number: Int) -> ArraySlice<UInt8> { bytes[(number == 0 ? 0 : ends[number - 1])..<ends[number]] }

    /// The number of `source[range]`, if it was added.
    public func find(_ source: Span<UInt8>, _ range: Range<Int>) -> Int? {
        locate(source, range, Self.hash(source, range)).number
    }

    /// The number of a string, if it was added.
    public func find(_ string: [UInt8]) -> Int? { find(string.span, 0..<string.count) }

    /// Calls `body` with the number and the end of every added string that stands at `start` in `source`, shortest
    /// first. Strings are taken to end where a UTF-8 character ends.
    public func forEachPrefix(of source: Span<UInt8>, from start: Int, _ body: (_ number: Int, _ end: Int) -> Void) {
        var hash = Self.seed
        var end = start
        let limit = min(source.count, start + longest)
        while end < limit {
            hash = Self.extended(hash, source[end])
            end += 1
            if end < source.count, source[end] & 0xC0 == 0x80 { continue }
            if let number = locate(source, start..<end, Self.finished(hash)).number { body(number, end) }
        }
    }

    /// The number of `source[range]`, which is added if it is new.
    public mutating func insert(_ source: Span<UInt8>, _ range: Range<Int>) -> (number: Int, isNew: Bool) {
        let hash = Self.hash(source, range)
        let (slot, found) = locate(source, range, hash)
        if let found { return (found, false) }
        for index in range { bytes.append(source[index]) }
        longest = max(longest, range.count)
        ends.append(bytes.count)
        hashes.append(hash)
        slots[slot] = UInt32(truncatingIfNeeded: ends.count)
        if ends.count * 2 > slots.count { grow() }
        return (ends.count - 1, true)
    }

    /// The number of a string, which is added if it is new.
    public mutating func insert(_ string: [UInt8]) -> (number: Int, isNew: Bool) {
        insert(string.span, 0..<string.count)
    }

    private func locate(_ source: Span<UInt8>, _ range: Range<Int>, _ hash: UInt64) -> (slot: Int, number: Int?) {
        let mask = slots.count - 1
        var slot = Int(truncatingIfNeeded: hash) & mask
        while true {
            let number = Int(slots[slot]) - 1
            if number < 0 { return (slot, nil) }
            if hashes[number] == hash, equals(number, source, range) { return (slot, number) }
            slot = (slot + 1) & mask
        }
    }

    private func equals(_ number: Int, _ source: Span<UInt8>, _ range: Range<Int>) -> Bool {
        let start = number == 0 ? 0 : ends[number - 1]
        guard ends[number] - start == range.count else { return false }
        for offset in 0..<range.count where bytes[start + offset] != source[range.lowerBound + offset] { return false }
        return true
    }

    private mutating func grow() {
        slots = [UInt32](repeating: 0, count: slots.count * 2)
        let mask = slots.count - 1
        for (number, hash) in hashes.enumerated() {
            var slot = Int(truncatingIfNeeded: hash) & mask
            while slots[slot] != 0 { slot = (slot + 1) & mask }
            slots[slot] = UInt32(truncatingIfNeeded: number + 1)
        }
    }

    // FNV-1a, with its high bits mixed into the low ones.
    private static let seed: UInt64 = 0xCBF2_9CE4_8422_2325
    private static func extended(_ hash: UInt64, _ byte: UInt8) -> UInt64 {
        (hash ^ UInt64(byte)) &* 0x100_0000_01B3
    }
    private static func finished(_ hash: UInt64) -> UInt64 { hash ^ (hash >> 32) }

    private static func hash(_ source: Span<UInt8>, _ range: Range<Int>) -> UInt64 {
        var hash = seed
        for index in range { hash = extended(hash, source[index]) }
        return finished(hash)
    }
}
