internal import CPUKernels
internal import Multimodal

/// A fused elementwise program in memory that C can read.
final class Program {
    var header = cpu_program()
    /// Views behind the loads and the stores, in order.
    let loads: [View]
    let stores: [View]
    private let load: UnsafeMutablePointer<cpu_load>
    private let store: UnsafeMutablePointer<cpu_store>
    private let ops: UnsafeMutablePointer<cpu_micro_op>

    init(loads: [(view: View, load: cpu_load)], ops: [cpu_micro_op], stores: [(view: View, store: cpu_store)]) {
        self.loads = loads.map(\.view)
        self.stores = stores.map(\.view)
        load = .allocate(capacity: max(loads.count, 1))
        load.initialize(from: loads.map(\.load), count: loads.count)
        self.ops = .allocate(capacity: max(ops.count, 1))
        self.ops.initialize(from: ops, count: ops.count)
        store = .allocate(capacity: max(stores.count, 1))
        store.initialize(from: stores.map(\.store), count: stores.count)
        header.loads = Int32(loads.count)
        header.ops = Int32(ops.count)
        header.stores = Int32(stores.count)
        header.load = load
        header.store = store
        header.op = UnsafePointer(self.ops)
    }

    deinit {
        load.deallocate()
        store.deallocate()
        ops.deallocate()
    }

    func run(_ pointers: Pointers, _ kernels: cpu_kernels, _ threads: Int) {
        for (index, view) in loads.enumerated() { load[index].base = UnsafeRawPointer(pointers.at(view)) }
        for (index, view) in stores.enumerated() { store[index].base = pointers.at(view) }
        header.workspace = pointers[Planner.workspace].assumingMemoryBound(to: CChar.self)
        kernels.elementwise(&header, Int32(threads))
    }
}

extension Planner {
    private static let usualBlock = 1024
    private static let longestPeriod = 4096

    /// A unit of elementwise nodes becomes one program.
    func planElementwise(_ members: [Node.ID], _ unit: Int) throws {
        let count = graph[members[0]].shape.count
        let order = try order(of: members, unit)
        var loads: [View] = []
        var registerOf: [Node.ID: Int32] = [:]
        var operands: [(node: Node, inputs: [Int32])] = []

        // Registers: first the loads, then one for each member.
        var inputs: [[(isMember: Bool, index: Int)]] = []
        for id in members {
            let node = graph[id]
            inputs.append(
                try node.inputs.map { input in
                    if fusion.isRegister(input, for: node, in: unit) { return (true, fusion.withoutReshapes(input)) }
                    let whole = try view(input).broadcast(to: node.shape.dimensions)
                    let source = (order.map(whole.transposed) ?? whole).withoutGaps
                    if let known = loads.firstIndex(of: source) { return (false, known) }
                    loads.append(source)
                    return (false, loads.count - 1)
                })
        }
        for (position, id) in members.enumerated() { registerOf[id] = Int32(loads.count + position) }
        for (id, operandsOfNode) in zip(members, inputs) {
            operands.append(
                (
                    graph[id],
                    operandsOfNode.map { $0.isMember ? registerOf[$0.index] ?? 0 : Int32($0.index) }
                ))
        }

        let block = Self.block(for: loads, count: count)
        let stored = members.filter { isUsed($0, outside: unit) }
        var stores: [(view: View, store: cpu_store)] = []
        for id in stored {
            let target = result(graph[id].type, laidOutBy: order)
            setView(target, of: id)
            stores.append(
                (
                    order.map(target.transposed) ?? target,
                    cpu_store(base: nil, type: graph[id].dtype.code, source: registerOf[id] ?? 0)
                ))
        }
        var ops = try operands.map { try microOp($0.node, $0.inputs, registerOf[$0.node.id] ?? 0) }
        let inPlace = Self.replaceable(loads, stores.map { ($0.view, $0.store.source) }, ops)
        let registers = Self.reuseRegisters(&ops, loads: loads.count, stores: &stores)

        let program = Program(
            loads: loads.map { ($0, Self.load($0, block: block, count: count)) }, ops: ops, stores: stores)
        program.header.count = Int64(count)
        program.header.block = Int64(block)
        program.header.registers = Int32(registers)
        let workspace = Arena.rounded(registers * block * 4)
        program.header.workspace_stride = Int64(workspace)
        let (kernels, threads) = (kernels, threads)
        let names = members.map { graph[$0].op.shortName }.joined(separator: " ")
        add(
            "elementwise", "\(count) x (\(names))", reads: Array(Set(loads.map(\.buffer))),
            writes: stores.map(\.view.buffer), inPlace: inPlace, workspace: workspace
        ) { program.run($0, kernels, threads) }
    }

    /// The order of axes in which all operands lie in memory without gaps, where that is not the usual one: results are
    /// then written in it, too.
    private func order(of members: [Node.ID], _ unit: Int) throws -> [Int]? {
        let shape = graph[members[0]].shape
        var order: [Int]?
        for node in members.map({ graph[$0] }) {
            guard node.shape == shape else { return nil }
            for input in node.inputs where !fusion.isRegister(input, for: node, in: unit) {
                let view = try view(input)
                guard view.shape == shape.dimensions, !view.isContiguous else { return nil }
                let own = order ?? view.shape.indices.sorted { (-view.strides[$0], $0) < (-view.strides[$1], $1) }
                guard view.transposed(own).isContiguous else { return nil }
                order = own
            }
        }
        return order
    }

    /// Whether anything but registers of the same unit reads `id`.
    private func isUsed(_ id: Node.ID, outside unit: Int) -> Bool {
        var pending = [id]
        while let id = pending.popLast() {
            if isResult[id] { return true }
            for user in users[id] {
                if fusion.unitOf[user] == unit {
                    let isInRegisters = graph[user].inputs.allSatisfy {
                        fusion.withoutReshapes($0) != id || fusion.isRegister($0, for: graph[user], in: unit)
                    }
                    if !isInRegisters { return true }
                } else if case .reshape = graph[user].op {
                    pending.append(user)
                } else {
                    return true
                }
            }
        }
        return false
    }

    /// A block holds a whole number of the longest row that repeats, so that the row is laid out once.
    private static func block(for loads: [View], count: Int) -> Int {
        let periods = loads.compactMap { $0.period }.filter { $0 > 1 && $0 <= longestPeriod && $0 < count }
        let period = periods.max() ?? 1
        return min(period * max(1, usualBlock / period), max(count, 1))
    }

    private static func load(_ view: View, block: Int, count: Int) -> cpu_load {
        var load = cpu_load()
        load.type = view.dtype.code
        let (extents, strides) = View.collapsed(view.shape, [view.strides])
        let isDirect = view.dtype == .float32 && (extents.isEmpty || extents.count == 1 && strides[0] == [1])
        let repeats = view.period.map { block % $0 == 0 || $0 == count && block >= count } ?? false
        load.mode = Int32(isDirect ? CPU_LOAD_DIRECT : repeats ? CPU_LOAD_ONCE : CPU_LOAD_WALK)
        load.rank = Int32(max(extents.count, 1))
        fill(&load.extents, with: extents.isEmpty ? [1] : extents.map(Int64.init))
        fill(&load.strides, with: extents.isEmpty ? [1] : strides[0].map(Int64.init))
        return load
    }

    /// Loads whose memory a store may overwrite: both go straight through memory, and no op reads the load after the one
    /// that writes the store.
    private static func replaceable(
        _ loads: [View], _ stores: [(view: View, source: Int32)], _ ops: [cpu_micro_op]
    ) -> [(read: Int, write: Int)] {
        var pairs: [(read: Int, write: Int)] = []
        for (index, load) in loads.enumerated() {
            guard load.dtype == .float32, load.offset == 0, load.isContiguous,
                loads.filter({ $0.buffer == load.buffer }).count == 1
            else { continue }
            let lastRead = ops.lastIndex { $0.a == index || $0.b == index || $0.c == index } ?? 0
            for store in stores where store.view.dtype == .float32 && store.view.count == load.count {
                let write = ops.firstIndex { $0.target == store.source } ?? 0
                if lastRead <= write { pairs.append((load.buffer, store.view.buffer)) }
            }
        }
        return pairs
    }

    /// Temporaries take the place of ones that are no longer read. Returns the number of registers.
    private static func reuseRegisters(
        _ ops: inout [cpu_micro_op], loads: Int, stores: inout [(view: View, store: cpu_store)]
    ) -> Int {
        var lastRead: [Int32: Int] = [:]
        for (index, op) in ops.enumerated() { for source in [op.a, op.b, op.c] { lastRead[source] = index } }
        let kept = Set(stores.map(\.store.source))
        var assigned: [Int32: Int32] = [:]
        var free: [Int32] = []
        var next = Int32(loads)
        func place(_ register: Int32) -> Int32 { register < loads ? register : assigned[register] ?? register }
        for index in ops.indices {
            let op = ops[index]
            (ops[index].a, ops[index].b, ops[index].c) = (place(op.a), place(op.b), place(op.c))
            for source in Set([op.a, op.b, op.c])
            where source >= loads && lastRead[source] == index && !kept.contains(source) && source != op.target {
                if let register = assigned[source] { free.append(register) }
            }
            let register: Int32
            if !kept.contains(op.target), let reused = free.popLast() {
                register = reused
            } else {
                register = next
                next += 1
            }
            assigned[op.target] = register
            ops[index].target = register
        }
        for index in stores.indices {
            stores[index].store.source = place(stores[index].store.source)
        }
        return Int(next)
    }

    private func microOp(_ node: Node, _ inputs: [Int32], _ target: Int32) throws -> cpu_micro_op {
        guard let code = node.op.code(from: graph[node.inputs[0]].dtype, to: node.dtype) else {
            throw BackendError("the cpu backend cannot run \(node.op.name) at \(node.location)")
        }
        let a = inputs[0]
        return cpu_micro_op(
            op: code, target: target, a: a, b: inputs.count > 1 ? inputs[1] : a, c: inputs.count > 2 ? inputs[2] : a)
    }

    /// Elementwise ops on int32, and casts between integers: one at a time.
    func planInteger(_ node: Node) throws -> View {
        let inputs = try node.inputs.map { contiguous(try view($0).broadcast(to: node.shape.dimensions)) }
        let target = result(node.type)
        let count = Int64(node.shape.count)
        let kernels = kernels
        if case .cast = node.op {
            let (source, from, to) = (inputs[0], inputs[0].dtype.code, node.dtype.code)
            add("convert", "\(node.shape)", reads: [source.buffer], writes: [target.buffer]) {
                kernels.convert($0.at(source), from, $0.at(target), to, count)
            }
            return target
        }
        guard let code = node.op.code(from: .int32, to: .int32), inputs.allSatisfy({ $0.dtype == .int32 }) else {
            throw BackendError("the cpu backend cannot run \(node.op.name) of \(node.type) at \(node.location)")
        }
        add("integer", "\(node.shape)", reads: inputs.map(\.buffer), writes: [target.buffer]) { pointers in
            let operands = inputs.map { pointers.integers($0) }
            kernels.integer(
                code, operands[0], operands.count > 1 ? operands[1] : nil, operands.count > 2 ? operands[2] : nil,
                pointers.integers(target), count)
        }
        return target
    }
}

extension View {
    /// The same elements, with neighbouring dimensions joined: equal for equal reads.
    fileprivate var withoutGaps: View {
        let (extents, strides) = View.collapsed(shape, [strides])
        var view = self
        view.shape = extents
        view.strides = strides[0]
        return view
    }

    /// After how many elements the values repeat, where that is by broadcasting; nil where they are read to the end.
    fileprivate var period: Int? {
        let repeated = zip(shape, strides).prefix { $0 == 1 || $1 == 0 }.count
        return repeated == 0 && !shape.isEmpty ? nil : shape.dropFirst(repeated).reduce(1, *)
    }
}

extension DType {
    /// The kernels' name for this type.
    var code: Int32 {
        switch self {
        case .float32, .float64: Int32(CPU_F32)
        case .int32: Int32(CPU_I32)
        case .bfloat16: Int32(CPU_BF16)
        case .float16: Int32(CPU_F16)
        case .int8: Int32(CPU_I8)
        case .uint8: Int32(CPU_U8)
        case .int64: Int32(CPU_I64)
        }
    }
}

extension Op {
    fileprivate var shortName: String {
        switch self {
        case .unary(let op): op.rawValue
        case .binary(let op): op.rawValue
        default: name
        }
    }

    /// The kernels' name for an elementwise op; nil for others.
    func code(from source: DType, to target: DType) -> Int32? {
        let code: Int
        switch self {
        case .unary(let op):
            switch op {
            case .negate: code = CPU_OP_NEGATE
            case .exp: code = CPU_OP_EXP
            case .log: code = CPU_OP_LOG
            case .squareRoot: code = CPU_OP_SQRT
            case .reciprocal: code = CPU_OP_RECIPROCAL
            case .tanh: code = CPU_OP_TANH
            case .sigmoid: code = CPU_OP_SIGMOID
            case .erf: code = CPU_OP_ERF
            case .relu: code = CPU_OP_RELU
            }
        case .binary(let op):
            switch op {
            case .add: code = CPU_OP_ADD
            case .subtract: code = CPU_OP_SUBTRACT
            case .multiply: code = CPU_OP_MULTIPLY
            case .divide: code = CPU_OP_DIVIDE
            case .maximum: code = CPU_OP_MAXIMUM
            case .minimum: code = CPU_OP_MINIMUM
            case .greater: code = CPU_OP_GREATER
            case .equal: code = CPU_OP_EQUAL
            }
        case .select: code = CPU_OP_SELECT
        case .gelu(let op):
            switch op.form {
            case .erf: code = CPU_OP_GELU_ERF
            case .tanh: code = CPU_OP_GELU_TANH
            case .quick: code = CPU_OP_GELU_QUICK
            }
        case .geluGradient(let op):
            switch op.form {
            case .erf: code = CPU_OP_GELU_ERF_GRADIENT
            case .tanh: code = CPU_OP_GELU_TANH_GRADIENT
            case .quick: code = CPU_OP_GELU_QUICK_GRADIENT
            }
        case .cast:
            switch target {
            case .float32, .float64, .int64: code = CPU_OP_COPY
            case .bfloat16: code = CPU_OP_ROUND_BF16
            case .float16: code = CPU_OP_ROUND_F16
            case .int32: code = CPU_OP_TO_I32
            case .int8: code = CPU_OP_TO_I8
            case .uint8: code = CPU_OP_TO_U8
            }
        default: return nil
        }
        return Int32(code)
    }
}
