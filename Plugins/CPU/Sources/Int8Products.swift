internal import CPUKernels
internal import Multimodal

/// Which products run on 8-bit integers: those of activations with weights, in the middle of the network.
///
/// The product that reads the pixels and the last one before the embedding stay in floats: they are a small part of the
/// work, and an error there is not averaged out by what follows. So do norms, softmax, attention's own products and
/// convolutions.
struct Int8Products {
    private(set) var products: Set<Node.ID> = []
    /// Layer norms that only such products read: they are quantised as they are computed.
    private(set) var norms: Set<Node.ID> = []
    /// Other nodes that only such products read.
    private(set) var operands: Set<Node.ID> = []

    init() {}

    init(_ graph: Graph) {
        let updated = Set(graph.updates.map(\.parameter))
        let scales = Scales(graph)
        var isConstant = [Bool](repeating: false, count: graph.nodes.count)
        var isPixels = isConstant
        var users = [[Node.ID]](repeating: [], count: graph.nodes.count)
        for node in graph.nodes {
            for input in node.inputs { users[input].append(node.id) }
            switch node.op {
            case .input: isPixels[node.id] = true
            case .parameter: isConstant[node.id] = !updated.contains(node.id)
            default:
                isConstant[node.id] = node.inputs.allSatisfy { isConstant[$0] }
                isPixels[node.id] = node.op.isMove && node.inputs.contains { isPixels[$0] }
            }
        }
        func isWeighted(_ node: Node) -> Bool {
            if case .matmul = node.op { isConstant[node.inputs[1]] && !isConstant[node.id] } else { false }
        }
        // Whether another product with weights follows.
        var isFollowed = [Bool](repeating: false, count: graph.nodes.count)
        for id in graph.nodes.indices.reversed() {
            isFollowed[id] = users[id].contains { isFollowed[$0] || isWeighted(graph[$0]) }
        }
        for node in graph.nodes where isWeighted(node) && isFollowed[node.id] && !isPixels[node.inputs[0]] {
            let (a, b) = (graph[node.inputs[0]], graph[node.inputs[1]])
            if node.dtype == .float32, a.dtype == .float32, b.dtype == .float32, b.shape.rank == 2,
                b.shape[0] <= Int(CPU_INT8_MOST), scales.factor(of: node, in: graph, users: users) == 1
            {
                products.insert(node.id)
            }
        }
        let results = Set(graph.outputs.map(\.id) + graph.updates.map(\.value))
        for node in graph.nodes where !isConstant[node.id] && !results.contains(node.id) && !users[node.id].isEmpty {
            guard users[node.id].allSatisfy({ products.contains($0) && graph[$0].inputs[0] == node.id }) else { continue }
            if case .layerNorm = node.op { norms.insert(node.id) } else { operands.insert(node.id) }
        }
    }
}
