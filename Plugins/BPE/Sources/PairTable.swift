/// Which two symbols merge into which: a hash table with open addressing.
struct PairTable: Sendable {
    private struct Slot {
        var left: UInt32 = 0
        var right: UInt32 = 0
        /// 0, the id of a byte, is no merge: the slot is free.
        var merged: UInt32 = 0
    }

    private var slots: [Slot]
    private var count = 0

    init(capacity: Int) {
        var size = 16
        while size < capacity * 2 { size *= 2 }
        slots = [Slot](repeating: Slot(), count: size)
    }

    /// The symbol that the two merge into. Symbols are numbered in the order of their merges, so the lowest goes first.
    subscript(left: UInt32, right: UInt32) -> UInt32? {
        let merged = slots[locate(left, right)].merged
        return merged == 0 ? nil : merged
    }

    mutating func insert(_ left: UInt32, _ right: UInt32, _ merged: UInt32) {
        let slot = locate(left, right)
        if slots[slot].merged == 0 { count += 1 }
        slots[slot] = Slot(left: left, right: right, merged: merged)
        guard count * 2 > slots.count else { return }
        let old = slots
        slots = [Slot](repeating: Slot(), count: old.count * 2)
        for entry in old where entry.merged != 0 { slots[locate(entry.left, entry.right)] = entry }
    }

    private func locate(_ left: UInt32, _ right: UInt32) -> Int {
        let mask = slots.count - 1
        let hash = (UInt64(left) << 32 | UInt64(right)) &* 0x9E37_79B9_7F4A_7C15
        var slot = Int(truncatingIfNeeded: hash >> 32) & mask
        while slots[slot].merged != 0, slots[slot].left != left || slots[slot].right != right {
            slot = (slot + 1) & mask
        }
        return slot
    }
}
