internal import Multimodal

/// Multiplications by a constant number next to a product of matrices, which does them at no cost: of an operand, where
/// nothing but products reads it, or of the result, where nothing else reads that.
struct Scales {
    struct Scale {
        var source: Node.ID
        var factor: Double
        var isOfResult: Bool
    }

    private var scales: [Node.ID: Scale] = [:]

    subscript(id: Node.ID) -> Scale? { scales[id] }

    init(_ graph: Graph) {
        var users = [[Node.ID]](repeating: [], count: graph.nodes.count)
        for node in graph.nodes { for input in node.inputs { users[input].append(node.id) } }
        let results = Set(graph.outputs.map(\.id) + graph.updates.map(\.value))

        /// Whether only products read `id`, perhaps as a view.
        func isReadByProducts(_ id: Node.ID) -> Bool {
            var pending = [id]
            while let id = pending.popLast() {
                if results.contains(id) { return false }
                for user in users[id] {
                    switch graph[user].op {
                    case .matmul: continue
                    case .transpose, .reshape, .slice: pending.append(user)
                    default: return false
                    }
                }
            }
            return true
        }
        for node in graph.nodes {
            guard case .binary(.multiply) = node.op, node.dtype == .float32,
                let (source, factor) = graph.scaledInput(of: node)
            else { continue }
            if case .matmul = graph[source].op, users[source].count == 1, !results.contains(source) {
                scales[node.id] = Scale(source: source, factor: factor, isOfResult: true)
            } else if !users[node.id].isEmpty, isReadByProducts(node.id) {
                scales[node.id] = Scale(source: source, factor: factor, isOfResult: false)
            }
        }
    }

    /// What the product `node` multiplies its sums by; `users` of each node.
    func factor(of node: Node, in graph: Graph, users: [[Node.ID]]) -> Double {
        var factor = 1.0
        for input in node.inputs {
            var id = input
            while true {
                if let scale = scales[id] {
                    if scale.isOfResult { break }
                    factor *= scale.factor
                    id = scale.source
                    continue
                }
                switch graph[id].op {
                case .transpose, .reshape, .slice:
                    id = graph[id].inputs[0]
                    continue
                default: break
                }
                break
            }
        }
        if users[node.id].count == 1, let scale = scales[users[node.id][0]], scale.isOfResult { factor *= scale.factor }
        return factor
    }
}

extension Graph {
    /// `x` and `c` of `x * c` or `c * x`, where `c` is one constant number and `x` has the result's shape.
    fileprivate func scaledInput(of node: Node) -> (source: Node.ID, factor: Double)? {
        for (source, other) in [(node.inputs[0], node.inputs[1]), (node.inputs[1], node.inputs[0])] {
            if case .constant(let data) = self[other].op, data.shape.count == 1, self[source].shape == node.shape,
                data.doubles[0].isFinite
            {
                return (source, data.doubles[0])
            }
        }
        return nil
    }
}
