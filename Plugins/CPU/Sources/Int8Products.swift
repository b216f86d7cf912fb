internal import CPUKernels
internal import Multimodal

/// Which products run on 8-bit integers: the network's inner ones with weights. Norms, softmax, attention's own products
/// and convolutions stay in floats.
struct Int8Products {
    private(set) var products: Set<Node.ID> = []
    /// Layer norms that only such products read: they are quantised as they are computed.
    private(set) var norms: Set<Node.ID> = []
    /// Other nodes that only such products read.
    private(set) var operands: Set<Node.ID> = []
    /// Casts from bfloat16 that only such products read: they are quantised from that.
    private(set) var casts: Set<Node.ID> = []

    init() {}

    init(_ graph: Graph) {
        let scales = Scales(graph)
        var users = [[Node.ID]](repeating: [], count: graph.nodes.count)
        for node in graph.nodes { for input in node.inputs { users[input].append(node.id) } }
        for id in graph.innerProducts() {
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
        let results = Set(graph.outputs.map(\.id))
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
    }
}
