internal import CPUKernels
internal import Multimodal

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// What the environment may say of instruction sets.
enum InstructionSets {
    /// Those that the kernels are compiled for, each faster than the one before.
    static let known: [String] = numbers.compactMap { cpu_isa_name($0).map { String(cString: $0) } }

    /// Those of them that this processor runs.
    static let available: [String] = numbers.filter { cpu_isa_runs($0) }.compactMap {
        cpu_isa_name($0).map { String(cString: $0) }
    }

    private static let numbers = Array((0..<Int32.max).prefix { cpu_isa_name($0) != nil })

    /// What oneDNN 2 and 3 know, which ignore anything else; letter case does not count.
    private static let ofOneDNN = [
        "SSE41", "AVX", "AVX2", "AVX2_VNNI", "AVX2_VNNI_2", "AVX512_MIC", "AVX512_MIC_4OPS", "AVX512_CORE",
        "AVX512_CORE_VNNI", "AVX512_CORE_BF16", "AVX512_CORE_FP16", "AVX512_CORE_AMX", "AVX512_CORE_AMX_FP16",
        "AVX10_1_512", "AVX10_1_512_AMX", "AVX10_1_512_AMX_FP16", "AVX10_2", "AVX10_2_512", "AVX10_2_512_AMX_2",
        "ADVANCED_SIMD", "SVE_128", "SVE_256", "SVE_384", "SVE_512", "ALL", "DEFAULT",
    ]

    /// Refuses values that would change nothing, or something else than what was meant.
    static func checkEnvironment() throws(SettingError) {
        let variable = "CLIP_CPU_ISA"
        if let value = value(variable), !available.contains(value) {
            throw SettingError(
                variable, value,
                known.contains(value)
                    ? "which this processor lacks" : "which is no instruction set of the backend 'cpu'",
                use: available)
        }
        for variable in ["ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA"] {
            guard let value = value(variable), !ofOneDNN.contains(value.uppercased()) else { continue }
            throw SettingError(variable, value, "which oneDNN does not know and would ignore", use: ofOneDNN)
        }
    }

    private static func value(_ variable: String) -> String? {
        guard let text = getenv(variable).map({ String(cString: $0) }), !text.isEmpty else { return nil }
        return text
    }
}
