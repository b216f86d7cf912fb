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
    /// Nodes of each unit, ascending; empty where it became part of another.
    private(set) var units: [[Node.ID]] = []
    /// The unit of each node; -1 for sources and views.
    private(set) var unitOf: [Int]
    let roles: [Role]
    let isConstant: [Bool]
    /// Multiplications by a constant number that products do on the way.
    let scales: Scales

    /// Layer norms' gradients that run as one, by the gradient of x.
    let normGradients: [Node.ID: NormGradients]
    /// What products do with their sums, by product.
    let epilogues: [Node.ID: Epilogue]
    /// Products with weights that are packed.
    let packed: PackedProducts

    private let graph: Graph
    /// `needs[u]` has the bit of every unit that must run before `u`.
    private var needs: [BitSet] = []

    private static let mostOps = 48

    /// `absorbed` nodes are done by those that read them: they are views of what they read.
    init(_ graph: Graph, _ packed: PackedProducts, absorbed: Set<Node.ID>) {
        self.graph = graph
        self.packed = packed
        let scales = Scales(graph)
        self.scales = scales
        roles = graph.nodes.map {
            scales[$0.id] == nil && !absorbed.contains($0.id) ? graph.role(of: $0) : .view
        }
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
        normGradients = NormGradients.all(in: graph)
        var joined: [Node.ID: NormGradients] = [:]
        for group in normGradients.values {
            for id in [group.input, group.scale, group.bias] + group.hidden { joined[id] = group }
        }
        epilogues = Epilogue.all(in: graph, except: scales, packed)
        for node in graph.nodes {
            if unitOf[node.id] >= 0 { continue }
            if let epilogue = epilogues[node.id] {
                add(node, to: [], alsoReading: [epilogue.bias, epilogue.residual].compactMap { $0 })
                let unit = unitOf[node.id]
                for id in epilogue.chain { unitOf[id] = unit }
                units[unit] = epilogue.chain
                continue
            }
            if let group = joined[node.id] {
                add(graph[group.input], to: [])
                for id in [group.scale, group.bias] + group.hidden { unitOf[id] = unitOf[group.input] }
                continue
            }
            switch roles[node.id] {
            case .source, .view: break
            case .kernel: add(node, to: [])
            case .elementwise: add(node, to: partners(of: node))
            }
        }
    }

    /// The node whose elements, in the same order, are those of `id`.
    func withoutReshapes(_ id: Node.ID) -> Node.ID {
        var id = id
        while case .reshape = graph[id].op { id = graph[id].inputs[0] }
        return id
    }

    /// The input that a view looks at.
    func viewed(by id: Node.ID) -> Node.ID { scales[id]?.source ?? graph[id].inputs[0] }

    /// The unit that computes what `id` is a view of; nil where that is a source.
    private func unit(behind id: Node.ID) -> Int? {
        var id = id
        while roles[id] == .view { id = viewed(by: id) }
        return unitOf[id] < 0 ? nil : unitOf[id]
    }

    /// Whether `user`, in the same unit, takes `input` element by element from a register.
    func isRegister(_ input: Node.ID, for user: Node, in unit: Int) -> Bool {
        let origin = withoutReshapes(input)
        return unitOf[origin] == unit && roles[origin] == .elementwise && graph[input].shape.count == user.shape.count
    }

    /// Units that `node` can join and that can become one with it, latest first: none of them may wait for something
    /// outside that waits for another of them.
    private func partners(of node: Node) -> [Int] {
        let candidates = Set(
            node.inputs.compactMap { input -> Int? in
                let origin = withoutReshapes(input)
                guard roles[origin] == .elementwise, unitOf[origin] >= 0,
                    roles[units[unitOf[origin]][0]] == .elementwise,
                    graph[origin].shape.count == node.shape.count, isConstant[origin] == isConstant[node.id]
                else { return nil }
                return unitOf[origin]
            })
        var chosen: [Int] = []
        for unit in candidates.sorted(by: >) {
            let trial = chosen + [unit]
            let size = trial.reduce(1) { $0 + units[$1].count }
            if size <= Self.mostOps, canMerge(trial), canJoin(node, trial) { chosen = trial }
        }
        return chosen
    }

    private func canJoin(_ node: Node, _ group: [Int]) -> Bool {
        node.inputs.allSatisfy { input in
            if group.contains(where: { isRegister(input, for: node, in: $0) }) { return true }
            guard let other = unit(behind: input) else { return true }
            return !group.contains { other == $0 || needs[other].contains($0) }
        }
    }

    /// Whether nothing outside of `group` waits for one of it and is waited for by another.
    private func canMerge(_ group: [Int]) -> Bool {
        group.allSatisfy { later in
            let outside = units.indices.filter { needs[later].contains($0) && !group.contains($0) }
            return !outside.contains { between in group.contains { needs[between].contains($0) } }
                // What one reads of another must come through registers.
                && !group.contains { earlier in
                    earlier != later && needs[later].contains(earlier) && !readsThroughRegisters(later, earlier)
                }
        }
    }

    private func readsThroughRegisters(_ later: Int, _ earlier: Int) -> Bool {
        units[later].allSatisfy { member in
            graph[member].inputs.allSatisfy {
                unit(behind: $0) != earlier || isRegister($0, for: graph[member], in: earlier)
            }
        }
    }

    private mutating func add(_ node: Node, to group: [Int], alsoReading others: [Node.ID] = []) {
        let target = group.first ?? units.count
        if group.isEmpty {
            units.append([])
            needs.append(BitSet())
        }
        var added = BitSet()
        for input in node.inputs + others {
            guard let other = unit(behind: input), !group.contains(other), other != target else { continue }
            added.insert(other)
            added.formUnion(needs[other])
        }
        for other in group.dropFirst() {
            for member in units[other] { unitOf[member] = target }
            units[target] += units[other]
            units[other] = []
            needs[target].formUnion(needs[other])
        }
        unitOf[node.id] = target
        units[target] = (units[target] + [node.id]).sorted()
        needs[target].formUnion(added)
        for unit in group { needs[target].remove(unit) }
        if group.isEmpty { return }
        for unit in needs.indices where unit != target && group.contains(where: { needs[unit].contains($0) }) {
            for other in group { needs[unit].remove(other) }
            needs[unit].insert(target)
            needs[unit].formUnion(needs[target])
        }
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
        var ready = units.indices.filter { waiting[$0] == 0 && !units[$0].isEmpty }
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

    mutating func remove(_ member: Int) {
        if member >> 6 < words.count { words[member >> 6] &= ~(1 << UInt64(member & 63)) }
    }

    mutating func formUnion(_ other: BitSet) {
        while words.count < other.words.count { words.append(0) }
        for index in other.words.indices { words[index] |= other.words[index] }
    }
}
