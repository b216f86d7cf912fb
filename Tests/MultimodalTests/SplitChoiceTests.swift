import Testing

@testable import Multimodal

@Suite struct SplitChoiceTests {
    /// What is tried, run by run until it is found, and what is kept, where `rows` at once take `seconds(rows)`.
    private func search(
        batch: Int, threads: Int, _ seconds: (_ rows: Int, _ run: Int) -> Double
    ) -> (tried: [Int], best: Int) {
        var choice = SplitChoice(batch: batch, threads: threads)
        var tried: [Int] = []
        while !choice.isFound, tried.count < 100 {
            tried.append(choice.current)
            choice.record(seconds: seconds(choice.current, tried.count - 1))
        }
        #expect(choice.current == choice.best)
        return (tried, choice.best)
    }

    @Test("parts are an equal share for every thread, and quarters of it; a row is never divided")
    func parts() {
        #expect(SplitChoice.parts(batch: 8, threads: 2) == [4, 1])
        #expect(SplitChoice.parts(batch: 64, threads: 2) == [32, 8, 2])
        #expect(SplitChoice.parts(batch: 7, threads: 2) == [4, 1])
        #expect(SplitChoice.parts(batch: 8, threads: 1) == [2])
        #expect(SplitChoice.parts(batch: 2, threads: 1) == [1])
        #expect(SplitChoice.parts(batch: 3, threads: 64) == [1])
        #expect(SplitChoice.parts(batch: 1, threads: 2) == [])
    }

    @Test("a single row needs no search")
    func single() {
        #expect(search(batch: 1, threads: 4) { _, _ in 1 }.tried == [])
    }

    @Test("the whole batch and parts are run three times each, and the fastest is kept")
    func order() {
        let (tried, best) = search(batch: 8, threads: 2) { rows, _ in rows == 4 ? 1 : 1.1 }
        #expect(tried == [8, 8, 8, 4, 4, 4, 1, 1, 1])
        #expect(best == 4)
        #expect(search(batch: 8, threads: 2) { rows, _ in Double(rows) + 100 }.best == 1)
        #expect(search(batch: 8, threads: 2) { rows, _ in rows == 8 ? 1 : 1.2 }.best == 8)
    }

    @Test("what gains next to nothing is not taken")
    func gain() {
        #expect(search(batch: 8, threads: 2) { rows, _ in rows == 8 ? 1 : 0.995 }.best == 8)
    }

    @Test("one run that is disturbed does not decide")
    func disturbed() {
        #expect(search(batch: 8, threads: 2) { rows, run in run == 3 ? 1.9 : rows == 4 ? 0.9 : 1 }.best == 4)
        #expect(search(batch: 8, threads: 2) { rows, run in run == 1 ? 0.9 : 1 }.best == 8)
    }

    @Test("parts that are much slower end the search")
    func slower() {
        #expect(search(batch: 64, threads: 2) { rows, _ in rows == 64 ? 1 : 3 }.tried == [64, 64, 64, 32])
        let (tried, best) = search(batch: 64, threads: 2) { rows, _ in rows == 64 ? 1 : 1.5 }
        #expect(tried == [64, 64, 64, 32, 32])
        #expect(best == 64)
    }

    @Test("nothing is tried for a shape that took less than a second so far")
    func seldom() {
        let (tried, _) = search(batch: 8, threads: 2) { _, _ in 0.125 }
        #expect(tried == Array(repeating: 8, count: 8) + [4, 4, 4, 1, 1, 1])
    }

    @Test("a search that is stopped keeps the fastest so far")
    func stopped() {
        var choice = SplitChoice(batch: 8, threads: 2)
        for _ in 0..<3 { choice.record(seconds: 1) }
        #expect(choice.current == 4)
        choice.stop()
        #expect(choice.isFound && choice.current == 8)
    }
}
