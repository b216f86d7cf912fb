internal import CPUKernels
internal import Multimodal
internal import Synchronization

/// A graph compiled by `CPUBackend`. One run at a time; others wait.
final class CPUExecutable: Executable {
    private let graph: Graph
    private let threads: Int
    private let precision: CompileOptions.Precision
    private let state: Mutex<Guarded>

    /// The machine's memory and steps, which only the holder of the lock touches.
    private struct Guarded: @unchecked Sendable {
        var machine: Machine
    }

    /// `signature` is the graph as it was given; `prepared` the one that runs.
    init(signature graph: Graph, prepared: Graph, parameters: [TensorData], options: CompileOptions) throws {
        self.graph = graph
        threads = options.threads ?? Processors.count
        precision = options.precision
        let names = prepared.parameterSignature.map(\.parameter.name)
        let given = Dictionary(zip(graph.parameterSignature.map(\.parameter.name), parameters)) { first, _ in first }
        let ordered = names.compactMap { given[$0] }
        guard ordered.count == names.count else {
            throw BackendError("the prepared graph has another set of parameters")
        }
        cpu_set_threads(Int32(threads))  // oneDNN plans for as many
        let planner = try Planner(prepared, parameters: ordered, options: options, threads: threads)
        let machine = try Machine(Layout(planner), parameters: given, graph: prepared, threads: threads)
        state = Mutex(Guarded(machine: machine))
    }

    func run(_ inputs: [String: TensorData]) throws -> [String: TensorData] {
        _ = try graph.orderedInputs(inputs)
        return try state.withLock { try $0.machine.run(inputs) }
    }

    func parameter(_ name: String) throws -> TensorData? { state.withLock { $0.machine.parameter(name) } }

    func takeProfile() -> ExecutionProfile? {
        state.withLock { guarded in
            ExecutionProfile(
                steps: guarded.machine.takeProfile(),
                peak: precision == .int8
                    ? cpu_int8_select().pointee.peak(Int32(threads))
                    : cpu_kernels_select().pointee.peak(precision == .bfloat16, Int32(threads)))
        }
    }
}

/// Memory and steps of one executable.
private final class Machine {
    private let layout: Layout
    private let graph: Graph
    private let threads: Int
    private let pointers: Pointers
    private var owned: [UnsafeMutableRawPointer] = []
    private var pins: [PinnedBytes] = []
    private var parameters: [String: TensorData]
    private var residents: [String: (buffer: Int, type: TensorType)] = [:]
    private var seconds: [Double]
    private var runs = 0

    init(_ layout: Layout, parameters: [String: TensorData], graph: Graph, threads: Int) throws {
        self.layout = layout
        self.graph = graph
        self.threads = threads
        self.parameters = parameters
        seconds = [Double](repeating: 0, count: layout.steps.count)
        pointers = .allocate(capacity: layout.buffers.count)
        let arena = try allocate(layout.arenaByteCount)
        pointers.initialize(repeating: arena, count: layout.buffers.count)
        pointers[Planner.workspace] = try allocate(layout.workspaceByteCount)

        let kept = Set(
            layout.steps.flatMap(\.reads) + layout.outputs.map(\.view.buffer) + layout.updates.map(\.value.buffer))
        var passing: [Int] = []
        for buffer in layout.buffers.indices.dropFirst() {
            let (root, place) = layout.place(buffer)
            switch place {
            case .arena: pointers[buffer] = arena + (layout.offsets[root] ?? 0)
            case .data(let data): if kept.contains(buffer) { pins.append(pin(data, buffer)) }
            case .resident(let index):
                guard root == buffer, case .parameter(let parameter) = graph[graph.parameters[index]].op,
                    let data = parameters[parameter.name]
                else { continue }
                pointers[buffer] = try allocate(data.byteCount)
                data.withUnsafeBytes { bytes in
                    UnsafeMutableRawBufferPointer(start: pointers[buffer], count: bytes.count).copyMemory(from: bytes)
                }
                residents[parameter.name] = (buffer, data.type)
                self.parameters[parameter.name] = nil
            case .folded:
                if kept.contains(buffer) {
                    pointers[buffer] = try allocate(layout.buffers[buffer].byteCount)
                } else {
                    pointers[buffer] = .allocate(
                        byteCount: max(layout.buffers[buffer].byteCount, 1), alignment: Arena.alignment)
                    passing.append(buffer)
                }
            case .packed(let weight): pointers[buffer] = weight.memory
            case .input, .alias: break
            }
        }
        for buffer in layout.buffers.indices.dropFirst() {
            let (root, place) = layout.place(buffer)
            if case .resident = place { pointers[buffer] = pointers[root] }
        }
        defer { for buffer in passing { pointers[buffer].deallocate() } }
        cpu_set_threads(Int32(threads))
        for step in layout.folded {
            // What only compilation reads is there for its steps alone.
            var passing: [(data: TensorData, pin: PinnedBytes)] = []
            for buffer in Set(step.reads) where !kept.contains(buffer) {
                if case .data(let data) = layout.place(buffer).place { passing.append((data, pin(data, buffer))) }
            }
            try step.run(pointers)
            for (data, _) in passing { data.releasePages() }
        }
    }

    /// Lets kernels read `data`, which they do not write, for as long as the result lives.
    private func pin(_ data: TensorData, _ buffer: Int) -> PinnedBytes {
        let pin = data.pinned()
        if let base = pin.bytes.baseAddress { pointers[buffer] = UnsafeMutableRawPointer(mutating: base) }
        return pin
    }

    deinit {
        for memory in owned { cpu_pages_free(memory) }
        pointers.deallocate()
    }

    private func allocate(_ byteCount: Int) throws -> UnsafeMutableRawPointer {
        let memory = cpu_pages_allocate(Int64(byteCount))
        guard let memory else { throw BackendError("there is no memory for \(byteCount) bytes", isOutOfMemory: true) }
        owned.append(memory)
        return memory
    }

    func run(_ inputs: [String: TensorData]) throws -> [String: TensorData] {
        for (index, buffer) in layout.buffers.enumerated() {
            guard case .input(let position) = buffer.place, case .input(let name) = graph[graph.inputs[position]].op,
                let data = inputs[name]
            else { continue }
            data.withUnsafeBytes { bytes in
                if let base = bytes.baseAddress { pointers[index] = UnsafeMutableRawPointer(mutating: base) }
            }
        }
        defer { withExtendedLifetime(inputs) {} }
        cpu_set_threads(Int32(threads))
        // One thread's own time says more than the clock's where others want the processor.
        var before = cpu_seconds(threads == 1)
        for (index, step) in layout.steps.enumerated() {
            try step.run(pointers)
            let after = cpu_seconds(threads == 1)
            seconds[index] += after - before
            before = after
        }
        runs += 1
        var results: [String: TensorData] = [:]
        for output in layout.outputs { results[output.name] = copy(output.view, output.type) }
        for update in layout.updates {
            pointers[update.resident].copyMemory(
                from: pointers.at(update.value), byteCount: layout.buffers[update.resident].byteCount)
        }
        return results
    }

    private func copy(_ view: View, _ type: TensorType) -> TensorData {
        TensorData(type) { $0.copyMemory(from: UnsafeRawBufferPointer(start: pointers.at(view), count: $0.count)) }
    }

    func parameter(_ name: String) -> TensorData? {
        residents[name].map { copy(View(buffer: $0.buffer, type: $0.type), $0.type) } ?? parameters[name]
    }

    func takeProfile() -> [ExecutionProfile.Step] {
        defer {
            seconds = [Double](repeating: 0, count: seconds.count)
            runs = 0
        }
        return zip(layout.steps, seconds).map { step, seconds in
            ExecutionProfile.Step(
                kind: step.kind, detail: step.detail, location: step.location, calls: runs, seconds: seconds,
                flops: step.flops * Double(runs))
        }
    }
}
