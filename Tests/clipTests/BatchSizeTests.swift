import Testing

@testable import ClipCommands

@Suite struct BatchSizeTests {
    /// The size that is found where a batch of `size` takes `seconds(size)`.
    private func found(_ seconds: (Int) -> Double, available: Int? = nil) -> [Int] {
        var batch = BatchSize(from: 8, to: 64)
        var sizes = [batch.current]
        for _ in 0..<20 {
            batch.record(work: batch.current, seconds: seconds(batch.current), available: available)
            if sizes.last != batch.current { sizes.append(batch.current) }
        }
        return sizes
    }

    @Test("sizes double while a larger batch is faster, and the best is kept")
    func doubling() {
        #expect(found { 1 + 0.001 * Double($0) } == [8, 16, 32, 64])
        #expect(found { Double($0) } == [8, 16, 8])
        #expect(found { $0 <= 32 ? 1 : Double($0) } == [8, 16, 32, 64, 32])
    }

    @Test("without memory for more, the size stays")
    func memory() {
        #expect(found({ 1 + 0.001 * Double($0) }, available: -1) == [8])
    }

    @Test("the first batch of a size, which compiles, does not count")
    func compiling() {
        var batch = BatchSize(from: 8, to: 16)
        batch.record(work: 8, seconds: 1000, available: nil)
        for _ in 0..<2 { batch.record(work: 8, seconds: 1, available: nil) }
        #expect(batch.current == 16)
        batch.record(work: 16, seconds: 1000, available: nil)
        for _ in 0..<2 { batch.record(work: 16, seconds: 1, available: nil) }
        #expect(batch.current == 16)
    }

    @Test("a size that was given is kept")
    func fixed() {
        var batch = BatchSize(fixed: 5)
        for _ in 0..<9 { batch.record(work: 5, seconds: 1, available: nil) }
        #expect(batch.current == 5)
    }
}
