import CPUBackend
import Multimodal
import MultimodalTesting
import ReferenceBackend
import Testing

/// The cpu backend in int8, which the reference has no need of; what trains runs in bfloat16.
private struct Int8Backend: Backend {
    func supports(_ node: Node) -> Bool { CPUBackend().supports(node) }

    func compile(
        _ graph: Graph, parameters: [String: TensorData], options: CompileOptions
    ) throws -> any Executable {
        var options = options
        options.precision = graph.updates.isEmpty ? .int8 : .bfloat16
        return try CPUBackend().compile(graph, parameters: parameters, options: options)
    }
}

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

    @Test("products on 8-bit integers keep within bfloat16's tolerances, too")
    func int8() {
        let report = BackendConformance(
            Int8Backend(), reference: ReferenceBackend(), seeds: 0..<1, toleranceFactor: 4000
        ).run()
        #expect(report.hasPassed, "\(report)")
    }

    @Test("an executable keeps the contract: names, types, refusals, resident parameters")
    func contract() {
        let report = ExecutableContract(backend: CPUBackend()).run()
        #expect(report.hasPassed, "\(report)")
    }
}
