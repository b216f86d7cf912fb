import CPUBackend
import Multimodal
import MultimodalTesting
import ReferenceBackend
import Testing

@Suite("cpu runs the conformance suite of backends")
struct ConformanceTests {
    @Test("every op, forward and gradient, gives what reference gives", arguments: [1, 2])
    func ops(threads: Int) {
        let report = BackendConformance(
            CPUBackend(), reference: ReferenceBackend(), seeds: 0..<2,
            options: CompileOptions(precision: .float32, threads: threads)
        ).run()
        #expect(report.hasPassed, "\(report)")
        #expect(report.checkCount > 100)
    }

    @Test("products on bfloat16 operands keep within bfloat16's tolerances")
    func bfloat16() {
        let report = BackendConformance(
            CPUBackend(), reference: ReferenceBackend(), seeds: 0..<1, options: CompileOptions(precision: .bfloat16)
        ).run()
        #expect(report.hasPassed, "\(report)")
    }

    @Test("an executable keeps the contract: names, types, refusals, resident parameters")
    func contract() {
        let report = ExecutableContract(backend: CPUBackend()).run()
        #expect(report.hasPassed, "\(report)")
    }
}
