import TestSupport
import Testing

/// Each instruction set in a process of its own: libraries read their caps once, when they start. Where the processor
/// lacks one, the best below it runs.
@Suite struct InstructionSetTests {
    private func vectors(_ environment: [String: String], precision: String) throws -> [[Float]] {
        let folder = try TemporaryFolder()
        let pictures = ["red-hexagon", "pink-ring", "white-digit-7"].map {
            "\(repositoryRoot)/Examples/pictures/\($0).png"
        }
        let result = try Program.run(
            ["embed", "--model", "\(repositoryRoot)/Models/starter", "--precision", precision],
            lines: ["a red hexagon", "two blue rings above a green star"] + pictures, environment: environment,
            in: folder)
        #expect(result.status == 0, "\(result.error)")
        return try result.records().map { try $0.embedding }
    }

    private static let caps = [
        ["CLIP_CPU_ISA": "portable", "ONEDNN_MAX_CPU_ISA": "SSE41"],
        ["CLIP_CPU_ISA": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2"],
        ["CLIP_CPU_ISA": "avx-vnni"], ["CLIP_CPU_ISA": "avx512", "ONEDNN_MAX_CPU_ISA": "AVX512_CORE"],
        ["ONEDNN_MAX_CPU_ISA": "AVX512_CORE_VNNI"], ["CLIP_CPU_ISA": "avx512-bf16"],
    ]

    @Test("float32 gives the same vectors on every instruction set, to rounding", arguments: caps)
    func float32(cap: [String: String]) throws {
        let plain = try vectors([:], precision: "float32")
        let capped = try vectors(cap, precision: "float32")
        #expect(plain.count == 5 && capped.count == 5)
        for (a, b) in zip(plain, capped) { #expect(zip(a, b).allSatisfy { abs($0 - $1) < 2e-6 }) }
    }

    @Test("bfloat16 and int8 keep their distance to float32 on every instruction set", arguments: caps)
    func narrow(cap: [String: String]) throws {
        let plain = try vectors([:], precision: "float32")
        for (precision, least) in [("bfloat16", Float(0.9995)), ("int8", 0.99)] {
            let capped = try vectors(cap, precision: precision)
            #expect(capped.count == plain.count)
            for (a, b) in zip(plain, capped) {
                #expect(zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } > least, "\(precision)")
            }
        }
    }
}
