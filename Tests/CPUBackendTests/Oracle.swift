import Multimodal

/// Runs a graph by the ops' own reference evaluation.
struct Oracle {
    var graph: Graph
    var parameters: [String: TensorData]

    /// The outputs, and the parameters as updates leave them, as doubles rounded to their element types.
    func run(_ inputs: [String: TensorData]) throws -> (outputs: [String: [Double]], parameters: [String: [Double]]) {
        var values: [[Double]] = []
        for node in graph.nodes {
            switch node.op {
            case .input(let name): values.append(inputs[name]?.doubles ?? [])
            case .parameter(let parameter): values.append(parameters[parameter.name]?.doubles ?? [])
            case .constant(let data): values.append(data.doubles)
            default:
                let operands = node.inputs.map { ReferenceTensor(type: graph[$0].type, values: values[$0]) }
                let raw = try node.op.definition?.evaluate(operands, result: node.type) ?? []
                values.append(raw.map(node.dtype.rounding))
            }
        }
        var results: [String: [Double]] = [:]
        for output in graph.outputs { results[output.name] = values[output.id] }
        var after: [String: [Double]] = [:]
        for update in graph.updates {
            if case .parameter(let parameter) = graph[update.parameter].op {
                after[parameter.name] = values[update.value]
            }
        }
        return (results, after)
    }
}

extension Tensor {
    /// One AdamW step of this parameter, as ordinary nodes.
    func stepAdamW(_ gradient: Tensor, name: String) {
        let m = builder.parameter("m." + name, shape, .zeros, isTrainable: false)
        let v = builder.parameter("v." + name, shape, .zeros, isTrainable: false)
        let m1 = m * 0.9 + gradient * 0.1
        let v1 = v * 0.98 + gradient * gradient * 0.02
        let step = (m1 / 0.1) / ((v1 / 0.02).squareRoot() + 1e-6) + self * 0.2
        builder.update(self, to: self - step * 5e-4)
        builder.update(m, to: m1)
        builder.update(v, to: v1)
    }
}
