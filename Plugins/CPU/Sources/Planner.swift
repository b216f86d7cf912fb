internal import CPUKernels
internal import Multimodal

/// Turns a graph into steps on buffers.
///
/// Units are planned in the order in which they will run. A node that only looks at memory differently becomes a view;
/// where a kernel needs its values row by row without gaps, `contiguous` adds a copy, once.
final class Planner {
    let graph: Graph
    let fusion: Fusion
    let threads: Int
    let kernels: cpu_kernels
    /// Products on 8-bit integers: none unless asked for.
    let int8: Int8Products
    let int8Kernels: cpu_int8_kernels
    /// Quantised rows, by the buffer of their values.
    var quantized: [Int: QuantizedRows] = [:]
    /// Results inside a border of zeros, by buffer.
    var bordered: [Int: Bordered] = [:]
    /// Pictures in bytes, by the buffer of their values.
    var pictures: [Int: Picture] = [:]
    /// Those that were made of floats, by these.
    var quantizedPictures: [View: Picture] = [:]

    private(set) var buffers: [Buffer] = []
    private(set) var steps: [Step] = []
    private var views: [View?]
    private var copies: [View: View] = [:]
    private var current: Node.ID = 0
    /// Nodes that read each node.
    let users: [[Node.ID]]
    /// Whether a node is an output or an update's value.
    let isResult: [Bool]

    /// What other executables of the same parameters packed.
    let sharedWeights: SharedWeights?
    /// Of each node, where weights are shared.
    private(set) lazy var expressions = Self.expressions(graph)

    /// Number of the buffer that holds every step's workspace.
    static let workspace = 0

    init(_ graph: Graph, parameters: [TensorData], options: CompileOptions, threads: Int) throws {
        self.graph = graph
        self.threads = threads
        sharedWeights = options.sharedWeights
        kernels = cpu_kernels_select().pointee
        let packed = PackedProducts(graph, multipliesBFloat16: kernels.multiplies_bfloat16)
        int8 = options.precision == .int8 ? Int8Products(graph, packed) : Int8Products()
        fusion = Fusion(graph, packed, absorbed: packed.casts.union(int8.casts).subtracting(int8.floats))
        int8Kernels = cpu_int8_select().pointee
        var users = [[Node.ID]](repeating: [], count: graph.nodes.count)
        for node in graph.nodes { for input in Set(node.inputs) { users[input].append(node.id) } }
        self.users = users
        var isResult = [Bool](repeating: false, count: graph.nodes.count)
        for id in graph.outputs.map(\.id) + graph.updates.map(\.value) { isResult[id] = true }
        self.isResult = isResult
        views = [View?](repeating: nil, count: graph.nodes.count)
        buffers.append(Buffer(byteCount: 0, place: .folded))
        placeSources(parameters)
        for unit in fusion.schedule {
            let members = fusion.units[unit]
            current = members[0]
            if fusion.roles[members[0]] == .elementwise {
                try planElementwise(members, unit)
            } else {
                views[current] = try plan(graph[current])
            }
        }
    }

    private func placeSources(_ parameters: [TensorData]) {
        let updated = Set(graph.updates.map(\.parameter))
        for node in graph.nodes {
            let place: Buffer.Place
            switch node.op {
            case .constant(let data): place = .data(data)
            case .input: place = .input(graph.inputs.firstIndex(of: node.id) ?? 0)
            case .parameter:
                let index = graph.parameters.firstIndex(of: node.id) ?? 0
                place = updated.contains(node.id) ? .resident(index) : .data(parameters[index])
            default: continue
            }
            views[node.id] = newBuffer(node.type, place)
        }
    }

    /// A buffer of bytes for a packed weight.
    func buffer(of weight: PackedWeight) -> View { newBuffer(TensorType(.uint8, [0]), .packed(weight)) }

    private func newBuffer(_ type: TensorType, _ place: Buffer.Place) -> View {
        buffers.append(Buffer(byteCount: type.shape.count * type.dtype.size, place: place))
        return View(buffer: buffers.count - 1, type: type)
    }

    /// Room for a result, in the arena.
    func result(_ type: TensorType) -> View { newBuffer(type, .arena) }

    /// Room for a result of up to two last axes that stay together, laid out as the transposes that follow want it, so
    /// that they cost nothing. The last axis in memory is the node's last, or the one before it.
    func resultForTransposes(_ node: Node) -> View {
        var permutation = Array(node.shape.dimensions.indices)
        var id = node.id
        while users[id].count == 1, !isResult[id], let user = users[id].first {
            if case .transpose(let op) = graph[user].op {
                permutation = op.permutation.map { permutation[$0] }
            } else if fusion.scales[user]?.isOfResult != true {
                break
            }
            id = user
        }
        guard let last = permutation.last, last >= permutation.count - 2 else { return result(node.type) }
        return result(node.type, laidOutBy: permutation)
    }

    /// Room for a result whose axes lie in memory in the order of `permutation`.
    func result(_ type: TensorType, laidOutBy permutation: [Int]?) -> View {
        guard let permutation else { return result(type) }
        var inverse = permutation
        for (position, axis) in permutation.enumerated() { inverse[axis] = position }
        return result(TensorType(type.dtype, Shape(permutation.map { type.shape[$0] }))).transposed(inverse)
    }

    func setView(_ view: View, of id: Node.ID) { views[id] = view }

    /// Whether the buffer's values are known when the graph is compiled.
    func isConstant(_ buffer: Int) -> Bool {
        switch buffers[buffer].place {
        case .data, .folded, .packed: true
        default: false
        }
    }

    /// Where the values of `id` are, once its unit is planned.
    func view(_ id: Node.ID) throws -> View {
        // Views of views, down to what is planned already.
        var chain: [Node.ID] = []
        var source = id
        while views[source] == nil {
            guard fusion.roles[source] == .view else {
                let node = graph[source]
                throw BackendError("the cpu backend planned \(node.op.name) at \(node.location) before its inputs")
            }
            chain.append(source)
            source = fusion.viewed(by: source)
        }
        guard var view = views[source] else { throw BackendError("the cpu backend lost node \(source)") }
        for id in chain.reversed() {
            view = self.view(of: graph[id], on: view)
            views[id] = view
        }
        return view
    }

    /// What `node` sees of `source`.
    private func view(of node: Node, on source: View) -> View {
        switch node.op {
        case .reshape:
            if let same = source.reshaped(to: node.shape.dimensions) { return same }
            let whole = contiguous(source)
            var copy = View(buffer: whole.buffer, type: node.type)
            copy.offset = whole.offset
            return copy
        case .transpose(let op): return source.transposed(op.permutation)
        case .broadcast: return source.broadcast(to: node.shape.dimensions)
        case .slice(let op): return source.sliced(axis: op.axis, op.start..<op.end)
        default: return source
        }
    }

    /// The values of `id`, row-major without gaps.
    func contiguous(_ id: Node.ID) throws -> View { contiguous(try view(id)) }

    func contiguous(_ view: View) -> View {
        if view.isContiguous { return view }
        if let copy = copies[view] { return copy }
        let copy = result(TensorType(view.dtype, Shape(view.shape)))
        planCopy(view, to: copy, kind: "copy")
        copies[view] = copy
        return copy
    }

    /// Adds a step that moves `source` to `target`, of the same shape.
    func planCopy(_ source: View, to target: View, kind: String) {
        let plan = cpu_copy(from: source, to: target)
        let (size, kernels, threads) = (Int32(source.dtype.size), kernels, Int32(threads))
        add(kind, "\(source.shape)", reads: [source.buffer], writes: [target.buffer]) { pointers in
            withUnsafePointer(to: plan) {
                kernels.copy($0, pointers.at(source), pointers.at(target), size, threads)
            }
        }
    }

    /// Adds a step. One that reads constants alone is run at compile time, and its results are constants too.
    func add(
        _ kind: String, _ detail: String, reads: [Int], writes: [Int], inPlace: [(read: Int, write: Int)] = [],
        workspace: Int = 0, flops: Double = 0, run: @escaping (Pointers) throws -> Void
    ) {
        let isFolded = reads.allSatisfy { isConstant($0) }
        if isFolded { for buffer in writes { buffers[buffer].place = .folded } }
        steps.append(
            Step(
                kind: kind, detail: detail, location: graph[current].location, reads: reads, writes: writes,
                isFolded: isFolded, inPlace: inPlace, workspace: workspace, flops: flops, run: run))
    }
}

extension Pointers {
    func at(_ view: View) -> UnsafeMutableRawPointer { self[view.buffer] + view.byteOffset }
    func floats(_ view: View) -> UnsafeMutablePointer<Float> { at(view).assumingMemoryBound(to: Float.self) }
    func integers(_ view: View) -> UnsafeMutablePointer<Int32> { at(view).assumingMemoryBound(to: Int32.self) }
}

/// Writes `values` to a C array, which Swift sees as a tuple.
func fill<Tuple, Value>(_ tuple: inout Tuple, with values: [Value]) {
    withUnsafeMutableBytes(of: &tuple) { bytes in
        let array = bytes.bindMemory(to: Value.self)
        for (index, value) in values.prefix(array.count).enumerated() { array[index] = value }
    }
}

extension cpu_copy {
    /// Dimensions joined where both sides allow it, and ordered so that the innermost two suit the kernel: the one that
    /// is contiguous in the target last, and the one that is contiguous in the source before it.
    init(from source: View, to target: View) {
        self.init()
        var (extents, strides) = View.collapsed(source.shape, [source.strides, target.strides])
        if let unit = strides[0].indices.last(where: { strides[0][$0] == 1 }), unit < extents.count - 2 {
            let position = extents.count - 2
            extents.insert(extents.remove(at: unit), at: position)
            for side in 0..<2 { strides[side].insert(strides[side].remove(at: unit), at: position) }
        }
        while extents.count < 2 {
            extents.insert(1, at: 0)
            for side in 0..<2 { strides[side].insert(0, at: 0) }
        }
        rank = Int32(extents.count)
        fill(&self.extents, with: extents.map(Int64.init))
        fill(&source_strides, with: strides[0].map(Int64.init))
        fill(&target_strides, with: strides[1].map(Int64.init))
    }
}
