/// An instruction set that kernels are compiled for, and whether this machine has it: asked of the system, not of the code
/// that is tested.
package enum InstructionSet: String, CaseIterable, Sendable {
    case portable
    case avx2
    case avxVNNI = "avx-vnni"
    case avx512
    case avx512VNNI = "avx512-vnni"
    case avx512BF16 = "avx512-bf16"

    /// What `/proc/cpuinfo` calls its parts.
    private var flags: Set<String> {
        let avx2: Set = ["avx2", "fma", "f16c"]
        let avx512: Set = ["avx512f", "avx512bw", "avx512vl", "avx512dq"]
        return switch self {
        case .portable: []
        case .avx2: avx2
        case .avxVNNI: avx2.union(["avx_vnni"])
        case .avx512: avx512
        case .avx512VNNI: avx512.union(["avx512_vnni"])
        case .avx512BF16: avx512.union(["avx512_bf16"])
        }
    }

    package var isHere: Bool { flags.isSubset(of: Self.flagsHere) }

    /// Why its tests are skipped.
    package var lack: String { "this machine lacks \(rawValue): what runs on it is not tested here" }

    private static let flagsHere: Set<String> = {
        guard let lines = try? lines(of: "/proc/cpuinfo"), let line = lines.first(where: { $0.hasPrefix("flags") })
        else { return [] }
        return Set(line.split(separator: " ").map(String.init))
    }()
}
