internal import Multimodal

/// Products whose right-hand matrix is known when the graph is compiled: it is packed once, for an own kernel.
struct PackedProducts {
    private(set) var products: Set<Node.ID> = []
    /// Casts to bfloat16 that cost nothing: of weights that only such products read, which packing rounds, and of norms
    /// that nothing else reads, which write bfloat16.
    private(set) var casts: Set<Node.ID> = []
    /// Those norms.
    private(set) var narrowNorms: Set<Node.ID> = []

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
        for node in graph.nodes {
            guard case .matmul = node.op, node.dtype == .float32, isConstant[node.inputs[1]],
                !isConstant[node.inputs[0]]
            else { continue }
            let (a, b) = (graph[node.inputs[0]], graph[node.inputs[1]])
            let isTaken =
                switch (a.dtype, b.dtype) {
                case (.float32, .float32): true
                case (.bfloat16, .bfloat16): multipliesBFloat16 && b.shape[0].isMultiple(of: 2)
                default: false
                }
            if isTaken, b.shape.rank == 2, scales.factor(of: node, in: graph, users: users) == 1 {
                products.insert(node.id)
            }
        }
        let results = Set(graph.outputs.map(\.id) + graph.updates.map(\.value))
        func isReadByProducts(_ id: Node.ID) -> Bool {
            !results.contains(id) && !users[id].isEmpty
                && users[id].allSatisfy { user in
                    switch graph[user].op {
                    case .matmul: products.contains(user) && graph[user].inputs[0] != id
                    case .transpose, .reshape, .slice: isReadByProducts(user)
                    default: false
                    }
                }
        }
        for node in graph.nodes where node.dtype == .bfloat16 {
            guard case .cast = node.op, let source = node.inputs.first, graph[source].dtype == .float32 else {
                continue
            }
            if isConstant[node.id] {
                if isReadByProducts(node.id) { casts.insert(node.id) }
            } else if case .layerNorm = graph[source].op, users[source].count == 1, !results.contains(source) {
                casts.insert(node.id)
                narrowNorms.insert(source)
            }
        }
    }
}
