import CLIPKit
import Multimodal
import Testing

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

@Suite struct RankerTests {
    private func vectors(_ count: Int, _ width: Int, seed: UInt64) -> [Float] {
        var generator = SeededGenerator(seed: seed)
        return (0..<count * width).map { _ in Float(generator.nextNormal()) }
    }

    private func cosine(_ a: ArraySlice<Float>, _ b: ArraySlice<Float>) -> Double {
        let dot = zip(a, b).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
        func length(_ v: ArraySlice<Float>) -> Double { v.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot() }
        return dot / length(a) / length(b)
    }

    @Test(
        "matches and probabilities are those of the plain definition",
        arguments: [
            (1, 1, 1), (1, 700, 7), (5, 333, 16), (9, 1000, 33), (130, 257, 64),
        ])
    func plain(queries: Int, candidates: Int, width: Int) throws {
        let a = vectors(queries, width, seed: 1)
        let b = vectors(candidates, width, seed: 2)
        let scale: Float = 20
        let ranker = try Ranker<Int>(
            queries: a, width: width, top: 5, calibration: ScoreCalibration(scale: scale), threads: 2)
        // In blocks of odd sizes.
        var start = 0
        for size in [1, 2, 100, 211, 1 << 20] {
            let end = min(start + size, candidates)
            try ranker.add(Array(b[start * width..<end * width]), candidates: Array(start..<end))
            start = end
        }
        #expect(ranker.count == candidates)
        for (query, matches) in ranker.matches().enumerated() {
            let scores = (0..<candidates).map { candidate in
                cosine(a[query * width..<(query + 1) * width], b[candidate * width..<(candidate + 1) * width])
            }
            let sum = scores.reduce(0.0) { $0 + exp(Double(scale) * $1) }
            let expected = scores.indices.sorted { scores[$0] > scores[$1] }.prefix(5)
            #expect(matches.map(\.candidate) == Array(expected))
            for match in matches {
                #expect(abs(Double(match.score) - scores[match.candidate]) < 1e-5)
                let probability = exp(Double(scale) * scores[match.candidate]) / sum
                #expect(abs(Double(try #require(match.probability)) - probability) < 1e-4 * probability + 1e-7)
            }
        }
    }

    @Test("equal candidates have equal scores and keep their order, wherever they stand")
    func ties() throws {
        let one = vectors(1, 50, seed: 3)
        let ranker = try Ranker<Int>(queries: vectors(3, 50, seed: 4), width: 50, top: nil, calibration: nil)
        for block in 0..<7 {
            let count = 1 + block * 3
            try ranker.add((0..<count).flatMap { _ in one }, candidates: (0..<count).map { ranker.count + $0 })
        }
        for matches in ranker.matches() {
            #expect(Set(matches.map(\.score)).count == 1)
            #expect(matches.map(\.candidate) == Array(0..<ranker.count))
            #expect(matches.allSatisfy { $0.probability == nil })
        }
    }

    @Test("a large scale neither overflows nor loses the best")
    func largeScale() throws {
        let ranker = try Ranker<Int>(
            queries: [1, 0], width: 2, top: 2, calibration: ScoreCalibration(scale: 10_000))
        try ranker.add([-1, 0, 0, 1], candidates: [0, 1])
        try ranker.add([1, 0], candidates: [2])
        let matches = ranker.matches()[0]
        #expect(matches.map(\.candidate) == [2, 1])
        #expect(matches.map(\.probability) == [1, 0])
    }

    @Test("a sigmoid calibration gives each candidate its own probability")
    func sigmoid() throws {
        let ranker = try Ranker<Int>(
            queries: [1, 0], width: 2, top: nil, calibration: ScoreCalibration(scale: 10, bias: -5, link: .sigmoid))
        try ranker.add([1, 0, 0, 1], candidates: [0, 1])
        let probabilities = try ranker.matches()[0].map { Double(try #require($0.probability)) }
        #expect(abs(probabilities[0] - 1 / (1 + exp(-5))) < 1e-6)
        #expect(abs(probabilities[1] - 1 / (1 + exp(5))) < 1e-6)
    }

    @Test("vectors of another length, zero or not finite are refused")
    func refused() throws {
        let ranker = try Ranker<Int>(queries: [1, 0], width: 2, top: nil, calibration: nil)
        #expect(throws: RankError.width(3, expected: 2)) { try ranker.add([1, 0, 0], candidates: [0]) }
        #expect(throws: RankError.direction(row: 1)) { try ranker.add([1, 0, 0, 0], candidates: [0, 1]) }
        #expect(throws: RankError.direction(row: 0)) { try ranker.add([.nan, 0], candidates: [0]) }
        #expect(throws: RankError.direction(row: 0)) {
            try Ranker<Int>(queries: [.infinity, 0], width: 2, top: nil, calibration: nil)
        }
    }

    @Test("a list of the best holds what sorting gives")
    func topList() {
        var generator = SeededGenerator(seed: 7)
        for limit in [1, 2, 3, 10, 1000] {
            let scores = (0..<300).map { _ in Float(generator.next() % 40) }
            var list = TopList<Int>(limit: limit)
            for (order, score) in scores.enumerated() {
                list.insert(.init(score: score, order: order, candidate: order))
            }
            let expected = scores.indices.sorted { (-scores[$0], $0) < (-scores[$1], $1) }.prefix(limit)
            #expect(list.sorted().map(\.candidate) == Array(expected))
        }
    }
}
