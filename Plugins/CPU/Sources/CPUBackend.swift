internal import CPUKernels
public import Multimodal

/// Runs graphs on the processor: products and convolutions by oneDNN, the rest by own vector kernels.
///
/// Computes in float32, indices in int32; with `precision: .bfloat16` products take bfloat16 operands and sum in
/// float32. Constants are folded and weights packed once, elementwise chains run in one pass, and updated parameters are
/// written in place. oneDNN and the kernels here share one set of OpenMP threads.
public struct CPUBackend: Backend {
    public init() {}

    public func supports(_ node: Node) -> Bool {
        switch node.op {
        case .custom, .batchNorm: false
        default: node.dtype != .float64
        }
    }

    public var capabilities: BackendCapabilities {
        let kernels = String(cString: cpu_kernels_select().pointee.name)
        let library = String(cString: cpu_dnnl_version())
        let integers = String(cString: cpu_int8_select().pointee.name)
        return BackendCapabilities(
            instructionSet: "\(kernels), int8 \(integers), oneDNN \(library)",
            instructionSets: InstructionSets.available,
            precisions: Processor.multipliesBFloat16 ? [.float32, .bfloat16, .int8] : [.float32, .int8],
            threads: Processors.count)
    }

    public func compile(
        _ graph: Graph, parameters: [String: TensorData], options: CompileOptions
    ) throws -> any Executable {
        try compiled(graph, parameters: parameters, options: options)
    }

    /// More than any machine has processors.
    private static let mostThreads = 4096

    func compiled(_ graph: Graph, parameters: [String: TensorData], options: CompileOptions) throws -> CPUExecutable {
        try InstructionSets.checkEnvironment()
        let ordered = try graph.ordered(parameters)
        if let threads = options.threads, !(1...Self.mostThreads).contains(threads) {
            throw BackendError("the cpu backend cannot run on \(threads) threads; ask for 1 to \(Self.mostThreads)")
        }
        return try CPUExecutable(
            signature: graph, prepared: try graph.prepared(for: options, unless: supports), parameters: ordered,
            options: options)
    }
}
