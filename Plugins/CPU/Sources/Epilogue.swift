internal import CPUKernels
internal import Multimodal

/// What a product does with its sums before they are written: `gelu(sums + bias) + residual`, or of a convolution
/// `relu(sums + bias + residual)`, each part optional.
struct Epilogue {
    /// `[n]`, a row that is added to every row; `[1, n, 1, 1]` for a convolution.
    var bias: Node.ID?
    var activationCode = Int32(CPU_ACTIVATION_NONE)
    /// After the residual, not before it.
    var activatesLast = false
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
            switch node.op {
            case .matmul:
                guard node.dtype == .float32, graph[node.inputs[1]].shape.rank == 2,
                    scales.factor(of: node, in: graph, users: users) == 1
                else { continue }
            case .convolution: guard packed.convolutions.contains(node.id) else { continue }
            default: continue
            }
            let isPacked = packed.products.contains(node.id) || packed.convolutions.contains(node.id)
            var epilogue = Epilogue(chain: [node.id])
            while !results.contains(epilogue.last), users[epilogue.last].count == 1,
                let user = users[epilogue.last].first, !taken.contains(user),
                epilogue.append(graph[user], in: graph, isPacked: isPacked)
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
            guard other < chain[0], user.shape == graph[chain[0]].shape, residual == nil, !activatesLast else {
                return false
            }
            if graph[other].shape == user.shape {
                residual = other
            } else if bias == nil, activationCode == CPU_ACTIVATION_NONE, graph[other].shape == rowShape(graph) {
                bias = other
            } else {
                return false
            }
        case .gelu(let gelu):
            guard activationCode == CPU_ACTIVATION_NONE, residual == nil else { return false }
            switch gelu.form {
            case .erf: activationCode = Int32(CPU_ACTIVATION_GELU_ERF)
            case .tanh: activationCode = Int32(CPU_ACTIVATION_GELU_TANH)
            case .quick: activationCode = Int32(CPU_ACTIVATION_GELU_QUICK)
            }
        case .unary(.relu):
            guard case .convolution = graph[chain[0]].op, activationCode == CPU_ACTIVATION_NONE else { return false }
            activationCode = Int32(CPU_ACTIVATION_RELU)
            activatesLast = true
        case .cast: if !isPacked || user.dtype != .bfloat16 { return false }
        default: return false
        }
        chain.append(user.id)
        return true
    }

    /// The shape of a bias.
    private func rowShape(_ graph: Graph) -> Shape {
        let product = graph[chain[0]]
        if case .convolution = product.op { return [1, product.shape[1], 1, 1] }
        return [product.shape[product.shape.rank - 1]]
    }
}
