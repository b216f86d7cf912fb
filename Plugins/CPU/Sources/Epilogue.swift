internal import CPUKernels
internal import Multimodal

/// What oneDNN does with a product's sums before they are written: `gelu(sums + bias) + residual`, each part optional.
struct Epilogue {
    /// `[n]`, a row that is added to every row.
    var bias: Node.ID?
    var activation: GELU.Form?
    /// Of the product's shape.
    var residual: Node.ID?
    /// The product and what follows it; the last one's values are written.
    var chain: [Node.ID]

    var last: Node.ID { chain[chain.count - 1] }

    /// Of all products with one right-hand matrix, by product.
    static func all(in graph: Graph, except scales: Scales, _ packed: PackedProducts) -> [Node.ID: Epilogue] {
        var users = [[Node.ID]](repeating: [], count: graph.nodes.count)
        for node in graph.nodes { for input in node.inputs { users[input].append(node.id) } }
        let results = Set(graph.outputs.map(\.id) + graph.updates.map(\.value))
        var found: [Node.ID: Epilogue] = [:]
        var taken: Set<Node.ID> = []
        for node in graph.nodes {
            guard case .matmul = node.op, node.dtype == .float32, graph[node.inputs[1]].shape.rank == 2,
                scales.factor(of: node, in: graph, users: users) == 1
            else { continue }
            var epilogue = Epilogue(chain: [node.id])
            while !results.contains(epilogue.last), users[epilogue.last].count == 1,
                let user = users[epilogue.last].first, !taken.contains(user),
                epilogue.append(graph[user], in: graph, isPacked: packed.products.contains(node.id))
            {}
            if epilogue.chain.count > 1 {
                taken.formUnion(epilogue.chain)
                found[node.id] = epilogue
            }
        }
        return found
    }

    /// Takes `user`, the only reader of the last node, where its place in the order is free.
    private mutating func append(_ user: Node, in graph: Graph, isPacked: Bool) -> Bool {
        if graph[last].dtype != .float32 { return false }
        switch user.op {
        case .binary(.add):
            let other = user.inputs[0] == last ? user.inputs[1] : user.inputs[0]
            // Known before the product, so that nothing waits for itself.
            guard other < chain[0], user.shape == graph[chain[0]].shape, residual == nil else { return false }
            if graph[other].shape == user.shape {
                residual = other
            } else if bias == nil, activation == nil, graph[other].shape == [user.shape[user.shape.rank - 1]] {
                bias = other
            } else {
                return false
            }
        case .gelu(let gelu):
            guard activation == nil, residual == nil else { return false }
            activation = gelu.form
        case .cast: if !isPacked || user.dtype != .bfloat16 { return false }
        default: return false
        }
        chain.append(user.id)
        return true
    }

    var activationCode: Int32 {
        switch activation {
        case nil: Int32(CPU_ACTIVATION_NONE)
        case .erf: Int32(CPU_ACTIVATION_GELU_ERF)
        case .tanh: Int32(CPU_ACTIVATION_GELU_TANH)
        case .quick: Int32(CPU_ACTIVATION_GELU_QUICK)
        }
    }
}
