internal import CPUKernels
internal import Multimodal
internal import Synchronization

/// A weight as the packed kernel reads it. Executables that share weights share its memory.
final class PackedWeight: Sendable {
    /// Written once, by `fill`, before anybody reads it.
    nonisolated(unsafe) let memory: UnsafeMutableRawPointer
    private let isFilled = Mutex(false)

    init(byteCount: Int) throws(BackendError) {
        guard let memory = cpu_pages_allocate(Int64(byteCount)) else {
            throw BackendError("there is no memory for a weight of \(byteCount) bytes", isOutOfMemory: true)
        }
        self.memory = memory
    }

    deinit { cpu_pages_free(memory) }

    var isReady: Bool { isFilled.withLock { $0 } }

    func fill(_ body: (UnsafeMutableRawPointer) -> Void) {
        isFilled.withLock { isFilled in
            if !isFilled { body(memory) }
            isFilled = true
        }
    }
}

extension Planner {
    /// The weight packed for `source`, perhaps by an earlier executable of the same parameters.
    func packedWeight(_ id: Node.ID, _ source: cpu_pack) throws(BackendError) -> PackedWeight {
        var source = source
        return try packedWeight(
            id, "\(String(cString: kernels.name)) \(source.is_bfloat16) \(source.taps)",
            byteCount: Int(kernels.packed_bytes(&source)))
    }

    /// Memory for a weight packed in the way of `kind`.
    func packedWeight(_ id: Node.ID, _ kind: String, byteCount: Int) throws(BackendError) -> PackedWeight {
        guard let sharedWeights, let expression = expressions[id] else { return try PackedWeight(byteCount: byteCount) }
        do {
            return try sharedWeights.value("\(kind) \(expression)") { try PackedWeight(byteCount: byteCount) }
        } catch {
            throw (error as? BackendError) ?? BackendError("\(error)")
        }
    }

    /// Letters of the longest expression that is kept: a weight is a few steps from its parameters.
    private static let longestExpression = 4096

    /// How constants come from parameters: equal for equal values. nil where that cannot be told, and for what is no
    /// constant.
    static func expressions(_ graph: Graph) -> [String?] {
        let updated = Set(graph.updates.map(\.parameter))
        var expressions: [String?] = []
        for node in graph.nodes {
            switch node.op {
            case .parameter(let parameter):
                expressions.append(updated.contains(node.id) ? nil : parameter.name)
            case .constant(let data):
                expressions.append(data.shape.count <= 16 ? "\(data.type) \(data.doubles)" : nil)
            default:
                let inputs = node.inputs.compactMap { expressions[$0] }
                let length = inputs.reduce(0) { $0 + $1.utf8.count }
                guard let definition = node.op.definition, inputs.count == node.inputs.count, !inputs.isEmpty,
                    length <= longestExpression
                else {
                    expressions.append(nil)
                    continue
                }
                expressions.append(
                    "\(definition.name)(\(definition.attributes) \(node.type); \(inputs.joined(separator: ", ")))")
            }
        }
        return expressions
    }
}
