import Dispatch
import ModelGraph
import Synchronization

/// What a step takes.
struct Batch: Sendable {
    /// `[batch, 3, side, side]`, float32.
    var images: TensorData
    /// `[batch, length]`, int32.
    var tokens: TensorData
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
    init(
        steps: Range<Int>, order: PairOrder, pairs: PairList, pictures: PictureStore, side: Int, length: Int,
        padToken: Int32, ahead: Int = 2
    ) {
        for _ in 0..<ahead { room.signal() }
        let queue = DispatchQueue(label: "clip.training.batches", qos: .userInitiated)
        queue.async { [self] in
            var epoch = -1
            var sequence: [Int] = []
            for step in steps {
                room.wait()
                if state.withLock({ $0.isStopped }) { return }
                if step / order.stepsPerEpoch != epoch {
                    epoch = step / order.stepsPerEpoch
                    sequence = order.pairs(epoch: epoch)
                }
                let start = step % order.stepsPerEpoch * order.batchSize
                let selected = sequence[start..<start + order.batchSize]
                let batch = Result {
                    try Batch.make(
                        selected, pairs: pairs, pictures: pictures, side: side, length: length, padToken: padToken)
                }
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

extension Batch {
    static func make(
        _ selected: ArraySlice<Int>, pairs: PairList, pictures: PictureStore, side: Int, length: Int, padToken: Int32
    ) throws -> Batch {
        let images = try TensorData(TensorType(.float32, [selected.count, 3, side, side])) { bytes in
            try pictures.load(selected, into: bytes.bindMemory(to: Float.self))
        }
        var ids: [Int32] = []
        ids.reserveCapacity(selected.count * length)
        for pair in selected {
            let caption = pairs.tokens(of: pair).prefix(length)
            ids += caption
            ids += repeatElement(padToken, count: length - caption.count)
        }
        guard let tokens = TensorData(ids, shape: [selected.count, length]) else {
            throw TrainingError("\(pairs.file): a batch without captions")
        }
        return Batch(images: images, tokens: tokens)
    }
}
