internal import Multimodal

/// A layer norm's three gradients, which one pass over memory gives: that of x, and those of scale and bias, sums over
/// rows of `dy * normalized` and of `dy`.
struct NormGradients {
    var input: Node.ID
    var scale: Node.ID
    var bias: Node.ID
    /// `normalized` and `dy * normalized`, which nothing else reads.
    var hidden: [Node.ID]

    /// All of them in a graph, as the gradient rule of layer norm writes them, by the gradient of x.
    static func all(in graph: Graph) -> [Node.ID: NormGradients] {
        var users = [[Node.ID]](repeating: [], count: graph.nodes.count)
        for node in graph.nodes { for input in Set(node.inputs) { users[input].append(node.id) } }
        let results = Set(graph.outputs.map(\.id) + graph.updates.map(\.value))
        var found: [Node.ID: NormGradients] = [:]
        var taken: Set<Node.ID> = []
        for node in graph.nodes {
            guard case .layerNormGradient(let op) = node.op else { continue }
            let (x, dy) = (node.inputs[0], node.inputs[2])
            let axes = Array(0..<graph[x].shape.rank - 1)
            func rowSum(_ id: Node.ID) -> Bool {
                if case .reduce(let reduce) = graph[id].op { reduce.kind == .sum && reduce.axes == axes } else { false }
            }
            let plain = users[x].first { id in
                guard case .layerNorm(let norm) = graph[id].op else { return false }
                return norm.epsilon == op.epsilon && graph.isEverywhere(1, graph[id].inputs[1])
                    && graph.isEverywhere(0, graph[id].inputs[2])
            }
            guard let plain, !results.contains(plain), users[plain].count == 1, let product = users[plain].first,
                case .binary(.multiply) = graph[product].op, Set(graph[product].inputs) == [dy, plain],
                !results.contains(product), users[product].count == 1, let scale = users[product].first, rowSum(scale),
                let bias = users[dy].first(where: { rowSum($0) })
            else { continue }
            let members = [node.id, plain, product, scale, bias]
            let first = members.min() ?? 0
            guard taken.isDisjoint(with: members), node.inputs.allSatisfy({ $0 < first }) else { continue }
            taken.formUnion(members)
            found[node.id] = NormGradients(input: node.id, scale: scale, bias: bias, hidden: [plain, product])
        }
        return found
    }
}

extension Graph {
    /// Whether `id` is one constant number, broadcast.
    fileprivate func isEverywhere(_ value: Double, _ id: Node.ID) -> Bool {
        var id = id
        while case .broadcast = self[id].op { id = self[id].inputs[0] }
        if case .constant(let data) = self[id].op { return data.shape.count == 1 && data.doubles == [value] }
        return false
    }
}
