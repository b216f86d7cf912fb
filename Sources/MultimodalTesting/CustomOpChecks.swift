import Multimodal

/// Checks each op that a plugin brings (`Op.custom`) by itself, on the values that it meets in a graph: its evaluation
/// against its shape rule, its gradient against finite differences, its decomposition against its evaluation.
struct CustomOpChecks {
    let subject: String
    let seed: UInt64
    /// How far a decomposition may be from the evaluation, in double precision.
    private static let tolerance = Tolerance(relative: 1e-5, absolute: 1e-6)

    /// - Parameter differentiable: whether gradients of the ops are asked for, too: not of those that are gradients
    ///   themselves.
    func run(_ evaluation: DoubleEvaluation, differentiable: Bool, _ report: inout ConformanceReport) {
        struct Key: Hashable {
            var op: Op
            var inputs: [TensorType]
        }
        var seen: Set<Key> = []
        for node in evaluation.graph.nodes {
            guard case .custom = node.op else { continue }
            let types = node.inputs.map { evaluation.graph[$0].type }
            guard seen.insert(Key(op: node.op, inputs: types)).inserted else { continue }
            let values = node.inputs.map { evaluation[$0] }
            check(node, types, values, differentiable, &report)
        }
    }

    private func check(
        _ node: Node, _ types: [TensorType], _ values: [[Double]], _ differentiable: Bool,
        _ report: inout ConformanceReport
    ) {
        let name = "the op '\(node.op.name)' of \(types.map(\.description).joined(separator: ", "))"
        func record(_ claim: String, _ message: String?, error: Double? = nil) {
            report.record(
                "\(subject).op-\(claim)",
                message.map {
                    ConformanceFailure(
                        subject: "\(subject).op-\(claim)", message: "\(name): \($0)", seed: seed,
                        maximumError: error, location: node.location)
                })
        }
        let names = types.indices.map { "input \($0)" }
        let inputs = Dictionary(uniqueKeysWithValues: zip(names, values))
        do {
            let graph = try graph(node, types, names) { [("y", $0)] }
            let evaluation = try DoubleEvaluation(graph, inputs: inputs, parameters: [:])
            let again = try DoubleEvaluation(graph, inputs: inputs, parameters: [:])
            let (found, repeated) = (evaluation.outputs["y"] ?? [], again.outputs["y"] ?? [])
            record("determinism", found.isSame(as: repeated) ? nil : "the same inputs, another result")
            let isFinite = !values.joined().allSatisfy(\.isFinite) || found.allSatisfy(\.isFinite)
            record("finite", isFinite ? nil : "the result of finite inputs is not finite")
            record("decomposition", decomposition(graph, inputs, found, node.type))
        } catch {
            record("shape", "\(error)")
        }
        guard differentiable, node.dtype.isFloat else { return }
        do {
            for fault in try gradient(node, types, names, inputs) {
                let input = fault.target.map { "with respect to \($0.name)" } ?? "with respect to all inputs together"
                record("gradient", "its gradient rule, \(input), \(fault.message)", error: fault.error)
            }
            record("gradient", nil)
        } catch {
            record("gradient", "its gradient rule gives no graph: \(error)")
        }
    }

    /// A graph of the node alone.
    private func graph(
        _ node: Node, _ types: [TensorType], _ names: [String],
        _ outputs: (Tensor) -> [(name: String, tensor: Tensor)]
    ) throws -> Graph {
        try Graph.build { builder in
            let inputs = zip(names, types).map { builder.input($0, $1) }
            return outputs(builder.apply(node.op, inputs, node.location))
        }
    }

    /// What is wrong with the decomposition; nil where nothing is.
    private func decomposition(
        _ graph: Graph, _ inputs: [String: [Double]], _ expected: [Double], _ type: TensorType
    ) -> String? {
        do {
            let simpler = try graph.decomposing { _ in false }
            if let rest = simpler.nodes.first(where: { $0.op.isCustom }) {
                let what = rest.op == graph.nodes.last?.op ? "it" : "the op '\(rest.op.name)', which it decomposes to,"
                return "\(what) has no decomposition, so that only a backend with a kernel for it runs it, and cpu has "
                    + "none; implement `decompose` with the graph's own ops"
            }
            // Inputs that the decomposition does not read are gone.
            let found = try DoubleEvaluation(simpler, inputs: inputs, parameters: [:]).outputs["y"] ?? []
            let type = TensorType(type.dtype.isFloat ? .float64 : type.dtype, type.shape)
            guard found.count == expected.count else { return "its decomposition gives another number of values" }
            let gap = difference(
                TensorData(type, doubles: found), TensorData(type, doubles: expected), Self.tolerance)
            return gap.map { "its decomposition does not compute what its evaluation does: \($0)" }
        } catch {
            return "it cannot be decomposed: \(error)"
        }
    }

    private func gradient(
        _ node: Node, _ types: [TensorType], _ names: [String], _ inputs: [String: [Double]]
    ) throws -> [SlopeCheck.Fault] {
        let builder = GraphBuilder()
        let tensors = zip(names, types).map { builder.input($0, $1) }
        let y = builder.apply(node.op, tensors, node.location)
        let weights = Initializer.uniform(bound: 1).draw(y.type, name: "weights", seed: seed)
        let loss = (y * builder.constant(weights)).sum()
        let floats = tensors.indices.filter { types[$0].dtype.isFloat }
        guard !floats.isEmpty else { return [] }
        let gradients = loss.gradients(withRespectTo: floats.map { tensors[$0] })
        let graph = try builder.finish(
            [("loss", loss)] + zip(floats, gradients).map { (name: names[$0], tensor: $1) })
        return try SlopeCheck(
            graph: graph, inputs: inputs, parameters: [:],
            targets: floats.map { SlopeCheck.Target(name: names[$0], isInput: true) }, seed: seed
        ).faults()
    }
}

extension Op {
    var isCustom: Bool { if case .custom = self { true } else { false } }
}

extension [Double] {
    /// Equal, and not a number where the other is not.
    func isSame(as other: [Double]) -> Bool {
        count == other.count && zip(self, other).allSatisfy { $0 == $1 || $0.isNaN && $1.isNaN }
    }
}
