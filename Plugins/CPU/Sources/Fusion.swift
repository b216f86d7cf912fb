internal import Multimodal

/// What the planner makes of a node.
enum Role {
    /// Input, parameter or constant.
    case source
    /// The same memory read in another way; costs nothing, or a copy where a consumer cannot take strides.
    case view
    /// Joins other elementwise nodes in one pass over memory.
    case elementwise
    case kernel
}

/// Groups of nodes that run as one step, and the order in which they run.
struct Fusion {
    /// Nodes of each unit, ascending.
    private(set) var units: [[Node.ID]] = []
    /// The unit of each node; -1 for sources and views.
    private(set) var unitOf: [Int]
    let roles: [Role]
    let isConstant: [Bool]

    private let graph: Graph
    /// `needs[u]` has the bit of every unit that must run before `u`.
    private var needs: [BitSet] = []

    private static let mostOps = 48

    init(_ graph: Graph) {
        self.graph = graph
        roles = graph.nodes.map { graph.role(of: $0) }
        let updated = Set(graph.updates.map(\.parameter))
        var isConstant = [Bool](repeating: false, count: graph.nodes.count)
        for node in graph.nodes {
            switch node.op {
            case .input: break
            case .parameter: isConstant[node.id] = !updated.contains(node.id)
            default: isConstant[node.id] = node.inputs.allSatisfy { isConstant[$0] }
            }
        }
        self.isConstant = isConstant
        unitOf = [Int](repeating: -1, count: graph.nodes.count)
        for node in graph.nodes {
            switch roles[node.id] {
            case .source, .view: break
            case .kernel: add(node, to: nil)
            case .elementwise: add(node, to: partner(of: node))
            }
        }
    }

    /// The node whose elements, in the same order, are those of `id`.
    func withoutReshapes(_ id: Node.ID) -> Node.ID {
        var id = id
        while case .reshape = graph[id].op { id = graph[id].inputs[0] }
        return id
    }

    /// The unit that computes what `id` is a view of; nil where that is a source.
    private func unit(behind id: Node.ID) -> Int? {
        var id = id
        while roles[id] == .view { id = graph[id].inputs[0] }
        return unitOf[id] < 0 ? nil : unitOf[id]
    }

    /// Whether `user`, in the same unit, takes `input` element by element from a register.
    func isRegister(_ input: Node.ID, for user: Node, in unit: Int) -> Bool {
        let origin = withoutReshapes(input)
        return unitOf[origin] == unit && roles[origin] == .elementwise && graph[input].shape.count == user.shape.count
    }

    /// The latest unit that `node` can join without waiting for something that waits for that unit.
    private func partner(of node: Node) -> Int? {
        let candidates = Set(node.inputs.compactMap { input -> Int? in
            let origin = withoutReshapes(input)
            guard roles[origin] == .elementwise, graph[origin].shape.count == node.shape.count,
                isConstant[origin] == isConstant[node.id], units[unitOf[origin]].count < Self.mostOps
            else { return nil }
            return unitOf[origin]
        })
        return candidates.sorted(by: >).first { unit in
            node.inputs.allSatisfy { input in
                if isRegister(input, for: node, in: unit) { return true }
                guard let other = self.unit(behind: input) else { return true }
                return other != unit && !needs[other].contains(unit)
            }
        }
    }

    private mutating func add(_ node: Node, to partner: Int?) {
        var added = BitSet()
        let target = partner ?? units.count
        for input in node.inputs {
            guard let other = unit(behind: input), other != target else { continue }
            added.insert(other)
            added.formUnion(needs[other])
        }
        unitOf[node.id] = target
        guard let partner else {
            units.append([node.id])
            needs.append(added)
            return
        }
        units[partner].append(node.id)
        if added.isSubset(of: needs[partner]) { return }
        needs[partner].formUnion(added)
        for unit in needs.indices where needs[unit].contains(partner) { needs[unit].formUnion(added) }
    }

    /// Units so that each comes after what it needs; otherwise in the order of their last nodes.
    var schedule: [Int] {
        var waiting = [Int](repeating: 0, count: units.count)
        var followers = [[Int]](repeating: [], count: units.count)
        for (unit, members) in units.enumerated() {
            let direct = Set(members.flatMap { graph[$0].inputs.compactMap { self.unit(behind: $0) } })
            for other in direct where other != unit {
                waiting[unit] += 1
                followers[other].append(unit)
            }
        }
        var ready = units.indices.filter { waiting[$0] == 0 }
        var order: [Int] = []
        while let next = ready.indices.min(by: { last(ready[$0]) < last(ready[$1]) }) {
            let unit = ready.remove(at: next)
            order.append(unit)
            for follower in followers[unit] {
                waiting[follower] -= 1
                if waiting[follower] == 0 { ready.append(follower) }
            }
        }
        return order
    }

    private func last(_ unit: Int) -> Node.ID { units[unit][units[unit].count - 1] }
}

extension Graph {
    fileprivate func role(of node: Node) -> Role {
        switch node.op {
        case .input, .parameter, .constant: return .source
        case .reshape, .transpose, .broadcast, .slice: return .view
        case .unary, .binary, .select, .gelu, .geluGradient: return node.dtype == .float32 ? .elementwise : .kernel
        case .cast: return node.dtype.isFloat || self[node.inputs[0]].dtype.isFloat ? .elementwise : .kernel
        default: return .kernel
        }
    }
}

/// A set of small integers.
struct BitSet {
    private var words: [UInt64] = []

    func contains(_ member: Int) -> Bool {
        member >> 6 < words.count && words[member >> 6] & (1 << UInt64(member & 63)) != 0
    }

    mutating func insert(_ member: Int) {
        while words.count <= member >> 6 { words.append(0) }
        words[member >> 6] |= 1 << UInt64(member & 63)
    }

    mutating func formUnion(_ other: BitSet) {
        while words.count < other.words.count { words.append(0) }
        for index in other.words.indices { words[index] |= other.words[index] }
    }

    func isSubset(of other: BitSet) -> Bool {
        words.enumerated().allSatisfy { index, word in
            word & ~(index < other.words.count ? other.words[index] : 0) == 0
        }
    }
}
