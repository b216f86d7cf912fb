import CPUKernels
import TestSupport
import Testing

/// Which kernels a cap gives. The other tests run on each instruction set that the machine has; those that it lacks are
/// skipped here by name, so that no run passes for one that fell back.
@Suite struct InstructionSetTests {
    private func kernels(_ set: InstructionSet) -> String { String(cString: cpu_int8_up_to(set.rawValue).pointee.name) }

    @Test("portable kernels run everywhere")
    func portable() { #expect(kernels(.portable) == "portable") }

    @Test("avx2", .enabled(if: InstructionSet.avx2.isHere, "\(InstructionSet.avx2.lack)"))
    func avx2() { #expect(kernels(.avx2) == "avx2") }

    @Test("avx-vnni", .enabled(if: InstructionSet.avxVNNI.isHere, "\(InstructionSet.avxVNNI.lack)"))
    func avxVNNI() { #expect(kernels(.avxVNNI) == "avx-vnni") }

    @Test("avx512 with VNNI", .enabled(if: InstructionSet.avx512VNNI.isHere, "\(InstructionSet.avx512VNNI.lack)"))
    func avx512VNNI() { #expect(kernels(.avx512) == "avx512-vnni") }

    private var floats: String { String(cString: cpu_kernels_select().pointee.name) }

    @Test("avx512, of floats", .enabled(if: InstructionSet.avx512.isHere, "\(InstructionSet.avx512.lack)"))
    func avx512() { #expect(["avx512", "avx512-bf16"].contains(floats)) }

    @Test("avx512 with BF16", .enabled(if: InstructionSet.avx512BF16.isHere, "\(InstructionSet.avx512BF16.lack)"))
    func avx512BF16() { #expect(floats == "avx512-bf16") }
}

extension InstructionSet {
    /// Caps of the kernels for 8-bit integers that this machine does not answer with those of another.
    static let int8: [String] = {
        let here = [InstructionSet.portable, .avx2, .avxVNNI].filter(\.isHere).map(\.rawValue)
        return here + (InstructionSet.avx512VNNI.isHere ? [InstructionSet.avx512.rawValue] : [])
    }()
}
