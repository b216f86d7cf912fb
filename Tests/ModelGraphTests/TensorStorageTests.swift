import ModelGraph
import Synchronization
import Testing

@Suite struct TensorStorageTests {
    /// A tensor of two numbers, and how often they were made.
    private func counted() -> (data: TensorData, count: () -> Int) {
        let counter = Counter()
        let data = TensorData.whenRead(TensorType(.float32, [2])) { target in
            counter.made.withLock { $0 += 1 }
            target.copyBytes(from: [0, 0, 0x80, 0x3F, 0, 0, 0, 0x40])  // 1, 2
        }
        return (data, { counter.made.withLock { $0 } })
    }

    private final class Counter: Sendable {
        let made = Mutex(0)
    }

    @Test("values that are made when read are made once, and again after they were released")
    func makes() {
        let (data, count) = counted()
        #expect(count() == 0)
        #expect(data.floats == [1, 2] && data.doubles == [1, 2])
        #expect(count() == 1)
        data.releasePages()
        #expect(count() == 1)
        #expect(data.reshaped([2, 1])?.floats == [1, 2])
        #expect(count() == 2)
    }

    @Test("pinned values stay in their place, whoever releases them")
    func pins() {
        let (data, count) = counted()
        do {
            let pin = data.pinned()
            let other = data.pinned()
            data.releasePages()
            #expect(other.bytes.baseAddress == pin.bytes.baseAddress)
            #expect(pin.bytes.loadUnaligned(fromByteOffset: 4, as: Float.self) == 2)
            #expect(data.floats == [1, 2] && count() == 1)
            data.releasePages()
            withExtendedLifetime((pin, other)) {}
        }
        #expect(data.floats == [1, 2] && count() == 2)
    }

    @Test("a release while somebody reads comes into effect when nobody does")
    func releasesLater() {
        let (data, count) = counted()
        data.withUnsafeBytes { bytes in
            data.releasePages()
            #expect(bytes.loadUnaligned(as: Float.self) == 1)
        }
        #expect(data == data && data.floats == [1, 2] && count() == 2)
    }

    @Test("tasks that read and release at once see whole values")
    func concurrency() async {
        let (data, _) = counted()
        await withTaskGroup(of: Bool.self) { group in
            for task in 0..<8 {
                group.addTask {
                    (0..<200).allSatisfy { _ in
                        if task.isMultiple(of: 2) { data.releasePages() }
                        return data.floats == [1, 2]
                    }
                }
            }
            for await isRight in group { #expect(isRight) }
        }
    }
}
