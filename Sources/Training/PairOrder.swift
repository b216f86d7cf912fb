import ModelGraph

/// In which order an epoch takes the pairs: blocks of consecutive pairs, shuffled, the same for the same seed on every
/// platform.
struct PairOrder: Hashable, Sendable {
    var count: Int
    var block: Int
    var seed: UInt64
    var batchSize: Int

    /// Whole batches of whole blocks; what is left over at the end of an epoch is dropped.
    var stepsPerEpoch: Int { count / block * block / batchSize }

    /// Fisher and Yates' shuffle. (The standard library's promises no order that lasts.)
    func pairs(epoch: Int) -> [Int] {
        var blocks = Array(0..<count / block)
        var generator = SeededGenerator(seed: seed, stream: "epoch \(epoch)")
        for last in stride(from: blocks.count - 1, to: 0, by: -1) {
            let other = Int(generator.next().multipliedFullWidth(by: UInt64(last + 1)).high)
            blocks.swapAt(last, other)
        }
        return blocks.flatMap { $0 * block..<($0 + 1) * block }
    }
}
