internal import CPUKernels
internal import Multimodal

/// Which products run on 8-bit integers: the network's inner ones with weights, convolutions where nothing that they read
/// is negative. Norms, softmax and attention's own products stay in floats.
struct Int8Products {
    private(set) var products: Set<Node.ID> = []
    /// Layer norms that only such products read: they are quantised as they are computed.
    private(set) var norms: Set<Node.ID> = []
    /// Other nodes that only such products read.
    private(set) var operands: Set<Node.ID> = []
    /// Casts from bfloat16 that only such products read: they are quantised from that.
    private(set) var casts: Set<Node.ID> = []

    /// Residuals of such products, which are read as float32.
    private(set) var floats: Set<Node.ID> = []

    private(set) var convolutions: Set<Node.ID> = []
    /// Pictures that such convolutions or pools make and only such read, as operand or residual: they are bytes.
    private(set) var pictures: Set<Node.ID> = []
    /// Other pictures that they make and only such read as residual.
    private(set) var residuals: Set<Node.ID> = []
    /// Other pictures that such convolutions make and none reads.
    private(set) var ends: Set<Node.ID> = []

    init() {}

    init(_ graph: Graph) {
        let multipliesBFloat16 = cpu_kernels_select().pointee.multiplies_bfloat16
        self.init(graph, PackedProducts(graph, multipliesBFloat16: multipliesBFloat16))
    }

    init(_ graph: Graph, _ packed: PackedProducts) {
        let scales = Scales(graph)
        var users = [[Node.ID]](repeating: [], count: graph.nodes.count)
        for node in graph.nodes { for input in node.inputs { users[input].append(node.id) } }
        let results = Set(graph.outputs.map(\.id))
        let inner = graph.innerProducts()
        for id in inner {
            let node = graph[id]
            guard case .matmul = node.op, ([id] + node.inputs).allSatisfy({ graph[$0].dtype == .float32 }) else {
                continue
            }
            let weight = graph[node.inputs[1]].shape
            if weight.rank == 2, weight[0] <= Int(CPU_INT8_MOST), scales.factor(of: node, in: graph, users: users) == 1
            {
                products.insert(id)
            }
        }
        for product in products {
            let operand = graph[product].inputs[0]
            guard !results.contains(operand),
                users[operand].allSatisfy({ products.contains($0) && graph[$0].inputs[1] != operand })
            else { continue }
            switch graph[operand].op {
            case .layerNorm: norms.insert(operand)
            case .cast: if graph[graph[operand].inputs[0]].dtype == .bfloat16 { casts.insert(operand) }
            default: operands.insert(operand)
            }
        }
        let epilogues = Epilogue.all(in: graph, except: scales, packed)
        floats = Set(products.compactMap { epilogues[$0]?.residual })
        findConvolutions(in: graph, inner, packed, epilogues)
        findPictures(in: graph, users, results, epilogues)
    }

    /// Whether nobody wants a picture in bfloat16.
    func keepsFloats(_ id: Node.ID) -> Bool { pictures.contains(id) || ends.contains(id) }

    private mutating func findConvolutions(
        in graph: Graph, _ inner: Set<Node.ID>, _ packed: PackedProducts, _ epilogues: [Node.ID: Epilogue]
    ) {
        for id in inner.intersection(packed.convolutions) {
            let node = graph[id]
            guard case .convolution(let op) = node.op, op.stride == 1,
                node.inputs.allSatisfy({ graph[$0].dtype == .float32 })
            else { continue }
            let weight = graph[node.inputs[1]].shape
            let activation = epilogues[id]?.activationCode ?? Int32(CPU_ACTIVATION_NONE)
            // A kernel's row is summed in 32 bits; beside a picture its border is read, never another line.
            if weight[1].isMultiple(of: 4), weight[1] * weight[3] <= Int(CPU_INT8_MOST),
                activation == CPU_ACTIVATION_NONE || activation == CPU_ACTIVATION_RELU,
                graph.holdsNothingNegative(node.inputs[0])
            {
                convolutions.insert(id)
            }
        }
    }

    private mutating func findPictures(
        in graph: Graph, _ users: [[Node.ID]], _ results: Set<Node.ID>, _ epilogues: [Node.ID: Epilogue]
    ) {
        if convolutions.isEmpty { return }
        var made: Set<Node.ID> = []
        var rectified: Set<Node.ID> = []
        var additions: [Node.ID: Set<Node.ID>] = [:]  // of each residual
        for id in convolutions {
            guard let epilogue = epilogues[id] else {
                made.insert(id)
                continue
            }
            made.insert(epilogue.last)
            if epilogue.activationCode == CPU_ACTIVATION_RELU, graph[epilogue.last].dtype == .float32 {
                rectified.insert(epilogue.last)
            }
            guard let residual = epilogue.residual else { continue }
            let sums = epilogue.chain.dropFirst().filter { graph[$0].inputs.contains(residual) }
            additions[residual, default: []].formUnion(sums)
        }
        for node in graph.nodes where !results.contains(node.id) && !users[node.id].isEmpty && node.shape.rank == 4 {
            func isRead(_ reads: (Node.ID) -> Bool) -> Bool { users[node.id].allSatisfy(reads) }
            func isConvolved(_ user: Node.ID) -> Bool {
                convolutions.contains(user) && graph[user].inputs[0] == node.id && graph[user].inputs[1] != node.id
            }
            func isOperand(_ user: Node.ID) -> Bool {
                if case .averagePool = graph[user].op { return true }
                return isConvolved(user)
            }
            func isResidual(_ user: Node.ID) -> Bool { additions[node.id]?.contains(user) == true }
            var isPool = false
            if case .averagePool = node.op { isPool = graph.holdsNothingNegative(node.id) }
            if isPool || rectified.contains(node.id), isRead({ isOperand($0) || isResidual($0) }),
                users[node.id].contains(where: { convolutions.contains($0) || rectified.contains(node.id) })
            {
                pictures.insert(node.id)
            } else if made.contains(node.id), isRead(isResidual) {
                residuals.insert(node.id)
            } else if case .cast = node.op, graph[node.inputs[0]].dtype == .bfloat16,
                isRead(isConvolved)
            {
                casts.insert(node.id)
            } else if made.contains(node.id), isRead({ graph[$0].shape.rank != 4 }) {
                ends.insert(node.id)
            }
        }
    }
}

extension Graph {
    fileprivate func holdsNothingNegative(_ id: Node.ID) -> Bool {
        var id = id
        while true {
            switch self[id].op {
            case .unary(.relu): return true
            case .averagePool, .cast: id = self[id].inputs[0]
            default: return false
            }
        }
    }
}
