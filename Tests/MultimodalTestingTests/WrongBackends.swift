import Dispatch
import Multimodal
import ReferenceBackend
import Synchronization

/// The reference, wrong in one way.
struct WrongBackend: Backend {
    enum Fault: CaseIterable {
        case ignoresCausalMask, computesInHalf, reusesOutputBuffer, swallowsNaN, dependsOnThreads, mixesRows
        case remembersLastRun, sharesState, ignoresMissingInputs, takesAnyType, forgetsUpdates, refusesCustomOps
        case takesUnknownInputs, clampsIndices, dropsOutputs, spreadsNaN, updatesTwice
    }
    var fault: Fault
    /// What executables share that should not.
    private let shared = Shared()

    init(_ fault: Fault) { self.fault = fault }

    func supports(_ node: Node) -> Bool { true }

    func compile(
        _ graph: Graph, parameters: [String: TensorData], options: CompileOptions
    ) throws -> any Executable {
        var prepared = graph
        if fault == .ignoresCausalMask {
            prepared = try graph.rewritten { node, inputs, builder in
                guard case .attention(var op) = node.op else { return nil }
                op.isCausal = false
                return builder.apply(.attention(op), inputs, node.location)
            }
        }
        if fault == .refusesCustomOps {
            for node in graph.nodes {
                if case .custom = node.op { throw BackendError("unsupported") }
            }
        }
        let inner = try ReferenceBackend().compile(prepared, parameters: parameters, options: options)
        return WrongExecutable(fault, inner, graph, threads: options.threads ?? 1, shared)
    }
}

final class Shared: Sendable {
    let inputs = Mutex<[String: TensorData]>([:])
    let buffers = Mutex<[String: Buffer]>([:])

    struct Buffer: @unchecked Sendable {
        var memory: UnsafeMutableRawBufferPointer
    }

    deinit { buffers.withLock { for buffer in $0.values { buffer.memory.deallocate() } } }
}

/// Keeps memory that somebody else owns.
private final class Pages: PagedMemory {
    let owner: Shared
    init(_ owner: Shared) { self.owner = owner }
    func releasePages(of bytes: UnsafeRawBufferPointer) {}
}

final class WrongExecutable: Executable {
    private let fault: WrongBackend.Fault
    private let inner: any Executable
    private let graph: Graph
    private let threads: Int
    private let shared: Shared
    private let own = Shared()

    init(
        _ fault: WrongBackend.Fault, _ inner: any Executable, _ graph: Graph, threads: Int, _ shared: Shared
    ) {
        (self.fault, self.inner, self.graph, self.threads, self.shared) = (fault, inner, graph, threads, shared)
    }

    func run(_ inputs: [String: TensorData]) throws -> [String: TensorData] {
        var inputs = inputs
        for (name, type) in graph.inputSignature {
            if fault == .ignoresMissingInputs, inputs[name] == nil {
                inputs[name] = TensorData(type, doubles: [Double](repeating: 0, count: type.shape.count))
            }
            if fault == .takesAnyType, let data = inputs[name], data.shape.count == type.shape.count {
                inputs[name] = TensorData(type, doubles: data.doubles)
            }
        }
        if fault == .takesUnknownInputs {
            let known = Set(graph.inputSignature.map(\.name))
            inputs = inputs.filter { known.contains($0.key) }
        }
        if fault == .clampsIndices { inputs = inputs.mapValues(clamped) }
        if fault == .sharesState {
            // Between two executables, and between two threads: what was given last is what is computed.
            shared.inputs.withLock { $0 = inputs }
            if inputs.keys.contains("x") { _ = DispatchSemaphore(value: 0).wait(timeout: .now() + .milliseconds(5)) }
            let last = shared.inputs.withLock { $0 }
            if Set(last.keys) == Set(inputs.keys), last.allSatisfy({ $1.type == inputs[$0]?.type }) { inputs = last }
        }
        var outputs = try inner.run(inputs)
        if fault == .updatesTwice, !graph.updates.isEmpty { outputs = try inner.run(inputs) }
        if fault == .remembersLastRun {
            let last = own.inputs.withLock { last in
                defer { last = outputs }
                return last
            }
            if !last.isEmpty { outputs = last }
        }
        if fault == .dropsOutputs, outputs.count > 1, let name = outputs.keys.max() { outputs[name] = nil }
        return outputs.mapValues(changed).reduce(into: [:]) { $0[$1.key] = buffered($1.key, $1.value) }
    }

    func parameter(_ name: String) throws -> TensorData? {
        guard fault == .forgetsUpdates else { return try inner.parameter(name) }
        // What it was at first.
        let first = own.inputs.withLock { $0[name] }
        if let first { return first }
        let now = try inner.parameter(name)
        own.inputs.withLock { $0[name] = now }
        return graph.updates.isEmpty ? now : now.map { TensorData($0.type, doubles: $0.doubles.map { _ in 0.25 }) }
    }

    private func clamped(_ data: TensorData) -> TensorData {
        data.dtype.isFloat ? data : TensorData(data.type, doubles: data.doubles.map { min(max($0, 0), 2) })
    }

    private func changed(_ data: TensorData) -> TensorData {
        guard data.dtype == .float32 else { return data }
        var values = data.doubles
        switch fault {
        case .computesInHalf: values = values.map(DType.float16.rounding)
        case .swallowsNaN: values = values.map { $0.isNaN ? 0 : $0 }
        case .spreadsNaN where values.contains { $0.isNaN }: values = values.map { _ in .nan }
        case .dependsOnThreads where threads > 2: values = values.map { $0 * 1.01 }
        case .mixesRows where data.shape.rank == 2 && data.shape[0] > 1:
            let size = data.shape[1]
            for column in 0..<size where values[values.count - size + column].isFinite {
                values[column] += 0.01 * values[values.count - size + column]
            }
        default: break
        }
        return TensorData(data.type, doubles: values)
    }

    /// The same memory for the same output, run after run.
    private func buffered(_ name: String, _ data: TensorData) -> TensorData {
        guard fault == .reusesOutputBuffer else { return data }
        return own.buffers.withLock { buffers in
            let buffer =
                buffers[name]
                ?? Shared.Buffer(memory: .allocate(byteCount: max(data.byteCount, 1), alignment: 64))
            buffers[name] = buffer
            data.withUnsafeBytes { buffer.memory.copyMemory(from: $0) }
            let bytes = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(buffer.memory)[..<data.byteCount])
            return TensorData(type: data.type, storage: TensorStorage(bytes, owner: .pages(Pages(own))))
        }
    }
}
