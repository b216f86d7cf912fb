import Dispatch
import ModelGraph
import Synchronization

/// What a step takes.
struct Batch: Sendable {
    /// `[batch, 3, side, side]`, float32.
    var images: TensorData
    /// `[batch, length]`, int32.
    var tokens: TensorData
    /// What turned out bad when it was made, and was passed over.
    var failures: [DataFailure]
}

/// Makes batches ahead of the steps that take them, in their order, on a thread of its own.
final class BatchLoader: Sendable {
    private struct State {
        var ready: [Result<Batch, any Error>] = []
        var isStopped = false
    }

    private let state = Mutex(State())
    private let filled = DispatchSemaphore(value: 0)
    private let room = DispatchSemaphore(value: 0)

    /// Starts making the batches of `steps`; at most `ahead` wait.
    init(steps: Range<Int>, maker: BatchMaker, ahead: Int = 2) {
        for _ in 0..<ahead { room.signal() }
        let queue = DispatchQueue(label: "clip.training.batches", qos: .userInitiated)
        queue.async { [self] in
            var maker = maker
            for step in steps {
                room.wait()
                if state.withLock({ $0.isStopped }) { return }
                let batch = Result { try maker.batch(step: step) }
                state.withLock { $0.ready.append(batch) }
                filled.signal()
                if case .failure = batch { return }
            }
        }
    }

    /// The batch of the next step; waits until it is there. Throws what its making threw.
    func next() throws -> Batch {
        filled.wait()
        let batch = state.withLock { $0.ready.removeFirst() }
        room.signal()
        return try batch.get()
    }

    /// Lets the thread end; no batch may be asked for after it.
    func stop() {
        state.withLock { $0.isStopped = true }
        room.signal()
    }
}

/// Makes the batch of a step.
///
/// A pair that cannot be used is passed over: the next pair of the epoch that can be, and is not in the batch, takes its
/// place. Which one that is depends on the files alone, not on when a bad one was found, so that a run that is resumed
/// takes the same batches as one without a stop.
struct BatchMaker {
    let order: PairOrder
    let pictures: PictureStore
    let limit: FailureLimit
    let side: Int
    let length: Int
    let padToken: Int32

    private var epoch = -1
    private var sequence: [Int] = []

    init(order: PairOrder, pictures: PictureStore, limit: FailureLimit, side: Int, length: Int, padToken: Int32) {
        self.order = order
        self.pictures = pictures
        self.limit = limit
        self.side = side
        self.length = length
        self.padToken = padToken
    }

    /// - Throws: where there are more failures than the limit allows.
    mutating func batch(step: Int) throws -> Batch {
        if step / order.stepsPerEpoch != epoch {
            epoch = step / order.stepsPerEpoch
            sequence = order.pairs(epoch: epoch)
        }
        let start = step % order.stepsPerEpoch * order.batchSize
        var passing: PictureStore.Passing = [:]
        let (selected, failures) = try usable(start..<start + order.batchSize, &passing)
        let images = TensorData(TensorType(.float32, [selected.count, 3, side, side])) { bytes in
            pictures.write(selected, passing, into: bytes.bindMemory(to: Float.self))
        }
        var ids: [Int32] = []
        ids.reserveCapacity(selected.count * length)
        for pair in selected {
            let caption = pictures.pairs.tokens(of: pair).prefix(length)
            ids += caption
            ids += repeatElement(padToken, count: length - caption.count)
        }
        guard let tokens = TensorData(ids, shape: [selected.count, length]) else {
            throw TrainingError("\(pictures.pairs.file): a batch without captions")
        }
        return Batch(images: images, tokens: tokens, failures: failures)
    }

    /// The pairs of the places `range` of the epoch, bad ones replaced, all of them decoded.
    private func usable(
        _ range: Range<Int>, _ passing: inout PictureStore.Passing
    ) throws -> (pairs: [Int], failures: [DataFailure]) {
        var failures: [DataFailure] = []
        func prepare(_ pairs: [Int]) throws {
            failures += pictures.prepare(pairs, &passing)
            if !failures.isEmpty { try limit.check(pictures.failures) }
        }
        var selected = Array(sequence[range])
        try prepare(selected)
        let bad = selected.indices.filter { !pictures.isUsable(selected[$0]) }
        if bad.isEmpty { return (selected, failures) }
        var taken = Set(selected)
        // Beyond the epoch's last place comes its first.
        var others = (0..<sequence.count).lazy.map { [sequence] in sequence[(range.upperBound + $0) % sequence.count] }
            .makeIterator()
        for place in bad {
            while !pictures.isUsable(selected[place]) {
                guard let other = others.next() else {
                    throw TrainingError(
                        "\(pictures.pairs.file): fewer than \(range.count) pairs can be used, too few for one batch; mend "
                            + "them, or lower batchSize:\(DataFailure.list(pictures.failures))")
                }
                guard pictures.isUsable(other), taken.insert(other).inserted else { continue }
                try prepare([other])
                if pictures.isUsable(other) { selected[place] = other }
            }
        }
        return (selected, failures)
    }
}
