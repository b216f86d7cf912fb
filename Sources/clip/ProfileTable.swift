import CLIPKit

extension ExecutionProfile {
    /// A table for people: alike steps together, the costliest first.
    var table: String {
        struct Key: Hashable {
            var kind: String
            var detail: String
        }
        var groups: [Key: (count: Int, seconds: Double, flops: Double)] = [:]
        for step in steps where step.calls > 0 {
            let old = groups[Key(kind: step.kind, detail: step.detail)] ?? (0, 0, 0)
            groups[Key(kind: step.kind, detail: step.detail)] = (
                old.count + step.calls, old.seconds + step.seconds, old.flops + step.flops
            )
        }
        let total = groups.values.reduce(0) { $0 + $1.seconds }
        var table = Table(["MS", "TIME", "CALLS", "GFLOP/S", "OF PEAK", "STEP"])
        func add(_ seconds: Double, _ calls: Int, _ flops: Double, _ name: String) {
            table.add([
                fixed(seconds * 1000, 2), fixed(seconds / max(total, 1e-12) * 100, 1) + "%", "\(calls)",
                flops > 0 ? fixed(flops / seconds / 1e9, 1) : "",
                flops > 0 ? fixed(flops / seconds / peak * 100, 0) + "%" : "",
                name,
            ])
        }
        for (key, group) in groups.sorted(by: { $0.value.seconds > $1.value.seconds }) {
            add(group.seconds, group.count, group.flops, "\(key.kind) \(key.detail)")
        }
        add(
            total, groups.values.reduce(0) { $0 + $1.count }, groups.values.reduce(0) { $0 + $1.flops },
            "all; the peak, measured, is \(fixed(peak / 1e9, 0)) GFLOP/s")
        return table.text
    }
}
