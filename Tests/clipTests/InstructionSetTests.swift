import TestSupport
import Testing

/// Each instruction set that this processor has, in a process of its own: libraries read their caps once, when they start.
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

    /// Those that the processor has, as `clip doctor` says.
    private static let available: [String] = {
        let findings = try? TemporaryFolder()
        let records = findings.flatMap { try? Program.run(["doctor", "--json"], in: $0).records() } ?? []
        let finding = records.first { (try? $0.string("name")) == "instruction sets" }
        return ((try? finding?.string("value")) ?? "").split(separator: " ").map(String.init)
    }()

    private static let caps = allCaps.filter { $0["CLIP_CPU_ISA"].map(available.contains) ?? true }

    private static let allCaps = [
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

    /// The error of a command that computes, and what doctor says.
    private func refusal(_ environment: [String: String]) throws -> String {
        let folder = try TemporaryFolder()
        let embed = try TinyModel.shared.run(["embed"], lines: ["a"], environment: environment)
        #expect(embed.status == 64 && embed.output.isEmpty)
        let doctor = try Program.run(["doctor"], environment: environment, in: folder)
        #expect(doctor.status == 1)
        let message = embed.error.trimmingPrefix("clip embed: ").filter { $0 != "\n" }
        #expect(doctor.output.contains(message) && doctor.output.contains("setting    threads"), "\(doctor.output)")
        return String(message)
    }

    @Test(
        "a value that is no instruction set is refused with the nearest and those that hold here",
        arguments: [
            ("AVX2", "avx2"), ("avx2 ", "avx2"), ("avx512bf16", "avx512-bf16"), ("avx_vnni", "avx-vnni"),
            ("portabel", "portable"), ("sse", nil), ("best", nil), ("3", nil),
        ] as [(String, String?)])
    func unknown(value: String, near: String?) throws {
        let message = try refusal(["CLIP_CPU_ISA": value])
        #expect(message.hasPrefix("CLIP_CPU_ISA is '\(value)', which is no instruction set of the backend 'cpu'; "))
        #expect(message.hasSuffix("use one of \(Self.available.joined(separator: ", ")), or unset it"), "\(message)")
        if let near, Self.available.contains(near) {
            #expect(message.contains("did you mean '\(near)'?"), "\(message)")
        }
        #expect(Self.available.first == "portable")
    }

    @Test("one that the processor lacks is refused as that, one that it has is what runs")
    func lacking() throws {
        let all = ["portable", "avx2", "avx-vnni", "avx512", "avx512-bf16"]
        for value in all where !Self.available.contains(value) {
            let message = try refusal(["CLIP_CPU_ISA": value])
            #expect(message.hasPrefix("CLIP_CPU_ISA is '\(value)', which this processor lacks; "), "\(message)")
        }
        let floats = [
            "portable": "portable", "avx2": "avx2", "avx-vnni": "avx2", "avx512": "avx512",
            "avx512-bf16": "avx512-bf16",
        ]
        for value in Self.available {
            let doctor = try Program.run(
                ["doctor", "--json"], environment: ["CLIP_CPU_ISA": value], in: TemporaryFolder())
            let finding = try #require(try doctor.records().first { try $0.string("name") == "instructions" })
            #expect(
                try finding.string("value")?.hasPrefix("\(floats[value] ?? ""), int8 ") == true, "\(value) \(finding)")
        }
    }

    @Test("an empty value is none, and what oneDNN would ignore is refused")
    func others() throws {
        let empty = try TinyModel.shared.run(["embed"], lines: ["a"], environment: ["CLIP_CPU_ISA": ""])
        #expect(empty.status == 0 && empty.error.isEmpty, "\(empty.error)")
        #expect(try refusal(["ONEDNN_MAX_CPU_ISA": "avx3"]).contains("which oneDNN does not know and would ignore"))
        let lower = try TinyModel.shared.run(["embed"], lines: ["a"], environment: ["ONEDNN_MAX_CPU_ISA": "avx2"])
        #expect(lower.status == 0, "\(lower.error)")
    }
}
