internal import Multimodal

/// Products whose right-hand matrix is known when the graph is compiled: it is packed once, for an own kernel.
struct PackedProducts {
    private(set) var products: Set<Node.ID> = []
    /// Convolutions, likewise.
    private(set) var convolutions: Set<Node.ID> = []
    /// Casts that cost nothing: to bfloat16 of weights that only such products read, which packing rounds, and of norms
    /// and pools that nothing else reads, which write bfloat16; from it, where readers take either.
    private(set) var casts: Set<Node.ID> = []
    /// Those norms and pools.
    private(set) var narrowResults: Set<Node.ID> = []

    init() {}

    init(_ graph: Graph, multipliesBFloat16: Bool) {
        let updated = Set(graph.updates.map(\.parameter))
        let scales = Scales(graph)
        var isConstant = [Bool](repeating: false, count: graph.nodes.count)
        var users = [[Node.ID]](repeating: [], count: graph.nodes.count)
        for node in graph.nodes {
            for input in node.inputs { users[input].append(node.id) }
            switch node.op {
            case .input: break
            case .parameter: isConstant[node.id] = !updated.contains(node.id)
            default: isConstant[node.id] = node.inputs.allSatisfy { isConstant[$0] }
            }
        }
        for node in graph.nodes where node.dtype == .float32 && node.inputs.count == 2 {
            guard isConstant[node.inputs[1]], !isConstant[node.inputs[0]] else { continue }
            let (a, b) = (graph[node.inputs[0]], graph[node.inputs[1]])
            func multiplies(depth: Int) -> Bool {
                switch (a.dtype, b.dtype) {
                case (.float32, .float32): true
                case (.bfloat16, .bfloat16): multipliesBFloat16 && depth.isMultiple(of: 2)
                default: false
                }
            }
            switch node.op {
            case .matmul:
                if b.shape.rank == 2, multiplies(depth: b.shape[0]),
                    scales.factor(of: node, in: graph, users: users) == 1
                {
                    products.insert(node.id)
                }
            case .convolution: if multiplies(depth: b.shape[1]) { convolutions.insert(node.id) }
            default: break
            }
        }
        let results = Set(graph.outputs.map(\.id) + graph.updates.map(\.value))
        func isReadByProducts(_ id: Node.ID) -> Bool {
            var pending = [id]
            while let id = pending.popLast() {
                if results.contains(id) || users[id].isEmpty { return false }
                for user in users[id] {
                    switch graph[user].op {
                    case .matmul, .convolution:
                        guard products.contains(user) || convolutions.contains(user) else { return false }
                    case .transpose, .reshape, .slice: pending.append(user)
                    default: return false
                    }
                }
            }
            return true
        }
        // Pools and sums read bfloat16 as it is.
        for node in graph.nodes where node.dtype == .float32 && node.shape.rank == 4 {
            guard case .cast = node.op, let source = node.inputs.first, graph[source].dtype == .bfloat16 else {
                continue
            }
            let isReadAsItIs = users[node.id].allSatisfy { user in
                switch graph[user].op {
                case .averagePool, .binary(.add): true
                default: false
                }
            }
            if isReadAsItIs, !results.contains(node.id), updated.isEmpty { casts.insert(node.id) }
        }
        for node in graph.nodes where node.dtype == .bfloat16 {
            guard case .cast = node.op, let source = node.inputs.first, graph[source].dtype == .float32 else {
                continue
            }
            if isConstant[node.id] {
                if isReadByProducts(node.id) { casts.insert(node.id) }
            } else if users[source].count == 1, !results.contains(source), graph[source].op.writesBFloat16 {
                casts.insert(node.id)
                narrowResults.insert(source)
            }
        }
    }
}

extension Op {
    /// Whether the kernel of this op can write bfloat16.
    fileprivate var writesBFloat16: Bool {
        switch self {
        case .layerNorm, .averagePool: true
        default: false
        }
    }
}
