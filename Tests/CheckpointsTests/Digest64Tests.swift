import Checkpoints
import Testing

@Suite struct Digest64Tests {
    private func digest(_ bytes: [UInt8]) -> UInt64 {
        var digest = Digest64()
        bytes.withUnsafeBytes { digest.combine($0) }
        return digest.value
    }

    @Test("flipping any bit at any place changes the digest")
    func bits() {
        for count in [1, 15, 16, 17, 63, 64, 65, 200] {
            let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 37) }
            var seen: Set<UInt64> = [digest(bytes)]
            for bit in 0..<count * 8 {
                var changed = bytes
                changed[bit / 8] ^= 1 << (bit % 8)
                seen.insert(digest(changed))
            }
            #expect(seen.count == count * 8 + 1)
        }
    }

    @Test("zeros of different lengths, and fields cut elsewhere, differ")
    func lengths() {
        #expect(Set((0..<300).map { digest([UInt8](repeating: 0, count: $0)) }).count == 300)
        var one = Digest64()
        var two = Digest64()
        one.combine("ab")
        one.combine("c")
        two.combine("a")
        two.combine("bc")
        #expect(one.value != two.value)
    }

    @Test("the digest stays what it was: embeddings on disk carry it")
    func stable() {
        var digest = Digest64()
        digest.combine("clip")
        digest.combine(String(repeating: "0123456789", count: 20))
        #expect(digest.shortText == "e9b2bc36")
    }
}
