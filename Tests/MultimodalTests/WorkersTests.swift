import Synchronization
import Testing

@testable import Multimodal

@Suite struct WorkersTests {
    private final class Counter: Sendable {
        let value = Atomic(0)
    }

    private struct Refusal: Error, Equatable { var number: Int }

    @Test("every number is taken once, whatever the number of threads", arguments: [1, 2, 7])
    func numbers(threads: Int) {
        let workers = Workers()
        for count in [0, 1, 3, 100] {
            let taken = Mutex<[Int]>([])
            workers.forEach(count, threads: threads) { number in taken.withLock { $0.append(number) } }
            #expect(taken.withLock { $0.sorted() } == Array(0..<count))
        }
    }

    @Test("an error ends the job and is thrown; the next job runs")
    func errors() throws {
        let workers = Workers()
        let taken = Atomic(0)
        #expect(throws: Refusal(number: 0)) {
            try workers.forEach(1_000_000, threads: 2) { number in
                if number == 0 { throw Refusal(number: number) }
                taken.add(1, ordering: .relaxed)
            }
        }
        #expect(taken.load(ordering: .relaxed) < 999_999)
        let sum = Atomic(0)
        workers.forEach(5, threads: 2) { number in sum.add(number, ordering: .relaxed) }
        #expect(sum.load(ordering: .relaxed) == 10)
    }

    @Test("jobs from several threads follow one another")
    func shared() async throws {
        let workers = Workers()
        let sum = Counter()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    for _ in 0..<50 { workers.forEach(8, threads: 3) { sum.value.add($0, ordering: .relaxed) } }
                }
            }
            try await group.waitForAll()
        }
        #expect(sum.value.load(ordering: .relaxed) == 4 * 50 * 28)
    }

    @Test("threads end with their owner, who leaves nothing behind")
    func end() {
        final class Held: Sendable {}
        weak var held: Held?
        weak var gone: Workers?
        do {
            let (workers, object) = (Workers(), Held())
            (gone, held) = (workers, object)
            workers.forEach(4, threads: 4) { _ in _ = object }
        }
        #expect(gone == nil && held == nil)
    }
}
