import Multimodal

/// Compares the gradient of a scalar with central differences of it, in double precision.
///
/// A random direction sees every element of every target at once, so that a right gradient costs a handful of
/// evaluations. Each target's part of it is scaled to weigh as much as any other's. Only where that fails is every target
/// looked at alone, to name those that are wrong.
struct SlopeCheck {
    /// A graph with the output "loss", and its gradient with respect to each target as an output of the target's name.
    let graph: Graph
    let inputs: [String: [Double]]
    let parameters: [String: [Double]]
    /// What the gradients are of.
    let targets: [Target]
    var seed: UInt64 = 0

    struct Target {
        var name: String
        var isInput = false
    }

    /// What is wrong with a gradient, in one sentence that begins with it.
    struct Fault {
        /// Nil where no target alone is wrong.
        var target: Target?
        var message: String
        /// Difference of the two slopes.
        var error: Double
    }

    /// How finely differences are taken.
    private struct Precision {
        /// Largest difference of two slopes, relative to the larger of them.
        var tolerance: Double
        /// Tried in turn until one agrees. The first is right for smooth functions; smaller ones step over fewer kinks.
        var steps: [Double]
        /// Whether differences are of fourth order, so that large steps do.
        var isOfFourthOrder = false
    }

    private static let double = Precision(tolerance: 1e-5, steps: [1e-6, 1e-7, 1e-5, 1e-4, 1e-8])
    /// For ops that evaluate in single precision, whose rounding small steps magnify.
    private static let single = Precision(tolerance: 1e-3, steps: [1e-2, 3e-3, 3e-2], isOfFourthOrder: true)
    /// A target whose gradient is this much smaller than the largest counts as if it were not.
    private static let smallest = 1e-3

    /// Nil where everything agrees; else the faults, one a target.
    func faults(directions: Int = 2) throws -> [Fault] {
        let base = try DoubleEvaluation(graph, inputs: inputs, parameters: parameters)
        let gradients = base.outputs
        if let lost = targets.first(where: { gradients[$0.name]?.allSatisfy(\.isFinite) != true }) {
            return [Fault(target: lost, message: "is not finite", error: .infinity)]
        }
        let loss = try Graph(forward: graph, of: "loss")
        let forward = try DoubleEvaluation(loss, inputs: inputs, parameters: parameters)
        let largest = targets.map { Self.largest(gradients[$0.name] ?? []) }.max() ?? 0
        let isSingle = forward.isSinglePrecision
        let floor = largest == 0 ? 1 : largest * (isSingle ? 0.1 : Self.smallest)
        var random = SeededGenerator(seed: seed, stream: "slopes")
        for _ in 0..<directions {
            let direction = targets.map { target in
                let gradient = gradients[target.name] ?? []
                // Large steps are not to leave where the loss is nearly straight.
                let scale = min(1 / max(Self.largest(gradient), floor), isSingle ? 1 : .infinity)
                return gradient.map { _ in random.next() & 1 == 0 ? scale : -scale }
            }
            guard let whole = try fault(forward, gradients, targets, direction) else { continue }
            let single = try zip(targets, direction).compactMap { target, part -> Fault? in
                guard var fault = try fault(forward, gradients, [target], [part]) else { return nil }
                fault.target = target
                return fault
            }
            return single.isEmpty ? [whole] : single
        }
        return []
    }

    private static func largest(_ values: [Double]) -> Double { values.reduce(0) { max($0, $1.magnitude) } }

    private func fault(
        _ forward: DoubleEvaluation, _ gradients: [String: [Double]], _ targets: [Target], _ directions: [[Double]]
    ) throws -> Fault? {
        var analytic = 0.0
        var squares = 0.0
        for (target, direction) in zip(targets, directions) {
            for (slope, step) in zip(gradients[target.name] ?? [], direction) {
                analytic += slope * step
                squares += slope * slope * step * step
            }
        }
        var best: (error: Double, numeric: Double)?
        let precision = forward.isSinglePrecision ? Self.single : Self.double
        for step in precision.steps {
            func difference(_ step: Double) throws -> Double {
                try moved(forward, targets, directions, by: step) - moved(forward, targets, directions, by: -step)
            }
            var numeric = try difference(step) / (2 * step)
            if precision.isOfFourthOrder { numeric = (4 * numeric - (try difference(2 * step)) / (4 * step)) / 3 }
            // A sum of terms of both signs may be small by chance; its rounding is in proportion to the terms.
            let scale = max(analytic.magnitude, numeric.magnitude, squares.squareRoot(), Self.smallest)
            let error = (analytic - numeric).magnitude
            if error <= precision.tolerance * scale { return nil }
            if error.isFinite, error < best?.error ?? .infinity { best = (error, numeric) }
        }
        guard let best else {
            return Fault(message: "cannot be checked: near the parameters the loss is not finite", error: .infinity)
        }
        return Fault(message: Self.message(analytic, best.numeric), error: best.error)
    }

    private static func message(_ analytic: Double, _ numeric: Double) -> String {
        let slopes = "gives a slope of \(analytic), finite differences \(numeric)"
        if analytic == 0 { return "is zero, finite differences give a slope of \(numeric)" }
        if numeric == 0 { return slopes }
        return slopes + ": \((analytic / numeric).plain) times what is right"
    }

    private func moved(
        _ forward: DoubleEvaluation, _ targets: [Target], _ directions: [[Double]], by step: Double
    ) throws -> Double {
        var movedInputs: [String: [Double]] = [:]
        var movedParameters: [String: [Double]] = [:]
        for (target, direction) in zip(targets, directions) {
            let values = (target.isInput ? inputs : parameters)[target.name] ?? []
            let moved = zip(values, direction).map { $0 + step * $1 }
            if target.isInput { movedInputs[target.name] = moved } else { movedParameters[target.name] = moved }
        }
        return try forward.moving(inputs: movedInputs, parameters: movedParameters).outputs["loss"]?.first ?? .nan
    }
}

extension Graph {
    /// The part of `graph` that its output `name` needs.
    init(forward graph: Graph, of name: String) throws {
        let builder = GraphBuilder(extending: graph)
        guard let output = graph.outputs.first(where: { $0.name == name }) else {
            throw BackendError("the graph has no output '\(name)'")
        }
        self = try builder.finish([(name, builder.tensor(output.id))])
    }
}

extension Double {
    /// To four digits, for people.
    var plain: String { Float(self).isFinite ? "\(Float((self * 1e4).rounded() / 1e4))" : "\(self)" }
}
